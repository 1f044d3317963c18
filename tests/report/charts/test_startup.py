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


def test_as_many_workers_on_one_node_and_on_two_are_two_starts():
    pool = [row for row in sweep_rows((2,)) if "backend" in row]
    (chart,) = of([*pool, *(row | {"nodes": 2, "startup_s": 1.0} for row in pool)])
    assert [row[0] for row in chart.table.rows] == ["processes, 1 node w2", "processes, 2 nodes w2"]
    spread = chart.spec["layer"][0]["data"]["values"]
    assert [row["start"] for row in spread] == pytest.approx([125, 1000])


def test_workers_that_take_as_many_nodes_as_they_need_are_named_by_their_number_alone():
    pool = [row for row in sweep_rows((2, 4)) if "backend" in row]
    (chart,) = of([row | {"nodes": row["workers"] // 2} for row in pool])
    assert [row[0] for row in chart.table.rows] == ["processes w2", "processes w4"]


def test_serial_starts_no_pool():
    assert of([row for row in sweep_rows() if "backend" not in row]) == []
