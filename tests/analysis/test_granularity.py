"""METG(50%): arithmetic that can be done by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import make_rounds
from hypothesis import given
from hypothesis import strategies as st

from scalebench.analysis.granularity import curves, enough_chunks, granularity, metg

DATA = Path(__file__).parents[1] / "data"
SIZES = (10, 100, 1000, 10_000)
COST_S = 1e-4  # of each task on the interface
TURN_S = 1e-6


def sweep(sizes=SIZES, *, blocks=3, workers=2, cost_s=COST_S, **more):
    """A serial baseline without any cost, and a pool that adds a fixed cost to each task; ``more`` is of the pool."""
    rows = []
    for block in range(blocks):
        for size in sizes:
            work = {"size": str(size), "tasks": 100, "work_units": size * 100, "block": block, "suite": "granularity"}
            rows.append({**work, "wall_s": size * TURN_S * 100})
            pool = {"backend": "processes", "start_method": "fork", "workers": workers, "chunksize": 1, **more}
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


def test_the_published_sweep_of_hpx_has_the_metg_of_task_benchs_own_script():
    table = pd.read_csv(DATA / "taskbench_hpx_2021_11_24.csv", header=None, names=["iterations", "elapsed_s", "rate"])
    elapsed_s = table.groupby("iterations")["elapsed_s"].mean()
    tasks, cores = 1000 * 48, 48
    rate = (128 * elapsed_s.index + 64) * tasks / elapsed_s
    found = metg((elapsed_s * cores / tasks).to_numpy(), (rate / rate.max()).to_numpy())
    assert found.metg_s == pytest.approx(27.883324510640758e-6, rel=1e-9)
    assert (found.bound, found.crossings) == ("crossed", 1)


def test_between_two_sizes_granularity_is_linear_in_efficiency():
    found = metg(np.array([10.0, 6.0]), np.array([0.7, 0.3]))
    assert found.metg_s == pytest.approx(8.0)
    assert found.useful_task_s == pytest.approx(4.0)


def test_the_next_shorter_task_is_told_and_what_longer_ones_lost_only_where_they_did():
    found = metg(np.array([10.0, 6.0, 20.0, 3.0]), np.array([0.7, 0.3, 0.9, 0.1]))
    assert (found.finer_s, math.isnan(found.lost_up_to_s), found.crossings) == (6.0, True, 1)
    below = metg(np.array([10.0, 6.0]), np.array([0.7, 0.6]))
    assert (below.bound, math.isnan(below.finer_s), math.isnan(below.useful_task_s)) == ("below", True, True)
    above = metg(np.array([10.0, 6.0]), np.array([0.4, 0.3]))
    assert (above.bound, math.isnan(above.lost_up_to_s), math.isnan(above.finer_s)) == ("above", True, True)


def test_a_point_that_keeps_just_half_is_enough():
    assert metg(np.array([10.0, 6.0]), np.array([0.5, 0.3])).metg_s == 10.0


def test_every_curve_of_a_run_has_a_row_with_what_it_was_of():
    whole = pd.concat(
        [sweep(cost_s=0.5e-4, blocks=4), sweep(workers=3, cost_s=3e-4, blocks=4).query("backend == 'processes'")],
        ignore_index=True,
    )
    whole = whole[~((whole["workers"] == 3) & (whole["block"] == 3) & (whole["size"] == "100"))]
    found = granularity(whole).query("backend == 'processes'").set_index("workers")
    # linear in efficiency: from 2/3 to 1/6 of it, and from 10/13 to 1/4
    expected = {
        2: 1.5e-4 - 0.9e-4 * (2 / 3 - 1 / 2) / (2 / 3 - 1 / 6),
        3: 1.3e-3 - 0.9e-3 * (10 / 13 - 1 / 2) / (10 / 13 - 1 / 4),
    }
    assert found["metg_s"].to_dict() == pytest.approx(expected)
    assert found["blocks"].to_dict() == {2: 4, 3: 3}
    assert found["shortest_s"].to_dict() == pytest.approx({2: 0.6e-4, 3: 3.1e-4})
    assert found["finer_s"].to_dict() == pytest.approx({2: 0.6e-4, 3: 4e-4})
    assert found["crossings"].tolist() == [1, 1]
    assert found["lost_up_to_s"].isna().all()


@pytest.mark.parametrize(("axis", "values"), [("imbalance", (0.0, 0.5)), ("nodes", (1, 2))])
def test_curves_that_differ_in_one_axis_only_have_the_metg_that_each_has_alone(axis, values):
    runs = [sweep(cost_s=cost_s, **{axis: value}) for cost_s, value in zip((0.5e-4, 5e-4), values, strict=True)]
    alone = [of_pool(granularity(one))["metg_s"] for one in runs]
    whole = pd.concat([runs[0], runs[1].query("backend == 'processes'")], ignore_index=True)
    found = granularity(whole).query("backend == 'processes'").set_index(axis)
    assert found["metg_s"].to_dict() == pytest.approx(dict(zip(values, alone, strict=True)))
    assert found["crossings"].tolist() == [1, 1]
    assert len(curves(whole).query("backend == 'processes'").groupby(axis)) == 2


def test_a_run_that_tells_neither_its_imbalance_nor_its_nodes_has_the_same_metg():
    rounds = sweep()
    untold = rounds.assign(imbalance=np.nan, nodes=pd.array([None] * len(rounds), dtype="Int64"))
    assert of_pool(granularity(untold))["metg_s"] == of_pool(granularity(rounds))["metg_s"]


def test_work_that_nobody_counted_and_other_suites_have_no_curve():
    assert granularity(sweep().assign(work_units=0)).empty
    other = make_rounds(*({"size": str(size), "suite": "strong"} for size in SIZES[:2]))
    found = granularity(pd.concat([sweep(), other], ignore_index=True))
    assert set(found["suite"]) == {"granularity"}
    assert of_pool(found)["bound"] == "crossed"


def test_the_best_serial_rate_may_be_of_any_size_and_is_that_of_the_same_kind_and_run():
    """A long task that keeps its cache worse than the others: the rate to keep half of is theirs."""
    rounds = sweep()
    slow = rounds["backend"].eq("serial") & rounds["size"].eq("10000")
    rounds.loc[slow, "wall_s"] *= 2
    faster = sweep().assign(run_id="another")
    faster["wall_s"] /= 10
    for table in (rounds, pd.concat([rounds, faster], ignore_index=True)):
        found = curves(table)
        mine = found[found["run_id"].ne("another") & found["backend"].eq("serial")].set_index("size")["efficiency"]
        assert mine.to_dict() == pytest.approx({"10": 1.0, "100": 1.0, "1000": 1.0, "10000": 0.5})


def test_a_curve_that_crosses_more_than_once_counts_from_its_finest_good_point_and_says_so():
    times, kept = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.2, 0.6, 0.4, 0.9])
    found = metg(times, kept)
    assert (found.bound, found.crossings, found.lost_up_to_s) == ("crossed", 3, 3.0)
    assert found.metg_s == pytest.approx(1.75)


def test_a_shorter_task_that_costs_more_worker_time_is_not_gone_towards():
    found = metg(np.array([4.0, 2.0, 2.5]), np.array([0.9, 0.8, 0.1]))
    assert found.metg_s == 2.0
    assert found.useful_task_s == pytest.approx(1.6)


def test_the_interval_holds_metg_and_narrows_with_the_spread():
    def width(spread):
        rounds = sweep(sizes=(10, 50, 100, 200, 1000), blocks=5)
        noise = np.random.default_rng(3).normal(0, spread, len(rounds))
        curve = of_pool(granularity(rounds.assign(wall_s=rounds["wall_s"] * np.exp(noise))))
        assert curve["metg_s_low"] <= curve["metg_s"] <= curve["metg_s_high"]
        return curve["metg_s_high"] / curve["metg_s_low"]

    assert width(0.001) < width(0.02)


def test_what_slows_a_whole_block_leaves_the_interval_as_narrow_as_the_granularity():
    """Efficiency is a ratio within blocks: the machine's mood is in granularity only, and only once."""
    rounds = sweep(sizes=(10, 50, 100, 200, 1000), blocks=5)
    mood = np.exp(np.array([0, 0.1, -0.1, 0.05, -0.05]))
    curve = of_pool(granularity(rounds.assign(wall_s=rounds["wall_s"] * mood[rounds["block"].to_numpy(dtype=int)])))
    half = 2.7764 * np.std(np.log(mood), ddof=1) / np.sqrt(5)
    assert np.log(curve["metg_s_high"] / curve["metg_s_low"]) == pytest.approx(2 * half, rel=0.1)


