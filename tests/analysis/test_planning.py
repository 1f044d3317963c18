"""Rounds and blocks from variance components: the published figures, and laws that any plan must keep."""

import math

import numpy as np
import pandas as pd
import pytest
from factories import make_rounds, sweep_rows
from hypothesis import given
from hypothesis import strategies as st

from scalebench.analysis.planning import (
    case_components,
    optimal_repetitions,
    plan,
    variance_components,
)
from scalebench.analysis.precision import IN_A_ROW, LEAST
from scalebench.analysis.scaling import launches, with_baseline
from scalebench.analysis.statistics import allowed_variance, blocks_needed

# worked examples of Kalibera and Jones 2013 (revised), doi:10.1145/2464157.2464160, as the authors' libkalibera tests them
THREE_LEVELS = [[[9, 5], [8, 3]], [[10, 6], [7, 11]], [[1, 12], [2, 4]]]
WITH_COSTS = [[[3, 4, 3], [1.2, 3.1, 3]], [[0.2, 1, 1.5], [1, 2, 3]]]

SHARES = st.floats(0.005, 0.3)
VARIANCES = st.floats(1e-8, 0.1)
SECONDS = st.floats(1e-4, 10)


def frame(*cases):
    """Cases of ``(within, between, round_s, fixed_s)``, as components and costs."""
    whole = pd.DataFrame(
        cases, columns=["within", "between", "round_s", "fixed_s"], index=[f"case{one}" for one in range(len(cases))]
    )
    return whole[["within", "between"]], whole[["round_s", "fixed_s"]]


def planned(*cases, wanted=0.05, done=5, left_s=math.inf, most_blocks=100):
    components, costs = frame(*cases)
    return plan(components, costs, wanted=wanted, done=done, most_blocks=most_blocks, rounds_between=(5, 51), left_s=left_s)


class TestVarianceComponents:
    def test_are_those_that_kalibera_and_jones_print(self):
        """Printed with one decimal; the middle level's is negative, which is legitimate."""
        whole, own = variance_components(THREE_LEVELS)
        assert whole == pytest.approx([16.5, 2.6, 3.6], abs=0.05)
        assert own == pytest.approx([16.5, -5.7, 2.3], abs=0.05)

    def test_of_the_example_with_costs(self):
        assert variance_components(WITH_COSTS)[1] == pytest.approx([0.7266667, 0.262777778, 0.7747], abs=1e-4)

    @pytest.mark.long
    def test_find_the_truth_on_average(self):
        """4,000 studies of 4 launches of 3 rounds, variances 1 and 4: means within 4 of their standard errors."""
        generator = np.random.default_rng(4)
        values = generator.normal(0, 2, (4000, 4, 1)) + generator.normal(0, 1, (4000, 4, 3))
        own = np.array([variance_components(one)[1] for one in values])
        assert np.abs(own.mean(axis=0) - [1, 4]).tolist() < (4 * own.std(axis=0) / math.sqrt(4000)).tolist()

    @given(st.lists(st.lists(st.floats(-10, 10), min_size=3, max_size=3), min_size=2, max_size=5), st.floats(-100, 100))
    def test_do_not_depend_on_where_zero_is(self, values, shift):
        assert variance_components(np.array(values) + shift)[1] == pytest.approx(variance_components(values)[1], abs=1e-6)


class TestOptimalRepetitions:
    def test_are_those_that_kalibera_and_jones_print(self):
        own = variance_components(WITH_COSTS)[1]
        assert optimal_repetitions(own, [3, 20, 100]) == pytest.approx([4.2937, 1.3023], abs=1e-3)

    @pytest.mark.parametrize(
        ("own", "expected"), [([1.0, -1.0], math.inf), ([1.0, 0.0], math.inf), ([-1.0, 1.0], 0), ([-1, -1], 0)]
    )
    def test_of_a_component_that_is_not_positive_take_it_as_none(self, own, expected):
        assert optimal_repetitions(own, [1, 1]) == [expected]

    @given(VARIANCES, VARIANCES, SECONDS, SECONDS)
    def test_cost_least_for_the_same_variance(self, within, between, round_s, fixed_s):
        def cost(rounds):
            return (fixed_s + rounds * round_s) * (between + within / rounds)

        (best,) = optimal_repetitions([within, between], [round_s, fixed_s])
        assert all(cost(best) <= cost(best * factor) * (1 + 1e-9) for factor in (0.5, 0.9, 1.1, 2))


