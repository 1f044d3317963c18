"""Location and interval over blocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scalebench.analysis.statistics import (
    CONFIDENCE,
    LEAST_BLOCKS,
    allowed_variance,
    block_draws,
    blocks_needed,
    half_width,
    of_draws,
    over_blocks,
)

POSITIVE = st.floats(1e-6, 1e6)


def one_group(values):
    values = pd.Series(values, dtype="float64")
    return over_blocks(values, [pd.Series(["case"] * len(values), dtype="string")]).iloc[0]


@given(st.lists(POSITIVE, min_size=LEAST_BLOCKS, max_size=30))
def test_the_interval_is_scipys_t_interval_of_the_logarithms(values):
    logs = np.log(values)
    found = one_group(values)
    scale = max(stats.sem(logs), 1e-300)
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, loc=logs.mean(), scale=scale)
    assert found[["value", "low", "high"]].tolist() == pytest.approx(np.exp([logs.mean(), low, high]).tolist())
    assert found["blocks"] == len(values)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_the_value_is_the_geometric_mean(values):
    assert one_group(values)["value"] == pytest.approx(stats.gmean(values))


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=20))
def test_the_value_of_a_product_is_the_product_of_the_values(pairs):
    first, second = np.array(pairs).T
    assert one_group(first * second)["value"] == pytest.approx(one_group(first)["value"] * one_group(second)["value"])


@given(st.lists(POSITIVE, min_size=3, max_size=12), st.floats(1e-3, 1e3))
def test_another_unit_changes_value_and_interval_alike(values, factor):
    plain, scaled = one_group(values), one_group(np.array(values) * factor)
    names = ["value", "low", "high"]
    assert scaled[names].tolist() == pytest.approx((plain[names] * factor).tolist())


@pytest.mark.parametrize("blocks", [1, 2])
def test_below_three_blocks_there_is_a_value_and_no_interval(blocks):
    found = one_group([2.0] * blocks)
    assert found["value"] == pytest.approx(2.0)
    assert found[["low", "high"]].isna().all()
    assert found["blocks"] == blocks


def test_blocks_that_agree_have_an_interval_without_width():
    assert one_group([2.0] * 4)[["value", "low", "high"]].tolist() == pytest.approx([2.0] * 3)


def test_a_block_without_a_value_does_not_count():
    with_null, without = one_group([1.0, np.nan, 2.0, 4.0]), one_group([1.0, 2.0, 4.0])
    assert with_null.tolist() == without.tolist()
    assert one_group([1.0, np.nan, 2.0])[["low", "high"]].isna().all()


def test_a_group_without_any_value_is_null():
    found = one_group([np.nan, np.nan])
    assert found["blocks"] == 0
    assert found[["value", "low", "high"]].isna().all()


def test_no_rows_give_no_groups():
    empty = pd.Series([], dtype="float64")
    assert over_blocks(empty, [empty.astype("string")]).empty


def test_groups_are_kept_apart_in_their_order_and_null_is_one_of_them():
    values = pd.Series([1.0, 8.0, 4.0, 8.0, 3.0], dtype="Float64")
    keys = pd.Series(["z", "a", "z", "a", None], dtype="string")
    found = over_blocks(values, [keys])
    assert found.index.fillna("null").tolist() == ["z", "a", "null"]
    assert found["value"].tolist() == pytest.approx([2.0, 8.0, 3.0])


@pytest.mark.parametrize(("blocks", "quantile"), [(3, 4.303), (5, 2.776), (10, 2.262), (30, 2.045)])
def test_the_quantile_is_that_of_the_published_t_table(blocks, quantile):
    """Two-sided 95%, by degrees of freedom, as printed in any table of Student's t."""
    assert half_width(np.array([np.sqrt(blocks)]), np.array([blocks]))[0] == pytest.approx(quantile, abs=5e-4)


@pytest.mark.long
@pytest.mark.parametrize("blocks", [3, 5, 10])
def test_the_interval_covers_the_true_median_of_log_normal_blocks_as_often_as_it_says(blocks):
    """2000 studies of known truth: the count of those covered is binomial, 4 of its deviations are allowed.

    With another seed, the chance of a false alarm is 6e-5 for each parameter; a coverage of 92.5% would be found out
    in more than 80% of all seeds.
    """
    studies, truth = 2000, 0.125
    generator = np.random.default_rng(20260131 + blocks)
    values = truth * np.exp(generator.normal(0, 0.2, (studies, blocks)))
    found = over_blocks(pd.Series(values.ravel()), [pd.Series(np.repeat(np.arange(studies), blocks))])
    covered = ((found["low"] <= truth) & (truth <= found["high"])).sum()
    allowed = 4 * np.sqrt(studies * CONFIDENCE * (1 - CONFIDENCE))
    assert abs(covered - CONFIDENCE * studies) <= allowed


def test_the_interval_of_two_machines_moods_differs_from_that_of_their_rounds():
    """Rounds of a block agree, blocks don't: an interval that took rounds for blocks would miss the truth."""
    generator = np.random.default_rng(7)
    moods = np.exp(generator.normal(0, 0.1, 5))
    blocks = one_group(moods)
    rounds = one_group(np.repeat(moods, 20))
    assert blocks["high"] - blocks["low"] > 2 * (rounds["high"] - rounds["low"])


def test_draws_of_one_column_have_the_t_interval_and_those_of_a_ratio_have_the_ratios():
    """200,000 draws: their quantiles are within 1% of the interval's distance from its value."""
    values = pd.DataFrame(np.exp(np.random.default_rng(1).normal(0, 0.1, (5, 3))))
    values.iloc[0, 2] = np.nan
    draws = block_draws(values, count=200_000)
    with_ratio = pd.concat([values, (values[0] / values[1]).rename("ratio")], axis=1)
    low, high = of_draws(np.column_stack([draws, draws[:, 0] / draws[:, 1]]))
    for column, name in enumerate(with_ratio):
        expected = one_group(with_ratio[name])
        width = expected["high"] - expected["low"]
        assert [low[column], high[column]] == pytest.approx([expected["low"], expected["high"]], abs=0.01 * width)


def test_no_draws_of_fewer_than_three_blocks():
    assert np.isnan(block_draws(pd.DataFrame({"case": [1.0, 2.0]}), count=5)).all()


SHARES = st.floats(0.005, 0.3)


class TestBlocks:
    @given(SHARES, st.integers(3, 100))
    def test_of_the_allowed_variance_have_an_interval_just_as_wide_as_wanted(self, wanted, blocks):
        spread = np.sqrt(allowed_variance(wanted, np.array([blocks])))
        half = half_width(spread, np.array([blocks]))[0]
        assert np.sinh(half) == pytest.approx(wanted)

    @given(st.floats(1e-4, 0.3), SHARES)
    def test_that_are_needed_are_the_fewest_that_will_do(self, spread, wanted):
        needed = blocks_needed(spread, wanted, 1000)
        if needed is None:
            assert allowed_variance(wanted, np.array([1000]))[0] < spread**2
            return
        assert allowed_variance(wanted, np.array([needed]))[0] >= spread**2
        assert needed == 3 or allowed_variance(wanted, np.array([needed - 1]))[0] < spread**2

    def test_that_are_needed_are_those_of_the_t_interval(self):
        """10% between blocks, 5% wanted: the t interval of 18 is 5.0% wide, of 17 it is 5.1%."""
        assert [stats.t.ppf(0.975, count - 1) * 0.1 / np.sqrt(count) < np.arcsinh(0.05) for count in (17, 18)] == [False, True]
        assert blocks_needed(0.1, 0.05, 100) == 18