@pytest.mark.long
def test_the_interval_covers_metg_about_95_times_in_100():
    """100 sweeps of 5 blocks with a fixed seed; the standard error of the share is 2 points."""
    generator = np.random.default_rng(11)
    sizes = (10, 30, 100, 300, 1000)
    still = sweep(sizes=sizes, blocks=5)
    true_s = of_pool(granularity(still))["metg_s"]
    runs = []
    for number in range(100):
        noise = generator.normal(0, 0.03, len(still)) + generator.normal(0, 0.05, 5)[still["block"].to_numpy(dtype=int)]
        runs.append(still.assign(wall_s=still["wall_s"] * np.exp(noise), run_id=str(number)))
    curves = granularity(pd.concat(runs)).query("backend == 'processes'")
    assert len(curves) == 100
    inside = curves["metg_s_low"].le(true_s) & curves["metg_s_high"].ge(true_s)
    assert 0.88 <= inside.mean() <= 1.0


def test_an_end_of_the_interval_that_lies_outside_the_sweep_is_null():
    rounds = sweep(sizes=(100, 200, 300, 1000), blocks=5, cost_s=0.98e-4)
    noise = np.random.default_rng(5).normal(0, 0.05, len(rounds))
    curve = of_pool(granularity(rounds.assign(wall_s=rounds["wall_s"] * np.exp(noise))))
    assert math.isnan(curve["metg_s_low"])


