"""What starting a pool costs."""

import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.charts import charts


def of(rows):
    return [one for one in charts(make_result(make_rounds(*rows))) if one.section == "startup"]


def test_a_point_is_a_launch_and_the_mark_their_geometric_mean():
    rows = [row | {"startup_s": 0.001 * 2 ** row["block"]} for row in sweep_rows((2,))]
    (chart,) = of(rows)
    spread, mean, points = (one["data"]["values"] for one in chart.spec["layer"])
    assert [row["start"] for row in points] == [1, 2, 4]
    assert [row["start"] for row in mean] == pytest.approx([2])
    assert spread == mean
    assert chart.table.rows[0][:2] == ["processes w2", "3"]


def test_mpi_is_counted_from_another_beginning_and_so_apart():
    rows = [*sweep_rows((2,)), *(row for row in sweep_rows((2,), backend="mpi", distribution="block") if "backend" in row)]
    assert [one.title for one in of(rows)] == ["Start-up of pools, crunch", "Start-up of MPI, crunch"]


def test_the_same_pool_in_two_suites_counts_once_a_block():
    rows = [*sweep_rows((2,)), *(row | {"tasks": 99, "suite": "other"} for row in sweep_rows((2,)))]
    (chart,) = of(rows)
    assert chart.marks == 6
    spread = chart.spec["layer"][0]["data"]["values"]
    assert len(spread) == 1
    assert of(sweep_rows((2,)))[0].spec["layer"][0]["data"]["values"] == spread


def test_serial_starts_no_pool():
    assert of([row for row in sweep_rows() if "backend" not in row]) == []