class TestComponentsOfCases:
    def test_are_of_the_rounds_and_of_the_launches(self):
        generator = np.random.default_rng(3)
        walls = 0.1 * np.exp(generator.normal(0, 0.1, (200, 1)) + generator.normal(0, 0.05, (200, 7)))
        rows = [
            {"block": block, "round": number, "wall_s": wall}
            for block, launch in enumerate(walls)
            for number, wall in enumerate(launch)
        ]
        rounds = make_rounds(*rows)
        (found,) = case_components(rounds, with_baseline(launches(rounds))).to_dict("records")
        assert found["within"] == pytest.approx(0.05**2, rel=0.1)
        assert found["between"] == pytest.approx(0.1**2, rel=0.3)

    def test_of_a_speedup_count_where_it_varies_more_than_the_wall_time(self):
        """The case is steady and its baseline is not, so neither is the speedup."""
        rows = [
            {"block": block, "round": number, "wall_s": wall, "backend": backend}
            for block in range(4)
            for backend, wall in (("serial", 1 + block / 4), ("processes", 1.0))
            for number in range(3)
        ]
        rounds = make_rounds(*rows)
        found = case_components(rounds, with_baseline(launches(rounds)))["between"]
        assert found.tolist() == pytest.approx([np.var(np.log([1, 1.25, 1.5, 1.75]), ddof=1)] * 2)

    def test_of_launches_of_different_lengths_are_of_the_rounds_that_all_of_them_have(self):
        """The last rounds of the first would tell of more spread."""
        walls = [[1.0, 1.1, 1.3, 9.0, 0.1], [1.2, 1.0, 1.1]]
        rows = [
            {"block": block, "round": number, "wall_s": wall, "backend": "processes", "workers": 2}
            for block, launch in enumerate(walls)
            for number, wall in enumerate(launch)
        ]
        rounds = make_rounds(*rows)
        (found,) = case_components(rounds, with_baseline(launches(rounds))).to_dict("records")
        logs = np.log([launch[:3] for launch in walls])
        within = logs.var(axis=1, ddof=1).mean()
        assert found["within"] == pytest.approx(within)
        assert found["between"] == pytest.approx(max(0, logs.mean(axis=1).var(ddof=1) - within / 3))

    def test_between_launches_are_nothing_where_the_rounds_explain_more(self):
        rows = [{"block": block, "round": number, "wall_s": wall} for block in range(3) for number, wall in enumerate([1.0, 2.0])]
        rounds = make_rounds(*rows)
        assert case_components(rounds, with_baseline(launches(rounds)))["between"].tolist() == [0.0]

    def test_of_one_block_are_unknown_between_launches(self):
        rounds = make_rounds(*({"round": number, "wall_s": 1 + number / 8} for number in range(5)))
        found = case_components(rounds, with_baseline(launches(rounds)))
        assert found["between"].isna().all()
        assert (found["within"] > 0).all()

    def test_are_not_told_of_single_rounds(self):
        rounds = make_rounds(*sweep_rows())
        assert case_components(rounds, with_baseline(launches(rounds))).empty


