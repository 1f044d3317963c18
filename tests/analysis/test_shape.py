"""Across machines the scaling is compared: at equal workers, at an equal share of the CPUs, and by its own figures."""

import numpy as np
import pandas as pd
import pytest
from factories import make_rounds, sweep_rows

from scalebench.analysis.shape import EQUAL_SHARE, EQUAL_WORKERS, KNEE, METG, SERIAL_FRACTION, shapes


def machine(name, workers, cpus, **common):
    """Scales perfectly up to two workers."""
    return make_rounds(*sweep_rows(workers, **common), run_id=name, machine_id=name, cpu_budget=cpus)


def sweep(name, overhead_s, imbalances=(0.0,)):
    """A task of a pool costs the more the less even tasks are."""
    rows = []
    for size in (100, 1000, 10_000, 100_000):
        work = size * 1e-6
        common = {"size": str(size), "tasks": 1000, "work_units": size * 1000}
        rows += [{**common, "block": block, "wall_s": 1000 * work} for block in range(3)]
        rows += [
            {**common, "block": block, "backend": "processes", "workers": 2, "imbalance": imbalance,
             "wall_s": 500 * (work + overhead_s * (1 + imbalance))}
            for block in range(3)
            for imbalance in imbalances
        ]  # fmt: skip
    return make_rounds(*rows, run_id=name)


def values(found, measure):
    rows = found[found["measure"] == measure]
    return {(row["at"], row["side"]): row["value"] for _, row in rows.iterrows()}


def test_efficiency_is_compared_at_equal_workers():
    found = shapes([machine("a", (1, 2, 4), 4), machine("b", (2, 4, 8), 8)])
    assert values(found, EQUAL_WORKERS) == pytest.approx({(2, 0): 1.0, (2, 1): 1.0, (4, 0): 0.5, (4, 1): 0.5})


def test_and_at_an_equal_share_of_the_budget():
    found = shapes([machine("a", (1, 2), 2), machine("b", (4, 8), 8)])
    assert values(found, EQUAL_WORKERS) == {}
    assert values(found, EQUAL_SHARE) == pytest.approx({(0.5, 0): 1.0, (0.5, 1): 0.5, (1.0, 0): 1.0, (1.0, 1): 0.25})


def test_of_weak_scaling_a_share_is_of_the_same_work_per_worker():
    rows = [{"block": block, "tasks": 4} for block in range(3)]

    def weak(name, count, cpus):
        more = [
            {"block": block, "backend": "processes", "workers": count, "tasks": 4 * count, "work_units": 1_200_000 * count}
            for block in range(3)
        ]
        return make_rounds(*rows, *more, scaling="weak", run_id=name, cpu_budget=cpus)

    assert values(shapes([weak("a", 2, 2), weak("b", 8, 8)]), EQUAL_SHARE) == pytest.approx({(1.0, 0): 1.0, (1.0, 1): 1.0})


def test_the_serial_fraction_is_taken_at_the_most_workers_that_are_not_oversubscribed():
    a = machine("a", (1, 2), 2)
    b = make_rounds(
        *sweep_rows((1, 2)), *({**row, "oversubscribed": True} for row in sweep_rows((4,)) if "backend" in row), run_id="b"
    )
    found = values(shapes([a, b]), SERIAL_FRACTION)
    assert found == pytest.approx({(2, 0): 0.0, (2, 1): 0.0}, abs=1e-12)
    whole = shapes([machine("a", (1, 2, 4), 4), machine("b", (1, 2, 4), 4)])
    assert whole["measure"].tolist().count(SERIAL_FRACTION) == 2
    assert values(whole, SERIAL_FRACTION) == pytest.approx(dict.fromkeys([(4, 0), (4, 1)], (1 / 2 - 1 / 4) / (1 - 1 / 4)))
    unknown = machine("a", (1, 2), 2).assign(oversubscribed=pd.array([None] * 9, dtype="boolean"))
    assert values(shapes([unknown, unknown]), SERIAL_FRACTION) == {}


def test_an_interval_of_the_serial_fraction_has_its_ends_in_order():
    rows = [{**row, "wall_s": row["wall_s"] * (1 + 0.1 * (row["block"] % 2) * ("backend" in row))} for row in sweep_rows((1, 2))]
    found = shapes([make_rounds(*rows, run_id="a"), make_rounds(*rows, run_id="b")])
    one = found[found["measure"] == SERIAL_FRACTION].iloc[0]
    assert one["low"] < one["value"] < one["high"]


def test_the_knee_is_compared_whatever_the_last_count():
    found = shapes([machine("a", (1, 2, 4), 4), machine("b", (1, 2, 3), 4)])
    assert values(found, KNEE) == {(4, 0): 2, (3, 1): 2}
    assert found.loc[found["measure"] == KNEE, ["low", "high"]].isna().all(axis=None)


def test_the_granularity_of_a_sweep_is_compared():
    found = values(shapes([sweep("a", 1e-3), sweep("b", 4e-3)]), METG)
    assert found[2, 0] == pytest.approx(2e-3, rel=0.05)
    # half lies between sizes a decade apart: 1 ms keeps 1/5, 10 ms keep 10/14; linear in efficiency between 5 and 14 ms
    assert found[2, 1] == pytest.approx(14e-3 - 9e-3 * (10 / 14 - 1 / 2) / (10 / 14 - 1 / 5), rel=0.01)


