"""Every chart of a result: whole, self-contained, and drawn with as many marks as told."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import pytest
import vl_convert
from factories import make_result, make_rounds, sweep_rows

from scalebench import load
from scalebench.analysis.comparison import comparison
from scalebench.report.charts import MOST_CASES, charts, comparison_chart
from scalebench.report.charts.base import DATA, MARKS
from scalebench.report.charts.theme import CONFIG
from scalebench.report.html import content

REFERENCE = Path(__file__).parents[3] / "results" / "reference" / "amd-epyc-2cpu"
SECTIONS = ["answer", "scaling", "losses", "threads", "timeline", "granularity", "startup", "weak", "comparison"]
NASTY = "<script>alert('1')</script>\"; datum.x"
SVG = "{http://www.w3.org/2000/svg}"


def granularity_rows():
    rows = []
    for block in range(3):
        for size in (10, 100, 1000, 10_000, 100_000):
            work = {"size": str(size), "tasks": 100, "work_units": size * 100, "suite": "granularity", "block": block}
            rows.append({**work, "wall_s": size * 1e-4 * (1 + block / 64)})
            for chunksize, cost_s in ((1, 1e-3), (16, 1e-4)):
                pool = {"backend": "processes", "start_method": "fork", "workers": 2, "chunksize": chunksize}
                rows.append({**work, **pool, "wall_s": (size * 1e-6 + cost_s) * 50 * (1 + block / 128)})
    return rows


def blas_rows():
    rows = []
    for threads in (1, 2):
        common = {"kind": "blas", "suite": "blas", "size": "400x4", "blas_threads": threads}
        rows += [{**row, **common} for row in sweep_rows((1, 2))]
    return rows


MADE = {
    "strong": lambda: make_rounds(*sweep_rows()),
    "weak": lambda: make_rounds(*(row | {"scaling": "weak", "tasks": 24 * row.get("workers", 1), "suite": "weak",
                                         "work_units": 1_200_000 * row.get("workers", 1)} for row in sweep_rows())),
    "blas": lambda: make_rounds(*blas_rows()),
    "granularity": lambda: make_rounds(*granularity_rows()),
    "two blocks": lambda: make_rounds(*sweep_rows(blocks=2)),
    "one failed": lambda: make_rounds(*sweep_rows(), {"backend": "threads", "workers": 2, "status": "crashed"}),
    "no baseline": lambda: make_rounds(*(row for row in sweep_rows() if "backend" in row)),
    "nasty": lambda: make_rounds(*sweep_rows(variant=NASTY, suite=NASTY), *sweep_rows(variant="b", suite=NASTY), run_id=NASTY,
                                 workload=NASTY, kind=None, size=NASTY),
}  # fmt: skip


@pytest.fixture(scope="module")
def of_reference():
    return charts(load(REFERENCE))


@pytest.fixture(scope="module", params=MADE)
def of_made(request):
    about = {"machine": {"cpu": NASTY, "cpu_budget": 2, "physical_cores": 2, "logical_cpus": 4}}
    return charts(make_result(MADE[request.param](), **about))


def drawn(chart):
    """The picture, as elements."""
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(chart.spec, vl_version="6.4"))


def marks(picture):
    groups = [group for group in picture.iter(f"{SVG}g") if MARKS in (group.get("class") or "").split()]
    return sum(len(group) for group in groups)


def data_layer(spec):
    (layer,) = [layer for layer in spec["layer"] if layer.get("name", "").startswith(DATA)]
    return layer


def strings(value, path=""):
    """Every text of a specification with the keys that lead to it."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from strings(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from strings(one, path)
    elif isinstance(value, str):
        yield path, value


def with_one_row(spec):
    """A specification with the first row alone of each of its data: they are all alike, and each is looked at for long."""
    if isinstance(spec, dict):
        return {key: value[:1] if key == "values" else with_one_row(value) for key, value in spec.items()}
    return list(map(with_one_row, spec)) if isinstance(spec, list) else spec