class TestPlan:
    @given(st.lists(st.tuples(VARIANCES, st.floats(0, 0.02), SECONDS, SECONDS), min_size=1, max_size=5), SHARES)
    def test_keeps_the_limits_and_its_rounds_are_odd(self, cases, wanted):
        found = planned(*cases, wanted=wanted)
        assert all(5 <= rounds <= 51 and rounds % 2 for rounds in found.rounds.values())
        assert found.blocks is None or LEAST <= found.blocks <= 100

    @given(st.lists(st.tuples(VARIANCES, st.floats(0, 0.02), SECONDS, SECONDS), min_size=1, max_size=5), SHARES)
    def test_whose_blocks_are_known_reaches_the_precision_if_the_spread_is_as_seen(self, cases, wanted):
        found = planned(*cases, wanted=wanted)
        if found.blocks is not None:
            allowed = allowed_variance(wanted, np.array([found.blocks - IN_A_ROW + 1]))[0] * (1 + 1e-9)
            assert all(
                between + within / rounds <= allowed
                for (within, between, *_), rounds in zip(cases, found.rounds.values(), strict=True)
            )

    def test_gives_a_steady_case_the_fewest_rounds_and_one_of_noisy_rounds_more(self):
        found = planned((1e-6, 0.0004, 0.1, 0.5), (0.02, 0.0004, 0.01, 0.5))
        assert found.rounds["case0"] == 5
        assert found.rounds["case1"] > 15

    def test_gives_no_more_rounds_where_launches_differ_and_rounds_do_not(self):
        assert planned((1e-5, 0.02, 0.1, 0.5)).rounds == {"case0": 5}

    @given(st.floats(1e-4, 0.05), st.floats(1e-4, 0.01), st.floats(0.01, 0.1), st.floats(0.1, 2))
    def test_of_one_case_takes_hardly_longer_than_kalibera_and_jones_rounds(self, within, between, round_s, fixed_s):
        """Their optimum, rounded as here, with as many blocks as the rule then needs: never faster than the plan."""
        found = planned((within, between, round_s, fixed_s), done=3)
        (optimum,) = optimal_repetitions([within, between], [round_s, fixed_s])
        rounds = float(np.clip(2 * math.ceil((optimum - 1) / 2) + 1, 5, 51))
        blocks = blocks_needed(math.sqrt(between + within / rounds), 0.05, 100)
        if blocks is not None and (blocks := max(LEAST, blocks + IN_A_ROW - 1)) <= 100:
            assert found.blocks is not None
            assert (found.blocks - 3) * found.block_s <= (blocks - 3) * (fixed_s + rounds * round_s) * (1 + 1e-9)

    def test_that_the_budget_has_no_time_for_takes_the_optimum_and_promises_nothing(self):
        case = (0.02, 0.001, 0.01, 0.5)
        rich, poor = planned(case, wanted=0.01), planned(case, wanted=0.01, left_s=1.0)
        assert rich.blocks is not None
        assert poor.blocks is None
        (optimum,) = optimal_repetitions(case[:2], case[2:])
        assert poor.rounds["case0"] in (math.ceil(optimum), math.ceil(optimum) + 1)

    def test_of_spread_that_no_number_of_blocks_makes_up_for_promises_nothing(self):
        assert planned((0.001, 0.1, 0.1, 0.5), wanted=0.01).blocks is None

    def test_after_one_block_spends_as_much_on_rounds_as_on_the_rest_of_the_launch(self):
        assert planned((0.01, math.nan, 0.1, 1.05), done=1).rounds == {"case0": 11}
        assert planned((0.01, math.nan, 0.1, 1.05), done=1).blocks is None

    @given(VARIANCES, st.floats(0, 0.1), SECONDS, SECONDS)
    def test_after_one_block_costs_at_most_twice_the_best(self, within, between, round_s, fixed_s):
        """Whatever the spread between launches will turn out to be; before rounding."""

        def cost(rounds):
            return (fixed_s + rounds * round_s) * (between + within / rounds)

        best = (math.sqrt(fixed_s * between) + math.sqrt(round_s * within)) ** 2
        assert cost(fixed_s / round_s) <= 2 * best * (1 + 1e-9)

    def test_after_one_block_takes_the_fewest_rounds_where_they_hardly_vary(self):
        assert planned((1e-8, math.nan, 0.001, 1.0), done=1).rounds == {"case0": 5}

    def test_costs_what_it_says(self):
        found = planned((0.01, 0.001, 0.1, 1.0), (1e-6, 0.001, 0.2, 2.0))
        assert found.block_s == pytest.approx(1 + 0.1 * found.rounds["case0"] + 2 + 0.2 * found.rounds["case1"])

    def test_of_nothing_is_nothing(self):
        assert planned().rounds == {}