def on_nodes(name, *counts, cpus_a_node=2):
    """Counts of workers and nodes: on one node scaling is perfect, on two half of each worker is lost."""
    pool = [
        {"block": serial["block"], "backend": "mpi", "workers": workers, "nodes": nodes, "cpu_budget": cpus_a_node * nodes,
         "wall_s": serial["wall_s"] * nodes / workers}
        for serial in sweep_rows(()) for workers, nodes in counts
    ]  # fmt: skip
    return make_rounds(*sweep_rows(()), *pool, run_id=name)


def by_nodes(found, measure):
    rows = found[(found["measure"] == measure) & (found["side"] == 0)]
    return [(row["at"], None if pd.isna(row["nodes"]) else row["nodes"], round(row["value"], 6)) for _, row in rows.iterrows()]


def test_as_many_workers_on_one_node_and_on_two_are_curves_of_their_own_on_every_side():
    found = shapes([on_nodes("a", (2, 1), (2, 2)), on_nodes("b", (2, 1), (2, 2))])
    assert by_nodes(found, EQUAL_WORKERS) == [(2, 1, 1.0), (2, 2, 0.5)]
    assert by_nodes(found, SERIAL_FRACTION) == [(2, 1, 0.0), (2, 2, 1.0)]
    found = shapes([on_nodes("a", (2, 1)), on_nodes("b", (2, 1), (2, 2))])
    assert by_nodes(found, EQUAL_WORKERS) == [(2, 1, 1.0)]


def test_a_curve_that_takes_as_many_nodes_as_it_needs_is_one_but_where_they_have_an_equal_share():
    found = shapes([on_nodes("a", (2, 1), (4, 2)), on_nodes("b", (2, 1), (4, 2))])
    assert by_nodes(found, EQUAL_WORKERS) == [(2, None, 1.0), (4, None, 0.5)]
    assert by_nodes(found, EQUAL_SHARE) == [(1, 1, 1.0), (1, 2, 0.5)]
    assert by_nodes(found, KNEE) == [(4, None, 2)]
    found = shapes([on_nodes("a", (4, 1), cpus_a_node=4), on_nodes("b", (4, 2))])
    assert by_nodes(found, EQUAL_WORKERS) == [(4, None, 1.0)]


def test_the_granularity_of_each_imbalance_is_compared_with_its_own():
    found = shapes([sweep(name, 1e-3, (0.0, 0.5)) for name in ("a", "b")])
    rows = found[found["measure"] == METG]
    assert rows["imbalance"].tolist() == [0.0, 0.5] * 2
    assert rows["value"].iloc[1] > rows["value"].iloc[0]


def test_nothing_is_compared_with_nothing():
    whole = machine("a", (1, 2), 2)
    assert shapes([whole, whole.iloc[:0]]).empty
    assert shapes([whole, machine("b", (1, 2), 2, kind="blas")]).empty


def test_the_granularity_of_several_runs_is_their_median_and_has_no_interval():
    several = pd.concat([sweep(f"a{place}", cost) for place, cost in enumerate([1e-3, 5e-4, 1.2e-3])], ignore_index=True)
    found = shapes([several, sweep("b", 1e-3)])
    found = found[found["measure"] == METG].set_index("side")
    assert found.loc[0, "value"] == found.loc[1, "value"]
    assert found.loc[0, ["low", "high"]].isna().all()
    assert found.loc[1, ["low", "high"]].notna().all()
    assert found["at"].tolist() == [2.0, 2.0]


def test_blocks_of_several_runs_of_a_side_are_blocks_of_one():
    def efficiency(*runs):
        rows = [machine(f"a{place}", (2,), 4, blocks=2).assign(wall_s=lambda one, by=by: one["wall_s"].where(one["workers"] == 1, one["wall_s"] * by))
                for place, by in enumerate(runs)]  # fmt: skip
        found = shapes([pd.concat(rows, ignore_index=True), machine("b", (2,), 4)])
        return found[(found["measure"] == EQUAL_WORKERS) & (found["side"] == 0)].iloc[0]

    one, two = efficiency(1.0), efficiency(1.0, 1.21)
    assert one[["low", "high"]].isna().all()
    assert two["value"] == pytest.approx(1 / 1.1)
    half = 3.1824 * np.std(np.log([1, 1, 1.21, 1.21]), ddof=1) / 2  # t of three degrees of freedom
    assert np.log(two[["low", "high"]].astype(float) * 1.1).tolist() == pytest.approx([-half, half], rel=1e-4)


def test_what_only_one_machine_has_or_only_the_others_have_is_left_out():
    found = shapes([machine("a", (1, 2), 4), machine("b", (1, 2, 8), 8), machine("c", (2, 8), 8)])
    places = {(row["at"], row["side"]) for _, row in found[found["measure"] == EQUAL_WORKERS].iterrows()}
    assert places == {(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)}
    assert found["tasks"].tolist() == [24] * len(found)


def test_a_program_is_compared_too_and_another_tools_rows_are_not():
    program = {"backend": "program", "workload": "./solve", "kind": None, "size": None, "imbalance": None}
    rows = [
        {"block": block, "workers": workers, "wall_s": wall_s, **program}
        for block in range(3)
        for workers, wall_s in ((1, 4.0), (2, 2.5))
    ]
    other = make_rounds({}, run_id="tool").assign(backend=pd.array([None], dtype="string"))
    found = shapes([pd.concat([make_rounds(*rows), other], ignore_index=True), make_rounds(*rows)])
    assert values(found, EQUAL_WORKERS) == pytest.approx({(1, 0): 1.0, (1, 1): 1.0, (2, 0): 0.8, (2, 1): 0.8})
