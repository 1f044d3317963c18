"""The Python face: questions to a result, and what is drawn meanwhile."""

from pathlib import Path

import factories
import pandas as pd
import pytest

import scalebench
from scalebench import Study
from scalebench.api import run_observed
from scalebench.errors import ResultsError
from scalebench.results import result as plain

DATA = Path(__file__).parent / "data"
TINY = {"size": 100, "tasks": 4, "rounds": 2, "blocks": 1, "backend": "threads", "workers": "1,2"}


def result(*rows):
    plain = factories.make_result(factories.make_rounds(*(rows or factories.sweep_rows())))
    return scalebench.Result(plain.rounds, plain.tasks, plain.about, plain.path)


def test_what_run_returns_is_what_load_reads_and_goes_wherever_a_plain_result_goes(tmp_path):
    ran = scalebench.run(Study(**TINY), results=tmp_path)
    assert isinstance(ran, scalebench.Result)
    assert isinstance(ran, plain.Result)
    pd.testing.assert_frame_equal(scalebench.load(ran.path).rounds, ran.rounds)
    assert len(ran.tasks) == 3 * 2 * 4


def test_scaling_and_efficiency_are_one_row_a_case():
    for table in (result().scaling(), result().efficiency()):
        assert isinstance(table, pd.DataFrame)
        assert list(zip(table["backend"], table["workers"], strict=True)) == [
            ("processes", 1), ("processes", 2), ("processes", 4), ("serial", 1),
        ]  # fmt: skip


def test_the_efficiency_says_where_it_went():
    table = result().efficiency().set_index(["backend", "workers"])
    assert table.loc[("processes", 4), "verdict"].startswith("4 workers: 50% efficient; 50 points lost")


def test_a_recommendation_is_a_list_of_answers_with_their_cases():
    (answer,) = result().recommend()
    assert answer.status == "shown"
    assert isinstance(answer.cases, pd.DataFrame)
    assert "Use 2 workers of processes" in repr(result().recommend())


def test_laws_are_one_fit_a_curve_and_show_what_the_data_can_not():
    (found,) = result().laws(oversubscribed=True)
    assert list(found.points.workers) == [1, 2, 4]
    assert "a law needs 4" in " ".join(repr(result().laws()).split())


def test_granularity_is_of_studies_that_sweep_sizes():
    rows = [row for size in ("10", "100", "1000", "10000") for row in factories.sweep_rows(size=size)]
    assert set(result(*rows).granularity()["backend"]) == {"serial", "processes"}
    with pytest.raises(ResultsError, match="no suite that sweeps sizes"):
        result().granularity()


@pytest.mark.parametrize("method", ["scaling", "efficiency", "granularity", "recommend", "laws"])
def test_a_file_of_another_tool_says_that_it_has_no_workers(method):
    foreign = scalebench.load(DATA / "pyperf_1_0.json.gz")
    with pytest.raises(ResultsError, match="of pyperf: no worker counts"):
        getattr(foreign, method)()
    assert "rounds of pyperf" in str(foreign)
    assert "rounds of pyperf" in foreign._repr_mimebundle_()["text/html"]


def test_a_result_is_named_in_a_line_and_printed_as_its_report():
    assert repr(result()).count("\n") == 0
    assert "4 cases, 12 rounds" in repr(result())
    assert "strong scaling of crunch 50000" in str(result())


def test_progress_is_silent_where_nobody_looks_and_plain_lines_where_it_is_wanted(tmp_path, capsys):
    scalebench.run(Study(**TINY), results=tmp_path)
    assert capsys.readouterr().err == ""
    scalebench.run(Study(**TINY), results=tmp_path, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("3 launches, about ")
    assert lines[1].startswith("block 0: 0 of 3 launches done, ")


def test_an_interruption_keeps_what_was_measured_and_says_where(tmp_path):
    launches = []

    def stop(*told):
        launches.append(told)
        if len(launches) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupted:
        run_observed([stop], Study(**TINY), results=tmp_path)
    (run,) = tmp_path.iterdir()
    assert interrupted.value.__notes__ == [
        f"What was measured is in {run}: scalebench.load({str(run)!r}); scalebench.run(study, resume={str(run)!r}) goes on"
    ]
    kept = scalebench.load(run)
    assert kept.about["status"] == "interrupted"
    assert kept.rounds["case_id"].nunique() == 2


def test_a_bar_is_drawn_on_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    scalebench.run(Study(**TINY), results=tmp_path)
    assert "3/3" in capsys.readouterr().err
