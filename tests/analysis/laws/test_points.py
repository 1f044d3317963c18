"""One rate for each count, and how far it is to be trusted: by hand where that can be done, by known truth elsewhere."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scalebench.analysis.laws.points import points

COUNTS = np.array([1, 2, 4, 8, 16, 32])


def table(walls, workers=COUNTS, **more):
    """One row for each of ``walls``: shape (repeats, counts)."""
    walls = np.asarray(walls, dtype=float)
    return pd.DataFrame({"workers": np.tile(workers, len(walls)), "wall_s": walls.ravel(), **more})


def in_blocks(walls, workers=COUNTS):
    return table(walls, workers, block=np.repeat(np.arange(len(walls)), len(workers)))


def spread(deviation, repeats, seed=1, mood=0.0):
    generator = np.random.default_rng(seed)
    moods = mood * generator.standard_normal((repeats, 1))
    return np.exp(np.asarray(deviation) * generator.standard_normal((repeats, len(COUNTS))) + moods)


def test_repeats_are_combined_by_their_geometric_mean_in_the_order_of_the_counts():
    found = points(pd.DataFrame({"workers": [4, 2, 4, 2, 4], "wall_s": [1.0, 3.0, 2.0, 12.0, 4.0]}), "strong")
    assert found.workers.tolist() == [2, 4]
    assert found.measured.tolist() == pytest.approx([6.0, 2.0])
    assert found.rate.tolist() == pytest.approx([1 / 6, 1 / 2])
    assert found.repeats.tolist() == [2, 3]
    assert (found.baseline, found.ratio.tolist()) == (2, [1.0, 2.0])
    logs = [np.log([3.0, 12.0]), np.log([1.0, 2.0, 4.0])]
    assert found.spread == pytest.approx(np.sqrt(sum(((one - one.mean()) ** 2).sum() for one in logs) / 3))


def test_times_of_weak_scaling_are_of_work_that_grows_with_the_workers():
    found = points(pd.DataFrame({"workers": [2, 4, 8], "wall_s": [1.0, 1.5, 2.0]}), "weak")
    assert found.rate.tolist() == pytest.approx([1.0, 2 / 1.5, 4 / 2.0])
    assert found.shown(found.rate, found.workers).tolist() == pytest.approx([1.0, 1.5, 2.0])


@pytest.mark.parametrize(("measure", "baseline"), [("throughput", 2), ("speedup", 1)])
def test_a_rate_is_a_rate_and_a_speedup_is_over_one_worker(measure, baseline):
    found = points(pd.DataFrame({"workers": [8, 2, 4], measure: [5.0, 1.5, 3.0]}), "strong")
    assert found.rate.tolist() == found.measured.tolist() == [1.5, 3.0, 5.0]
    assert found.shown(found.rate, found.workers).tolist() == [1.5, 3.0, 5.0]
    assert (found.measure, found.baseline) == (measure, baseline)
    assert found.relative == (measure == "speedup")


def test_single_values_have_no_spread_and_are_as_they_were_measured():
    found = points(table([1 / COUNTS]), "strong")
    assert found.measured.tolist() == (1 / COUNTS).tolist()
    assert (found.deviation, found.freedom, found.spread, found.within, found.blocks) == (None, None, None, 0.0, None)
    alike = points(table([1 / COUNTS] * 3), "strong")
    assert (alike.deviation, alike.spread, alike.within) == (None, None, 0.0)


def test_counts_that_vary_alike_have_one_deviation_from_all_repeats():
    found = points(table(spread([0.1] * 6, 40)), "strong")
    assert found.shared
    assert found.deviation.tolist() == pytest.approx([found.spread] * 6)
    assert found.freedom.tolist() == [6 * 39] * 6
    assert found.within == 6 * 39


def test_counts_that_vary_differently_keep_their_own_drawn_towards_all():
    """Variances are means of their own and of what is common to all, weighted by their degrees of freedom."""
    true = np.array([1e-4, 1e-4, 1e-3, 1e-2, 0.1, 0.5])
    walls = spread(true, 12)
    found = points(table(walls), "strong")
    own = np.log(walls).std(axis=0, ddof=1)
    assert not found.shared
    assert found.deviation.tolist() == pytest.approx(own.tolist(), rel=0.25)
    worth = found.freedom - 11
    assert worth.tolist() == pytest.approx([worth[0]] * 6)
    common = (found.deviation**2 * found.freedom - own**2 * 11) / worth
    assert common.tolist() == pytest.approx([common[0]] * 6, rel=1e-3)


def test_what_all_counts_say_is_worth_as_much_as_they_agree():
    """True variances that vary as a scaled inverse chi-square of 8 degrees of freedom: found again from 400 counts of 400."""
    generator = np.random.default_rng(3)
    workers = np.arange(1, 401)
    true = 0.1 * np.sqrt(8 / generator.chisquare(8, 400))
    walls = np.exp(true * generator.standard_normal((400, 400)))
    found = points(table(walls, workers), "strong")
    assert found.freedom[0] - 399 == pytest.approx(8, rel=0.3)
    assert np.median(found.deviation) == pytest.approx(np.median(true), rel=0.05)


def test_a_count_without_repeats_gets_what_the_others_say():
    walls = spread([0.1] * 6, 20)
    once = table(walls).drop(index=range(11, 120, 6))  # 32 workers in the first repeat only
    found = points(once, "strong")
    assert found.repeats.tolist() == [20] * 5 + [1]
    assert found.deviation.tolist() == pytest.approx([found.deviation[0]] * 6)
    assert found.within == 5 * 19


class TestBlocks:
    def test_have_the_deviation_that_is_left_without_the_mood_of_each(self):
        """A mood of 50% and 2% besides: 40 blocks of six counts tell the 2% to a tenth of it."""
        found = points(in_blocks(spread([0.02] * 6, 40, mood=0.5)), "strong")
        assert found.deviation.tolist() == pytest.approx([0.02] * 6, rel=0.1)
        assert found.freedom.tolist() == pytest.approx([39 * 5] * 6)
        assert found.spread == pytest.approx(0.5, rel=0.3)

    def test_keep_their_rates_and_moods(self):
        walls = spread([0.02] * 6, 4, mood=0.5)
        found = points(in_blocks(walls), "strong")
        assert found.blocks.to_numpy() == pytest.approx(1 / walls)
        rates = points(in_blocks(walls).rename(columns={"wall_s": "throughput"}), "strong")
        assert rates.blocks.to_numpy() == pytest.approx(walls)

    @pytest.mark.parametrize(("blocks", "drawn"), [(1, False), (2, False), (3, True), (5, True)])
    def test_of_three_or_more_are_drawn_about_their_means(self, blocks, drawn):
        walls = spread([0.02] * 6, blocks, mood=0.1)
        found = points(in_blocks(walls), "strong").draws(4000)
        assert (found is not None) == drawn
        if drawn:
            ends = np.quantile(found, [0.025, 0.975], axis=0)
            half = stats.t.ppf(0.975, blocks - 1) * stats.sem(np.log(walls))
            assert ends[1].tolist() == pytest.approx(half.tolist(), rel=0.2)
            assert ends[0].tolist() == pytest.approx((-half).tolist(), rel=0.2)

    def test_of_plain_repeats_there_are_none(self):
        assert points(table(spread([0.02] * 6, 5)), "strong").draws(10) is None


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=6))
def test_without_the_largest_count_the_others_are_as_they_were(walls):
    whole = points(table([walls, walls[::-1]], COUNTS[: len(walls)]), "strong")
    left = whole.without_largest()
    assert left.workers.tolist() == whole.workers[:-1].tolist()
    for name in ("measured", "rate", "repeats", "deviation", "freedom"):
        mine, theirs = getattr(left, name), getattr(whole, name)
        assert (mine is None and theirs is None) or mine.tolist() == theirs[:-1].tolist()
    assert (left.baseline, left.blocks) == (whole.baseline, None)
