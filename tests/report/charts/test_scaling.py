"""Speedup and efficiency against workers."""

import numpy as np
import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.report.charts import charts

COUNTS = (1, 2, 4, 8, 16, 32)


def of(rows, name="speedup-strong-1", **about):
    (chart,) = [one for one in charts(make_result(make_rounds(*rows), **about)) if one.name == name]
    return chart


def layer(chart, kind, **marks):
    return [one for one in chart.spec["layer"] if one["mark"]["type"] == kind and marks.items() <= one["mark"].items()]


def points(chart):
    (one,) = [one for one in chart.spec["layer"] if "data" in one.get("name", "")]
    return one["data"]["values"]


def by_law(contention, backend="processes"):
    """Blocks that follow a law but for their mood."""
    rows = []
    noise = np.random.default_rng(0)
    for block in range(5):
        mood = 1 + block / 64
        rows.append({"block": block, "wall_s": 32 * mood, "busy_s": 32 * mood, "busy_max_s": 32 * mood, "cpu_s": 32 * mood})
        for count in COUNTS:
            wall_s = 32 * mood * (1 + contention * (count - 1)) / count * np.exp(noise.normal(0, 0.001))
            rows.append({"block": block, "backend": backend, "workers": count, "wall_s": wall_s, "cpu_budget": 64,
                         "busy_s": wall_s * count, "busy_max_s": wall_s})  # fmt: skip
    return rows


def test_the_fitted_law_is_drawn_through_the_points_with_its_name():
    chart = of(by_law(0.05))
    (line,) = [one for one in layer(chart, "line") if "strokeDash" in one["encoding"]]
    rows = line["data"]["values"]
    (curve,) = curves(make_rounds(*by_law(0.05)))
    found = fit(curve.table)
    assert {row["law"] for row in rows} == {found.laws[found.used].law.title}
    at = {row["workers"]: row["value"] for row in points(chart)}
    ends = rows[0], rows[-1]
    assert [row["value"] for row in ends] == pytest.approx([at[1], at[32]], rel=0.01)
    assert ends[-1]["value"] == pytest.approx(32 / (1 + 0.05 * 31), rel=0.01)
    assert f"({rows[0]['law']})" in chart.alternative


def test_the_law_of_the_efficiency_is_that_of_the_speedup_by_workers():
    (line,) = [one for one in layer(of(by_law(0.05), "efficiency-strong-1"), "line") if "strokeDash" in one["encoding"]]
    assert line["data"]["values"][-1]["value"] == pytest.approx(100 / (1 + 0.05 * 31), rel=0.01)


def test_no_law_is_drawn_of_three_counts():
    assert not [one for one in of(sweep_rows()).spec["layer"] if "strokeDash" in one["encoding"]]


def test_the_machine_s_counts_are_rules_and_only_those_that_the_axis_has():
    chart = of(by_law(0.0), machine={"cpu_budget": 8, "physical_cores": 16, "logical_cpus": 96})
    (rule,) = [one for one in layer(chart, "rule") if one["encoding"]["x"]["field"] == "at"]
    assert [row["at"] for row in rule["data"]["values"]] == [8, 16]
    assert "Dotted: 8 (CPU budget); 16 (physical cores)." in " ".join(chart.spec["title"]["subtitle"])
    assert "96: logical CPUs" in chart.alternative


def test_the_shade_begins_between_the_counts_that_the_boundary_lies_between():
    rows = [row | {"oversubscribed": row.get("workers", 1) > 2} for row in sweep_rows((1, 2, 4))]
    (shade,) = layer(of(rows), "rect")
    (row,) = shade["data"]["values"]
    assert 2 < row["from"] < 4
    assert "Oversubscribed from 4 workers on." in of(rows).alternative


def test_nothing_is_shaded_where_nothing_was_oversubscribed():
    assert not layer(of(sweep_rows()), "rect")


def test_a_set_up_that_the_shade_does_not_hold_for_is_named():
    rows = [row | {"oversubscribed": row.get("workers", 1) > 2} for row in sweep_rows((1, 2, 4))]
    threads = [row for row in sweep_rows((1, 2, 4), backend="threads") if "backend" in row]
    assert "but not threads" in of([*rows, *threads]).alternative


def test_points_are_joined_only_along_a_set_up_and_not_across_a_case_that_has_no_figure():
    rows = [row for row in sweep_rows((1, 2, 8)) if row] + [{"backend": "processes", "workers": 4, "status": "crashed"}]
    other = [row for row in sweep_rows((1, 4), backend="threads") if "backend" in row]
    parts = {}
    for row in points(of([*rows, *other])):
        parts.setdefault((row["setup"], row["part"]), []).append(row["workers"])
    assert sorted(parts.values()) == [[1, 2], [1, 4], [8]]
    assert ["processes", "4", "-", "f"] in of([*rows, *other]).table.rows


def test_a_count_that_only_another_set_up_has_breaks_no_line():
    other = [row for row in sweep_rows((1, 2, 4), backend="threads") if "backend" in row]
    chart = of([*sweep_rows((1, 4)), *other])
    assert len({row["part"] for row in points(chart) if row["setup"] == "processes"}) == 1


def test_points_beside_their_count_stay_nearer_to_it_than_to_any_other():
    rows = sweep_rows((1, 2, 3, 4))
    rows += [
        row
        for name in ("threads", "joblib", "multiprocess")
        for row in sweep_rows((1, 2, 3, 4), backend=name)
        if "backend" in row
    ]
    found = points(of(rows))
    assert len({row["x"] for row in found}) == len(found) == 16
    for row in found:
        assert min((1, 2, 3, 4), key=lambda count: abs(np.log(count / row["x"]))) == row["workers"]


def test_intervals_are_those_of_the_table():
    chart = of(sweep_rows((2,)))
    (row,) = points(chart)
    (rule,) = [one for one in layer(chart, "rule") if "y2" in one["encoding"]]
    assert rule["data"]["values"] == [row]
    assert chart.table.rows == [["processes", "2", row["told"], ""]]


def test_two_blocks_give_points_and_no_interval():
    chart = of(sweep_rows((2,), blocks=2))
    (rule,) = [one for one in layer(chart, "rule") if "y2" in one["encoding"]]
    assert rule["data"]["values"] == []
    assert "No intervals" in " ".join(chart.spec["title"]["subtitle"])


def test_blas_threads_are_a_question_of_their_own():
    rows = [row | {"kind": "blas", "size": "400x4", "blas_threads": threads} for threads in (1, 2) for row in sweep_rows((1, 2))]
    titles = [one.title for one in charts(make_result(make_rounds(*rows))) if one.name.startswith("speedup")]
    assert [title.rpartition(", ")[2] for title in titles] == ["1 BLAS thread", "2 BLAS threads"]
