"""The recommendation: never more than is shown, and never serial because of noise."""

import math

import numpy as np
import pandas as pd
import pytest
from factories import make_case, make_rounds
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scalebench.analysis.recommend import WITHIN, knee, recommend, slower_than_fastest

UNITS = 1_200_000


def run(walls, *, blocks=5, spread=0.002, mood=0.05, seed=0, **common):
    """One launch a block of serial and of ``processes`` with the worker counts of ``walls`` (s per round; 0 is serial)."""
    generator = np.random.default_rng(seed)
    rows = []
    for block in range(blocks):
        slow = generator.normal(0, mood)
        for workers, wall_s in walls.items():
            pool = {"backend": "processes", "start_method": "fork", "workers": workers} if workers else {}
            noisy = wall_s * math.exp(slow + generator.normal(0, spread))
            rows.append({"block": block, **pool, **common, "wall_s": noisy})
    return make_rounds(*rows)


def only(rounds, **arguments):
    (found,) = recommend(rounds, **arguments)
    return found


def chosen(found):
    return found.cases.set_index("case_id").loc[found.recommended]


def test_the_cheapest_of_those_within_10_percent_is_recommended_not_the_fastest():
    found = only(run({0: 1.0, 1: 1.05, 2: 0.54, 4: 0.52}))
    assert found.status == "shown"
    assert chosen(found)["workers"] == 2
    assert found.cases.set_index("case_id").loc[found.fastest, "workers"] == 4


def test_the_fastest_is_recommended_where_fewer_workers_are_too_slow():
    assert chosen(only(run({0: 1.0, 2: 0.6, 4: 0.35})))["workers"] == 4


def test_serial_is_recommended_where_it_is_shown_to_be_as_fast_and_beats_a_pool_of_one():
    found = only(run({0: 1.0, 1: 0.99, 2: 0.98, 4: 1.2}))
    assert found.status == "shown"
    assert chosen(found)["backend"] == "serial"


@pytest.mark.long
def test_a_noisy_run_ends_in_cannot_tell_with_a_budget_and_hardly_ever_in_serial():
    """100 runs with fixed seeds; a case that is more than 10% slower than the fastest may be called near it in 5%."""
    runs = recommend(
        pd.concat([run({0: 1.0, 1: 1.0, 2: 0.9, 4: 0.9}, spread=0.3, seed=seed, run_id=str(seed)) for seed in range(100)])
    )
    assert len(runs) == 100
    wrong = [found for found in runs if found.status == "shown" and chosen(found)["workers"] == 1]
    open_ = [found for found in runs if found.status == "not_shown"]
    assert len(wrong) <= 5
    assert len(open_) >= 80
    assert all(found.recommended is None and found.blocks_needed > 5 and found.block_s > 0 for found in open_)


def test_what_is_faster_than_serial_is_told_though_no_case_is_shown_to_be_nearly_the_fastest():
    found = only(run({0: 1.0, 2: 0.5, 3: 0.5, 4: 0.5}, spread=0.08))
    assert found.status == "not_shown"
    assert found.cases.set_index("case_id").loc[found.faster_than_serial, "workers"] >= 2


@pytest.mark.long
def test_the_budget_shows_it_where_the_spread_stays():
    walls = {0: 1.0, 2: 0.5, 4: 0.49}
    runs = [only(run(walls, spread=0.15, seed=seed)) for seed in range(6)]
    budgets = [found.blocks_needed for found in runs if found.status == "not_shown"]
    assert len(budgets) >= 3
    for seed, blocks in enumerate(budgets):  # found from five blocks, whose spread may be half of the true one
        assert only(run(walls, blocks=4 * blocks, spread=0.15, seed=seed)).status == "shown"


def test_fewer_than_three_blocks_give_no_recommendation():
    found = only(run({0: 1.0, 2: 0.5}, blocks=2))
    assert (found.status, found.recommended) == ("too_few_blocks", None)
    assert found.cases.set_index("case_id").loc[found.fastest, "workers"] == 2


@pytest.mark.parametrize("status", ["failed", "crashed", "timeout", "mismatch"])
def test_a_case_that_failed_or_differed_in_any_block_is_left_out_however_fast(status):
    bad = make_rounds({"backend": "processes", "start_method": "fork", "workers": 4, "wall_s": 0.1, "block": 4, "attempt": 1,
                       "status": status, "message": "the cause"})  # fmt: skip
    found = only(pd.concat([run({0: 1.0, 2: 0.5, 4: 0.2}), bad], ignore_index=True))
    assert chosen(found)["workers"] == 2
    assert found.cases.set_index("workers").loc[4, "left_out"] == status


