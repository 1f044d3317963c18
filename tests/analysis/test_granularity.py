"""METG(50%): arithmetic that can be done by hand."""

import math

import numpy as np
import pytest
from factories import make_rounds
from hypothesis import given
from hypothesis import strategies as st

from scalebench.analysis.granularity import curves, granularity, metg

SIZES = (10, 100, 1000, 10_000)
COST_S = 1e-4  # of each task on the interface
TURN_S = 1e-6


def sweep(sizes=SIZES, *, blocks=3, workers=2, cost_s=COST_S):
    """A serial baseline without any cost, and a pool that adds a fixed cost to each task."""
    rows = []
    for block in range(blocks):
        for size in sizes:
            work = {"size": str(size), "tasks": 100, "work_units": size * 100, "block": block, "suite": "granularity"}
            rows.append({**work, "wall_s": size * TURN_S * 100})
            pool = {"backend": "processes", "start_method": "fork", "workers": workers, "chunksize": 1}
            rows.append({**work, **pool, "wall_s": (size * TURN_S + cost_s) * 100 / workers})
    return make_rounds(*rows)


def of_pool(found):
    (curve,) = (one for _, one in found.iterrows() if one["backend"] == "processes")
    return curve


def test_granularity_is_the_worker_time_of_a_task_and_efficiency_its_share_of_the_best_serial_rate():
    cases = curves(sweep())
    pool = cases[cases["backend"] == "processes"].set_index("size")
    for size in SIZES:
        useful = size * TURN_S
        assert pool.loc[str(size), "granularity_s"] == pytest.approx(useful + COST_S)
        assert pool.loc[str(size), "efficiency"] == pytest.approx(useful / (useful + COST_S))


def test_metg_of_a_fixed_cost_is_twice_that_cost_and_half_of_it_is_useful():
    curve = of_pool(granularity(sweep(sizes=(10, 99, 100, 101, 1000))))
    assert curve["bound"] == "crossed"
    assert curve["metg_s"] == pytest.approx(2 * COST_S, rel=0.01)
    assert curve["useful_task_s"] == pytest.approx(COST_S, rel=0.01)


def test_tasks_that_are_all_long_enough_bound_it_from_above_and_none_that_is_from_below():
    long = of_pool(granularity(sweep(sizes=(1000, 2000, 3000, 4000))))
    assert (long["bound"], math.isnan(long["metg_s"])) == ("below", True)
    assert long["shortest_s"] == pytest.approx(1000 * TURN_S + COST_S)
    short = of_pool(granularity(sweep(sizes=(1, 2, 3, 4))))
    assert (short["bound"], math.isnan(short["metg_s"])) == ("above", True)


def test_a_curve_that_crosses_more_than_once_counts_from_its_finest_good_point():
    times, kept = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.2, 0.6, 0.4, 0.9])
    found, bound = metg(times, kept)
    assert bound == "crossed"
    assert 1.0 < found < 2.0


@given(
    st.lists(st.tuples(st.floats(1e-7, 1e2), st.floats(0, 1.5)), min_size=1, max_size=12, unique_by=lambda point: point[0]),
    st.randoms(),
)
def test_metg_lies_between_measured_points_and_does_not_depend_on_their_order(points, order):
    shuffled = order.sample(points, len(points))
    found, bound = metg(*np.array(points).T)
    again, same = metg(*np.array(shuffled).T)
    assert (bound, str(found)) == (same, str(again))
    if bound == "crossed":
        assert min(time for time, _ in points) <= found * (1 + 1e-9)
        assert found <= max(time for time, _ in points) * (1 + 1e-9)


def test_a_suite_of_few_sizes_is_no_sweep_of_granularity():
    assert granularity(sweep(sizes=(10, 100, 1000))).empty


def test_a_sweep_in_which_nothing_ran_well_has_no_curve():
    assert granularity(sweep().assign(status="crashed")).empty
