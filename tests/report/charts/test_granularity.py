"""Efficiency against granularity, and METG of all."""

import pandas as pd
import pytest
from factories import make_result, make_rounds

from scalebench.analysis.granularity import granularity
from scalebench.report.charts import charts

SIZES = (10, 100, 1000, 10_000, 100_000)


def sweep(costs, blocks=3, **more):
    rows = []
    for block in range(blocks):
        for size in SIZES:
            work = {"size": str(size), "tasks": 100, "work_units": size * 100, "suite": "granularity", "block": block}
            rows.append({**work, "wall_s": size * 1e-4})
            for chunksize, cost_s in costs.items():
                pool = {"backend": "processes", "start_method": "fork", "workers": 2, "chunksize": chunksize, **more}
                rows.append({**work, **pool, "wall_s": (size * 1e-6 + cost_s) * 50 * (1 + block / 256)})
    return make_rounds(*rows)


def of(rounds):
    found = [one for one in charts(make_result(rounds)) if one.section == "granularity"]
    assert [one.name for one in found] == ["metg-1", "granularity-1"]
    return found


def values(layer):
    return layer["data"]["values"]


def test_metg_is_marked_where_each_curve_keeps_half():
    rounds = sweep({1: 1e-3, 16: 1e-4})
    limits, curves = of(rounds)
    (rings,) = [one for one in curves.spec["layer"] if one["mark"].get("filled") is False]
    known = granularity(rounds)
    known = known[known["backend"] == "processes"]["metg_s"]
    assert [row["at"] for row in values(rings)] == pytest.approx(list(known), rel=1e-3)
    assert {row["half"] for row in values(rings)} == {50}
    assert [row[0] for row in limits.table.rows] == ["processes fork w2 c1", "processes fork w2 c16"]
    assert limits.marks == 2


def test_a_curve_is_joined_from_the_longest_task_to_the_shortest():
    _, curves = of(sweep({1: 1e-3}))
    (points,) = [one for one in curves.spec["layer"] if "data" in one.get("name", "")]
    assert [row["size"] for row in values(points)] == [str(size) for size in reversed(SIZES)]
    assert [row["place"] for row in values(points)] == list(range(len(SIZES)))


def test_a_curve_that_never_falls_to_half_has_no_ring_and_says_so():
    limits, curves = of(sweep({1: 1e-7}))
    assert not [one for one in curves.spec["layer"] if one["mark"].get("filled") is False]
    (point,) = [row for one in limits.spec["layer"] if "data" in one.get("name", "") for row in values(one)]
    assert point["where"] == "below the sweep"
    assert "METG(50%) below" in curves.alternative


def test_a_curve_that_keeps_half_nowhere_has_no_point_and_is_named():
    limits, _ = of(sweep({1: 1e-3, 16: 10.0}))
    assert limits.marks == 1
    assert "Not reached: processes fork w2 c16." in " ".join(limits.spec["title"]["subtitle"])


@pytest.mark.parametrize(
    ("more", "curves", "labels"),
    [
        ({"imbalance": 0.5}, ["processes fork, 2 workers, imbalance 0", "processes fork, 2 workers, imbalance 0.5"],
         ["processes fork w2 c1, imbalance 0", "processes fork w2 c1, imbalance 0.5"]),
        ({"nodes": 2}, ["processes fork, 1 node, 2 workers", "processes fork, 2 nodes, 2 workers"],
         ["processes fork, 1 node w2 c1", "processes fork, 2 nodes w2 c1"]),
    ],
)  # fmt: skip
def test_imbalance_and_nodes_have_charts_of_their_own_and_are_told(more, curves, labels):
    both = [sweep({1: 1e-3}), sweep({1: 1e-3}, **more).query("backend == 'processes'")]
    found = charts(make_result(pd.concat(both, ignore_index=True)))
    limits, *others = [one for one in found if one.section == "granularity"]
    assert [one.title.partition(" · ")[0] for one in others] == curves
    assert [row[0] for row in limits.table.rows] == labels
    assert [one.marks for one in others] == [len(SIZES), len(SIZES)]