def test_a_case_whose_blas_threads_are_not_those_asked_for_is_left_out():
    good = run({0: 1.0, 2: 0.5}, blas_threads=2, blas_found_min=2, blas_found_max=2)
    bad = run({4: 0.2}, blas_threads=2, blas_found_min=1, blas_found_max=1)
    found = only(pd.concat([good, bad], ignore_index=True))
    assert chosen(found)["workers"] == 2


def test_threads_of_blas_count_as_cost():
    two = run({2: 0.5}, kind="blas", size="400x4", blas_threads=1, blas_found_min=1, blas_found_max=1)
    four = run({2: 0.48}, kind="blas", size="400x4", blas_threads=2, blas_found_min=2, blas_found_max=2)
    found = only(pd.concat([four, two], ignore_index=True))
    assert chosen(found)["blas_threads"] == 1
    assert found.cases.set_index("blas_threads").loc[2, "cost"] == pytest.approx(2 * 0.48 / 0.5, rel=0.02)


def test_work_that_lasts_as_long_as_asked_is_judged_by_what_got_done():
    """Four workers take a quarter of the time and do half of the work: no faster than two."""
    rounds = run({0: 1.0, 2: 0.5, 4: 0.25}, kind="spin")
    rounds.loc[rounds["workers"] == 4, "work_units"] = UNITS // 2
    assert chosen(only(rounds))["workers"] == 2


def test_weak_scaling_is_judged_by_work_per_second_too():
    rounds = run({0: 1.0, 2: 1.02, 4: 2.0}, scaling="weak")
    rounds["tasks"] = rounds["workers"] * 24
    rounds["work_units"] = rounds["workers"] * UNITS
    rounds["case_id"] = [make_case(scaling="weak", tasks=int(tasks), workers=int(workers), backend=backend).case_id
                         for tasks, workers, backend in zip(rounds["tasks"], rounds["workers"], rounds["backend"], strict=True)]  # fmt: skip
    found = only(rounds)
    assert chosen(found)["workers"] == 2
    assert found.over_serial.value == pytest.approx(1 / 0.51, rel=0.02)


def test_each_workload_and_size_is_a_question_of_its_own():
    found = recommend(pd.concat([run({0: 1.0, 2: 0.5}), run({0: 1.0, 2: 2.0}, size="10")], ignore_index=True))
    assert [chosen(one)["backend"] for one in found] == ["processes", "serial"]


def test_the_gain_over_half_the_workers_is_of_the_same_set_up_with_its_interval():
    found = only(run({0: 1.0, 1: 1.0, 2: 0.6, 4: 0.3}))
    assert found.half_workers == 2
    assert found.over_half.value == pytest.approx(2.0, rel=0.01)
    assert found.over_half.low < found.over_half.value < found.over_half.high


def test_a_start_is_paid_back_after_as_many_tasks_as_save_its_time():
    rounds = run({0: 1.0, 2: 0.5}, spread=0, mood=0)
    rounds.loc[rounds["workers"] == 2, "startup_s"] = 0.125 + 0.25
    assert only(rounds).tasks_to_pay_back == pytest.approx((0.125 + 0.25) / (0.5 / 24))


def test_knees_are_told_for_each_set_up():
    found = only(run({0: 1.0, 1: 1.0, 2: 0.52, 4: 0.5}))
    assert found.knees[["backend", "knee", "most_workers"]].to_numpy().tolist() == [["processes", 2, 4]]


@pytest.mark.parametrize(
    ("workers", "speedup", "found"),
    [
        ([1, 2, 4, 8], [1.0, 1.9, 3.4, 4.0], 4),
        ([1, 2, 4, 8], [1.0, 1.2, 3.0, 3.5], 4),  # the last count counts, a step before it may be poor
        ([1, 2, 4], [1.0, 1.4, 1.9], 1),  # no step is worth it
        ([4, 1, 2], [2.0, 1.0, 1.5], 2),
        ([1, 2], [1.0, 1.5], 2),
        ([2], [1.9], None),
    ],
)
def test_the_knee_is_the_last_count_at_which_each_worker_more_added_half_of_one(workers, speedup, found):
    assert knee(np.array(workers), np.array(speedup)) == found


