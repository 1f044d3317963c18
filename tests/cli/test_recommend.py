"""``scalebench recommend`` and ``scalebench granularity``, as a user types them."""

import json
from pathlib import Path

import pytest
from factories import make_rounds, make_tasks, sweep_rows, write_parquet

from scalebench.results.schema import ROUNDS, TASKS

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "amd-epyc-2cpu"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def write_run(tmp_path):
    def write(*rows, name="20260131T120000-1f3a9c"):
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        rounds = make_rounds(*rows)
        write_parquet(rounds, folder / "rounds.parquet", ROUNDS)
        write_parquet(make_tasks(rounds), folder / "tasks.parquet", TASKS)
        (folder / "run.json").write_text("{}")
        return folder

    return write


def sizes(blocks=3):
    rows = []
    for block in range(blocks):
        for size in (10, 100, 1000, 10_000):
            work = {"size": str(size), "tasks": 100, "work_units": size * 100, "suite": "granularity", "block": block}
            rows.append({**work, "wall_s": size * 1e-6 * 100})
            rows.append({**work, "backend": "processes", "start_method": "fork", "workers": 2, "chunksize": 1,
                         "wall_s": (size * 1e-6 + 1e-3) * 50})  # fmt: skip
    return rows


class TestRecommend:
    def test_says_what_to_use_of_the_latest_run_within_80_columns(self, scalebench, write_run):
        write_run(*sweep_rows())
        status, out, _ = scalebench("recommend")
        assert status == 0
        assert "Use 2 workers of processes." in out
        *lines, last = out.splitlines()
        assert max(map(len, lines)) <= 80
        assert last.startswith("Results: ")  # to be copied, so never folded

    def test_answers_each_question_of_a_real_run_without_falling_back_to_serial(self, scalebench):
        status, out, _ = scalebench("recommend", REFERENCE)
        assert status == 0
        assert "Stay serial" not in out
        assert out.count(": strong scaling") == 4

    def test_prints_json(self, scalebench, write_run):
        write_run(*sweep_rows())
        _, out, _ = scalebench("recommend", "--json")
        (found,) = json.loads(out)["recommendations"]
        best = {case["case_id"]: case for case in found["cases"]}[found["recommended"]]
        assert (best["backend"], best["workers"]) == ("processes", 2)
        assert found["knees"][0]["knee"] == 2

    def test_of_a_sweep_of_sizes_alone_says_where_to_look(self, scalebench, write_run):
        write_run(*sizes())
        status, out, err = scalebench("recommend")
        assert (status, out) == (2, "")
        assert "scalebench granularity" in err


@pytest.mark.parametrize(("command", "rows"), [("recommend", sweep_rows()), ("granularity", sizes())])
def test_the_latest_run_may_be_named(scalebench, write_run, command, rows):
    write_run(*rows)
    assert scalebench(command, "latest") == scalebench(command)
    assert scalebench(command, "latest")[0] == 0


class TestGranularity:
    def test_prints_metg_with_useful_task_time_beside_it(self, scalebench, write_run):
        write_run(*sizes())
        status, out, _ = scalebench("granularity")
        assert status == 0
        assert "METG(50%) of crunch, 2 workers" in out
        assert "2.00 ms" in out
        assert "1.00 ms" in out

    def test_prints_json_with_the_curves(self, scalebench, write_run):
        write_run(*sizes(blocks=2))
        told = json.loads(scalebench("granularity", "--json")[1])
        pool = next(row for row in told["granularity"] if row["backend"] == "processes")
        assert pool["metg_s"] == pytest.approx(2e-3, rel=0.01)
        assert pool["metg_s_low"] is None
        assert len(told["curves"]) == 8

    def test_of_a_run_without_a_sweep_of_sizes_says_how_to_measure_one(self, scalebench, write_run):
        write_run(*sweep_rows())
        status, out, err = scalebench("granularity")
        assert (status, out) == (2, "")
        assert "--profile granularity" in err
