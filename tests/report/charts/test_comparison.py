"""Ratios with intervals."""

from factories import make_result, make_rounds, sweep_rows

from scalebench.analysis.comparison import comparison
from scalebench.report.charts import charts, comparison_chart


def compared(*factors, blocks=5):
    """Sides that take that many times as long as the first."""
    sides = []
    for number, factor in enumerate((1.0, *factors)):
        rows = [row | {"wall_s": row["wall_s"] * factor, "run_id": f"run{number}"} for row in sweep_rows((2,), blocks=blocks)]
        sides.append((f"side{number}", make_result(make_rounds(*rows))))
    return comparison_chart(comparison(sides))


def points(chart):
    (layer,) = [one for one in chart.spec["layer"] if "data" in one.get("name", "")]
    return layer["data"]["values"]


def test_a_case_is_named_by_what_the_cases_do_not_share():
    chart = compared(2.0)
    assert [row["case"] for row in points(chart)] == ["serial w1", "processes w2"]
    assert chart.title == "side1 against side0: strong crunch 50000"
    assert [row["ratio"] for row in points(chart)] == [2.0, 2.0]


def test_as_many_workers_on_one_node_and_on_two_are_told_apart():
    rows = [row | {"nodes": nodes} for row in sweep_rows((2,)) if "backend" in row for nodes in (1, 2)]
    sides = [(name, make_result(make_rounds(*rows, run_id=name))) for name in ("a", "b")]
    names = [row["case"] for row in points(comparison_chart(comparison(sides)))]
    assert names == ["processes, 1 node w2", "processes, 2 nodes w2"]


def test_of_several_sides_each_point_tells_its_side():
    chart = compared(2.0, 1.0)
    assert [row["case"] for row in points(chart)] == ["B: serial w1", "B: processes w2", "C: serial w1", "C: processes w2"]
    assert "A: side0, B: side1, C: side2." in " ".join(chart.spec["title"]["subtitle"])


def test_the_interval_is_that_of_the_comparison():
    for row in points(compared(2.0)):
        assert row["low"] < row["ratio"] < row["high"]


def test_two_launches_give_no_interval():
    chart = compared(2.0, blocks=2)
    assert {row["low"] for row in points(chart)} == {None}
    assert "No intervals" in " ".join(chart.spec["title"]["subtitle"])


def test_the_margin_is_shaded_around_one():
    band = compared(2.0).spec["layer"][0]["data"]["values"]
    assert band == [{"from": 0.98, "to": 1.02, "at": 1}]


def test_variants_of_a_run_are_compared_in_its_report():
    rows = [row | {"variant": name} for name in ("old", "new") for row in sweep_rows((2,))]
    (chart,) = [one for one in charts(make_result(make_rounds(*rows))) if one.section == "comparison"]
    assert chart.marks == 2


def test_a_run_without_variants_is_compared_with_nothing():
    assert not [one for one in charts(make_result(make_rounds(*sweep_rows()))) if one.section == "comparison"]