def bounds_by_hand(times, blocks=None):
    """The formula as the module tells it, with loops; ``blocks``: as if there were so many, spread as it is."""
    logs, cases = np.log(times), range(times.shape[1])
    means = [[float(np.mean(logs[:, one] - logs[:, other])) for other in cases] for one in cases]
    near = sum(max(row) <= 2 * math.log(1.1) for row in means)
    count = blocks or len(logs)
    quantile = stats.t.ppf(1 - 0.05 / max(1, near - 1), count - 1)

    def bound(one, other):
        spread = np.std(logs[:, one] - logs[:, other], ddof=1)
        return means[one][other] + (quantile * spread / math.sqrt(count) if one != other else 0)

    return [math.exp(max(bound(one, other) for other in cases)) for one in cases]


NEARLY = st.floats(0.8, 1.25)


@given(st.lists(st.lists(NEARLY, min_size=3, max_size=3), min_size=3, max_size=5))
def test_bounds_are_the_formula_and_the_blocks_needed_are_the_fewest_at_which_one_is_near_enough(times):
    table = np.array(times)
    high, needed = slower_than_fastest(table)
    assert high.tolist() == pytest.approx(bounds_by_hand(table))
    if needed is not None and needed > len(table) + 1:
        assert min(bounds_by_hand(table, needed)) <= WITHIN * (1 + 1e-12)
        assert min(bounds_by_hand(table, needed - 1)) > WITHIN * (1 - 1e-12)


def test_the_wider_the_spread_the_more_blocks_are_needed_until_nobody_would_measure_them():
    """One block in two it takes three times as long as the other, and the next a third: 1.645^2 x 1.27^2 / ln(1.1)^2 blocks."""
    times = np.array([[1.0, 3.0], [1.0, 1 / 3]] * 2)
    assert slower_than_fastest(times)[1] == pytest.approx(481, abs=2)
    assert slower_than_fastest(times**5)[1] is None


def test_what_is_faster_than_serial_is_the_one_with_the_highest_lower_bound():
    """The fastest on average varies from block to block, so less is sure of it; one bound for each of two pools."""
    walls = {("serial", 1): [4.0] * 4, ("threads", 2): [2.0, 2.2, 1.9, 2.1], ("threads", 4): [1.0, 3.9, 0.6, 3.0]}
    rows = [{"block": block, "backend": backend, "workers": workers, "wall_s": wall_s}
            for (backend, workers), blocks in walls.items() for block, wall_s in enumerate(blocks)]  # fmt: skip
    found = only(make_rounds(*rows))
    workers = found.cases.set_index("case_id")["workers"]
    assert workers[found.fastest] == 4
    assert workers[found.faster_than_serial] == 2
    slow = [row | {"wall_s": 4.0 * 1.3 ** (-1) ** row["block"]} if row["workers"] > 1 else row for row in rows]
    assert only(make_rounds(*slow)).faster_than_serial is None


def test_the_gain_over_serial_is_that_of_the_recommended_case_with_its_interval():
    found = only(run({0: 1.0, 1: 1.05, 2: 0.54, 4: 0.52}))
    case = chosen(found)
    assert case["workers"] == 2
    assert found.over_serial.value == pytest.approx(1 / 0.54, rel=0.01)
    assert (found.over_serial.low, found.over_serial.high) == (case["speedup_low"], case["speedup_high"])
    assert only(run({0: 1.0, 1: 1.2, 2: 1.1})).over_serial is None  # serial itself


def test_a_block_takes_its_rounds_and_the_starts_and_ends_of_its_launches():
    """Median of three blocks; a start counts once, however many rounds follow it."""
    rounds = make_rounds(*(
        {"block": block, "round": number, "wall_s": wall_s, "startup_s": 0.5, "shutdown_s": 0.25, "workers": workers, "backend": "threads"}
        for block, wall_s in enumerate([1.0, 5.0, 2.0]) for workers in (1, 2) for number in range(3)
    ))  # fmt: skip
    assert only(rounds).block_s == pytest.approx(2 * (3 * 2.0 + 0.75))
    assert only(rounds, block_s={rounds["run_id"].iloc[0]: 7.0}).block_s == 7.0