def test_two_blocks_give_no_interval():
    curve = of_pool(granularity(sweep(blocks=2)))
    assert curve["bound"] == "crossed"
    assert math.isnan(curve["metg_s_low"])
    assert math.isnan(curve["metg_s_high"])


@given(
    st.lists(
        st.tuples(st.floats(1e-7, 1e2), st.floats(0, 1.5)), min_size=1, max_size=12, unique_by=lambda point: point[0] * point[1]
    ),
    st.randoms(),
)
def test_metg_lies_between_measured_points_and_does_not_depend_on_their_order(points, order):
    found = metg(*np.array(points).T)
    again = metg(*np.array(order.sample(points, len(points))).T)
    assert repr(found) == repr(again)
    if found.bound == "crossed":
        kept = [time for time, share in points if share >= 0.5]
        assert min(time for time, _ in points) * (1 - 1e-9) <= found.metg_s <= min(kept) * (1 + 1e-9)
        assert found.useful_task_s >= found.metg_s / 2 * (1 - 1e-9)


def test_the_smallest_chunk_that_keeps_half_is_found_for_a_task_time():
    found = pd.DataFrame(
        {"chunksize": [128, 1, 16], "bound": ["below", "crossed", "crossed"], "useful_task_s": [np.nan, 1e-3, 1e-4]}
    )
    assert [enough_chunks(found, task_s)["chunksize"] for task_s in (2e-3, 2e-4, 2e-5)] == [1, 16, 128]
    assert enough_chunks(found[found["chunksize"] < 128], 2e-5) is None


def test_a_suite_of_few_sizes_is_no_sweep_of_granularity():
    assert granularity(sweep(sizes=(10, 100, 1000))).empty


def test_a_sweep_in_which_nothing_ran_well_has_no_curve():
    assert granularity(sweep().assign(status="crashed")).empty