def check(found):
    assert len({chart.name for chart in found}) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", chart.name) for chart in found)
    order = [SECTIONS.index(chart.section) for chart in found]
    assert order == sorted(order)
    for chart in found:
        alt.Chart.from_dict(with_one_row(chart.spec))  # raises where the schema is not met
        text = json.dumps(chart.spec, allow_nan=False)
        assert [at for at, one in strings(chart.spec) if "://" in one] == [".$schema"]
        assert '"url"' not in text
        assert marks(drawn(chart)) == chart.marks > 0
        assert chart.alternative.endswith(".")
        assert chart.spec["description"] == chart.alternative
        assert chart.table.rows
        assert {len(row) for row in chart.table.rows} == {len(chart.table.head)}
        assert chart.spec["config"] == CONFIG


@pytest.mark.long
def test_every_chart_of_the_reference_run_is_drawn_with_the_marks_that_it_tells(of_reference):
    check(of_reference)
    assert {chart.section for chart in of_reference} == set(SECTIONS) - {"answer", "granularity", "comparison"}


def test_every_chart_of_made_rounds_is_drawn_with_the_marks_that_it_tells(of_made):
    check(of_made)


def test_the_charts_of_the_reference_run_are_small(of_reference):
    assert sum(len(json.dumps(chart.spec)) for chart in of_reference) < 500_000


def test_marks_are_the_rows_of_the_layer_of_data_but_for_those_of_other_cases(of_reference):
    for chart in of_reference:
        layer = data_layer(chart.spec)
        rows = layer["data"]["values"]
        if chart.section == "timeline":
            (picked,) = chart.spec["params"]
            rows = [row for row in rows if row["c"] == picked["value"]]
        assert chart.marks == len(rows)


def test_names_of_the_data_stand_in_no_expression_and_no_field():
    spec_of = charts(make_result(MADE["nasty"]()))
    assert {chart.section for chart in spec_of} >= {"scaling", "losses", "timeline", "startup", "comparison"}
    allowed = (".text", ".subtitle", ".description", ".values.", ".domain", ".labels")
    for chart in spec_of:
        places = {at for at, one in strings(chart.spec) if "script" in one}
        assert places
        assert all(any(part in f"{at}." for part in allowed) for at in places), places


def test_a_picture_shows_markup_in_a_name_as_text():
    (chart, *_) = [one for one in charts(make_result(MADE["nasty"]())) if one.section == "startup"]
    picture = drawn(chart)
    assert not list(picture.iter(f"{SVG}script"))
    assert "<script>" in "".join(picture.itertext())


def test_a_result_without_rounds_has_no_charts():
    assert charts(make_result(make_rounds(*sweep_rows()).iloc[:0])) == []


def test_a_run_in_which_all_failed_has_no_charts():
    assert (
        charts(make_result(make_rounds({"status": "failed"}, {"backend": "processes", "workers": 2, "status": "failed"}))) == []
    )


def test_more_runs_than_have_tables_have_no_charts():
    rows = [{**row, "run_id": f"run-{number}"} for number in range(21) for row in sweep_rows((2,), blocks=1)]
    assert charts(make_result(make_rounds(*rows))) == []


@pytest.mark.long
def test_a_question_of_very_many_cases_is_not_drawn_and_the_page_says_so():
    cases = [{"backend": "processes", "chunksize": size, "workers": 2} for size in range(1, MOST_CASES + 1)]
    large = make_result(make_rounds({}, *cases, block=0))
    assert charts(large) == []
    notes = content.sections(large)[0].notes
    assert any(f"{MOST_CASES + 1} cases, more than {MOST_CASES}: it is not drawn" in note for note in notes)


@pytest.mark.long
def test_two_runs_have_charts_of_each_with_its_name():
    rows = [{**row, "run_id": run} for run in ("one", "two") for row in sweep_rows()]
    found = charts(make_result(make_rounds(*rows)))
    check(found)
    titles = [chart.title for chart in found if chart.name.startswith("speedup")]
    assert [re.search(r"run (\w+)", title)[1] for title in titles] == ["one", "two"]


def test_without_altair_the_error_says_how_to_get_it(monkeypatch):
    from scalebench.errors import UsageError

    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(UsageError, match="pip install altair"):
        charts(make_result(make_rounds(*sweep_rows())))


def test_a_comparison_is_one_chart_with_a_point_for_each_case():
    sides = [(name, make_result(make_rounds(*sweep_rows(), run_id=name))) for name in ("before", NASTY)]
    chart = comparison_chart(comparison(sides))
    check([chart])
    assert chart.marks == 4
    assert chart.section == "comparison"
    assert NASTY in chart.title