def test_cost_and_slowness_are_over_the_least_of_what_may_be_recommended():
    found = only(run({0: 1.0, 2: 0.5, 4: 0.4}, spread=0, mood=0)).cases.set_index("workers")
    assert found["slower"].to_dict() == pytest.approx({1: 2.5, 2: 1.25, 4: 1.0})
    assert found["cost"].to_dict() == pytest.approx({1: 1.0, 2: 1.0, 4: 1.6})
    assert found["shown"].to_dict() == {1: False, 2: False, 4: True}
    bad = make_rounds(
        {"backend": "processes", "start_method": "fork", "workers": 4, "block": 4, "attempt": 1, "status": "crashed"}
    )
    rounds = pd.concat([run({0: 1.0, 2: 0.5, 4: 0.01}, spread=0, mood=0), bad], ignore_index=True)
    found = only(rounds).cases.set_index("workers")
    assert found.loc[[1, 2], "cost"].tolist() == pytest.approx([1.0, 1.0])
    assert found.loc[[1, 2], "slower"].tolist() == pytest.approx([2.0, 1.0])
    assert found.loc[4, ["cost", "slower_high"]].isna().all()


def test_a_program_is_compared_with_itself_with_one_worker():
    program = {"backend": "program", "workload": "./solve", "kind": None, "size": None, "imbalance": None}
    rows = [{"block": block, "workers": workers, "wall_s": wall_s, **program}
            for block in range(3) for workers, wall_s in ((1, 4.0), (2, 2.5), (4, 1.5))]  # fmt: skip
    found = only(make_rounds(*rows))
    assert chosen(found)["workers"] == 4
    assert found.over_serial.value == pytest.approx(4 / 1.5)
    assert found.cases.set_index("case_id").loc[found.faster_than_serial, "workers"] == 4
    alone = only(make_rounds(*({**row, "wall_s": 4.0} for row in rows)))
    assert (chosen(alone)["workers"], alone.over_serial) == (1, None)


@given(st.lists(st.lists(st.floats(0.1, 10), min_size=4, max_size=4), min_size=3, max_size=6), st.floats(0.01, 100))
def test_bounds_do_not_depend_on_the_unit_and_hold_the_estimates(times, unit):
    table = np.array(times)
    high, needed = slower_than_fastest(table)
    again, same = slower_than_fastest(table * unit)
    means = np.exp(np.log(table).mean(axis=0))
    assert high == pytest.approx(again)
    assert (high >= means / means.min() * (1 - 1e-9)).all()
    assert needed == same


def test_a_case_that_lacks_blocks_in_common_with_another_is_not_shown():
    times = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, np.nan], [1.0, np.nan]])
    assert slower_than_fastest(times)[0].tolist() == [np.inf, np.inf]


@pytest.mark.long
@pytest.mark.parametrize("worse", [1, 4, 12])
@pytest.mark.parametrize("tail", [False, True])
def test_what_is_recommended_is_truly_within_10_percent_at_least_95_times_in_100(worse, tail):
    """The least favourable truth: one best, and cheaper ones just beyond 10%. 2,000 runs each, seeded.

    Error rate aimed at: 5% at most; with a standard error of 0.5% a true 5% is found above 6.5% once in 700 times.
    """
    generator = np.random.default_rng(7)
    wrong = 0
    true = np.array([*[WITHIN * 1.0001] * worse, 1.0])  # in order of their cost
    for _ in range(2000):
        spread = generator.standard_exponential((5, worse + 1)) if tail else generator.standard_normal((5, worse + 1))
        times = true * np.exp(0.01 * spread + generator.normal(0, 0.1, (5, 1)))
        shown = slower_than_fastest(times)[0] <= WITHIN
        wrong += bool(shown[:-1].any())
    assert wrong / 2000 <= 0.065


@pytest.mark.long
def test_a_single_worse_case_is_recommended_wrongly_about_as_often_as_is_said():
    """The bound is not merely wide: just beyond 10% its error rate is the 5% that it claims."""
    generator = np.random.default_rng(8)
    shown = [slower_than_fastest(np.array([WITHIN * 1.0001, 1.0]) * np.exp(generator.normal(0, 0.01, (5, 2))))[0][0] <= WITHIN
             for _ in range(2000)]  # fmt: skip
    assert 0.035 <= np.mean(shown) <= 0.065


def test_a_sweep_of_sizes_asks_another_question():
    rounds = pd.concat([run({0: 1.0, 2: 0.5}, size=str(size), suite="granularity") for size in (1, 10, 100, 1000)])
    assert recommend(rounds) == []


def test_a_run_in_which_nothing_ran_well_has_nothing_to_recommend():
    found = only(run({0: 1.0, 2: 0.5}).assign(status="crashed"))
    assert (found.status, found.recommended, found.fastest) == ("none_ran", None, None)


def test_one_case_alone_is_no_choice():
    assert only(run({0: 1.0})).status == "one_case"
