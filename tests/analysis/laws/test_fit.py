"""What a fit keeps, and what it refuses: each part by itself, with its reason."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from scalebench.analysis.laws.fit import fit
from scalebench.analysis.laws.karp_flatt import karp_flatt
from scalebench.analysis.laws.predict import predict
from scalebench.analysis.laws.registry import LAWS
from scalebench.errors import UsageError

COUNTS = (1, 2, 4, 8, 16, 32)
SHARE = st.floats(0.01, 0.5)
RATE = st.floats(1e-3, 1e6)


def usl(workers, contention, coherency, rate=1.0):
    workers = np.asarray(workers, dtype=float)
    return rate * workers / (1 + contention * (workers - 1) + coherency * workers * (workers - 1))


def times(workers, rates, **more):
    return pd.DataFrame({"workers": np.asarray(workers, dtype="int64"), "wall_s": 1 / np.asarray(rates), **more})


def noisy(workers, rates, noise, *, repeats=1, seed=0, blocks=False, mood=0.0):
    """Log-normal repeats; as blocks, each with a mood that all its counts share."""
    generator = np.random.default_rng(seed)
    logs = noise * generator.standard_normal((repeats, len(workers))) + mood * generator.standard_normal((repeats, 1))
    frame = times(np.tile(workers, repeats), (rates * np.exp(logs)).ravel())
    return frame.assign(block=np.repeat(np.arange(repeats), len(workers))) if blocks else frame


def values(found, law):
    return {name: one.value for name, one in found.laws[law].coefficients.items()}


class TestExactData:
    @given(SHARE, st.floats(1e-4, 0.05), RATE)
    def test_of_the_universal_law_give_its_coefficients_and_peak_back(self, contention, coherency, rate):
        found = fit(times(COUNTS, usl(COUNTS, contention, coherency, rate)))
        assert values(found, "usl") == pytest.approx({"contention": contention, "coherency": coherency, "rate": rate}, rel=1e-5)
        peak = max(1.0, np.sqrt((1 - contention) / coherency))
        assert found.laws["usl"].peak_workers.value == pytest.approx(peak, rel=1e-5)
        assert found.preferred == "usl"

    @given(SHARE, RATE)
    def test_of_amdahl_give_its_coefficients_back_and_the_simpler_law_is_preferred(self, serial, rate):
        found = fit(times(COUNTS, usl(COUNTS, serial, 0, rate)))
        assert values(found, "amdahl") == pytest.approx({"serial_fraction": serial, "rate": rate}, rel=1e-6)
        assert found.preferred == "amdahl"
        assert found.laws["usl"].peak_workers is None

    @given(SHARE, RATE)
    def test_of_gustafson_give_its_coefficients_back(self, serial, rate):
        workers = np.array(COUNTS)
        scaled = rate * (workers + (1 - workers) * serial)
        found = fit(pd.DataFrame({"workers": workers, "wall_s": workers / scaled}), "weak")
        assert values(found, "gustafson") == pytest.approx({"serial_fraction": serial, "rate": rate}, rel=1e-6)

    @given(SHARE, st.floats(1e-4, 0.05))
    def test_predict_their_largest_count_from_the_others(self, contention, coherency):
        found = fit(times(COUNTS, usl(COUNTS, contention, coherency)))
        assert found.holdout.workers == 32
        assert found.holdout.predicted == pytest.approx(found.holdout.measured, rel=1e-4)

    @given(SHARE)
    def test_of_amdahl_have_the_same_karp_flatt_at_each_count(self, serial):
        found = fit(times(COUNTS, usl(COUNTS, serial, 0)))
        assert found.karp_flatt["value"].tolist()[1:] == pytest.approx([serial] * 5)

    def test_of_perfect_scaling_have_a_serial_fraction_of_0_and_no_universal_law(self):
        found = fit(times(COUNTS, np.array(COUNTS) * 3.0))
        assert values(found, "amdahl")["serial_fraction"] == pytest.approx(0, abs=1e-9)
        assert "no loss to share out" in found.laws["usl"].reason

    def test_that_no_worker_makes_faster_are_all_serial(self):
        found = fit(times(COUNTS, np.full(6, 5.0)))
        assert values(found, "amdahl")["serial_fraction"] == pytest.approx(1)


@settings(max_examples=20)
@given(st.floats(1e-3, 1e3), st.booleans())
def test_another_unit_of_time_changes_the_rate_only(factor, as_blocks):
    plain = noisy(COUNTS, usl(COUNTS, 0.1, 0.002), 0.02, repeats=4, blocks=as_blocks)
    scaled = plain.assign(wall_s=plain["wall_s"] * factor)
    first, second = fit(plain), fit(scaled)
    for name, one in first.laws["usl"].coefficients.items():
        other = second.laws["usl"].coefficients[name]
        expected = [part / factor if name == "rate" else part for part in (one.value, one.low, one.high)]
        assert [other.value, other.low, other.high] == pytest.approx(expected, rel=1e-5)
    assert second.laws["usl"].peak_workers.value == pytest.approx(first.laws["usl"].peak_workers.value, rel=1e-5)
    assert second.karp_flatt["value"].tolist()[1:] == pytest.approx(first.karp_flatt["value"].tolist()[1:])


@settings(max_examples=20)
@given(st.permutations(range(24)))
def test_the_order_of_the_rows_does_not_matter(order):
    frame = noisy(COUNTS, usl(COUNTS, 0.1, 0.002), 0.02, repeats=4)
    plain, shuffled = (values(fit(one), "usl") for one in (frame, frame.iloc[list(order)]))
    assert shuffled == pytest.approx(plain, rel=1e-9)


@settings(max_examples=15)
@given(SHARE, st.just(0.0) | st.floats(1e-4, 0.05), st.sampled_from(["strong", "weak"]))
def test_what_is_told_from_some_counts_is_told_from_more_of_them(share, coherency, scaling):
    """Of exact data: a law, a peak, a prediction of the largest count, a preference that was not refused."""
    told = set()
    workers = np.array([1, 2, 4, 8, 16, 32, 64])
    rate = usl(workers, share, coherency) if scaling == "strong" else (workers + (1 - workers) * share) / workers
    for count in range(2, 8):
        found = fit(pd.DataFrame({"workers": workers[:count], "wall_s": 1 / rate[:count]}), scaling)
        now = {name for name, law in found.laws.items() if law.reason is None}
        now |= {f"{name} peak" for name, law in found.laws.items() if law.peak_workers is not None}
        now |= {name for name in ("holdout", "preferred") if getattr(found, name) is not None}
        assert told <= now
        told = now


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=12))
@example([1.0, 1.0, 1.0, 6.0, 11.0, 14.0, 21.0, 31.0, 1.0])  # a step of the fit takes no time for one worker
def test_every_law_is_fitted_or_refused_with_a_reason_and_nothing_is_raised(walls):
    workers = np.arange(1, len(walls) + 1)
    for scaling in ("strong", "weak"):
        found = fit(pd.DataFrame({"workers": workers, "wall_s": walls}), scaling)
        for law in found.laws.values():
            assert (law.reason is None) == (law.coefficients is not None)
            assert all(np.isfinite(one.value) and one.value >= 0 for one in (law.coefficients or {}).values())
            assert law.peak_workers is None or law.peak_workers.value < 1e4


class TestCounts:
    @pytest.mark.parametrize("count", [2, 3])
    def test_below_four_refuse_every_law(self, count):
        found = fit(times(COUNTS[:count], usl(COUNTS[:count], 0.1, 0.001)))
        assert f"{count} distinct counts" in found.laws["amdahl"].reason
        assert "needs 4" in found.laws["usl"].reason
        assert found.used is None

    def test_do_not_grow_by_repeats(self):
        found = fit(times([1, 2, 4] * 10, np.tile([1.0, 1.8, 3.0], 10)))
        assert "needs 4" in found.laws["amdahl"].reason

    def test_of_four_are_enough_for_a_law_and_not_for_a_holdout(self):
        found = fit(times(COUNTS[:4], usl(COUNTS[:4], 0.1, 0.01)))
        assert found.laws["usl"].reason is None
        assert "takes 5" in found.holdout.reason
        assert found.holdout.predicted is None
        assert "takes 6" in found.preferred_reason

    def test_of_five_are_enough_for_a_holdout_and_not_for_a_preference(self):
        found = fit(times(COUNTS[:5], usl(COUNTS[:5], 0.1, 0.01)))
        assert found.holdout.reason is None
        assert found.preferred is None
        assert "takes 6" in found.preferred_reason
        assert found.used == "usl"  # which comes closest

    def test_of_six_are_enough_for_a_preference(self):
        assert fit(times(COUNTS, usl(COUNTS, 0.1, 0.01))).preferred == "usl"


class TestRefused:
    def test_are_laws_of_the_other_scaling(self):
        strong, weak = (fit(times(COUNTS, usl(COUNTS, 0.1, 0.01)), scaling) for scaling in ("strong", "weak"))
        assert "weak scaling" in strong.laws["gustafson"].reason
        assert "strong scaling" in weak.laws["amdahl"].reason

    def test_is_karp_flatt_of_weak_scaling(self):
        assert fit(times(COUNTS, usl(COUNTS, 0.1, 0.01)), "weak").karp_flatt["value"].isna().all()

    def test_are_coefficients_that_noise_could_have_made(self):
        found = fit(noisy(COUNTS[:5], usl(COUNTS[:5], 0.1, 0.001), 0.4, seed=3))
        assert "don't identify" in found.laws["usl"].reason

    def test_are_contention_and_coherency_that_counts_close_to_each_other_can_not_tell_apart(self):
        workers = np.array([100, 101, 102, 103, 104, 105])
        found = fit(noisy(workers, usl(workers / 100, 0.3, 0.1), 0.03))
        assert found.laws["usl"].reason is not None
        assert found.laws["amdahl"].reason is not None

    def test_is_a_peak_whose_coherency_may_be_0(self):
        """60 counts tell the contention well; the coherency is a hundredth of what could be seen."""
        workers = np.arange(1, 61)
        found = fit(noisy(workers, usl(workers, 0.05, 1e-6), 0.02, seed=3)).laws["usl"]
        assert found.reason is None
        assert found.peak_workers is None
        assert "coherency" in found.peak_reason

    @pytest.mark.parametrize("frame", [
        pd.DataFrame({"workers": [1, 2], "wall_s": [1.0, 0.0]}),
        pd.DataFrame({"workers": [1, 2], "wall_s": [1.0, float("nan")]}),
        pd.DataFrame({"workers": [0, 2], "wall_s": [1.0, 1.0]}),
        pd.DataFrame({"workers": [1, 2], "seconds": [1.0, 1.0]}),
        pd.DataFrame({"workers": [], "wall_s": []}),
    ])  # fmt: skip
    def test_are_tables_that_make_no_sense(self, frame):
        with pytest.raises(UsageError, match="a law is fitted to"):
            fit(frame)


class TestLittleNoise:
    """So little that the law is straight within it: then all figures have closed forms."""

    COUNTS, SERIAL, NOISE = np.array([1, 2, 4, 8, 16, 32, 64, 128]), 0.1, 1e-5

    def fitted(self):
        """Amdahl's law, a measurement a count; its design in logs of the rate, and the residuals about its best."""
        table = noisy(self.COUNTS, usl(self.COUNTS, self.SERIAL, 0.0), self.NOISE, seed=4)
        share = 1 / usl(self.COUNTS, self.SERIAL, 0.0)  # time of a unit of work, of one worker's 1
        design = np.column_stack([1 / self.COUNTS, np.ones(8)]) / share[:, None]  # of logs by parallel and serial time
        logs = np.log(table["wall_s"].to_numpy() / share)
        best, squares, *_ = np.linalg.lstsq(design, logs, rcond=None)
        return fit(table), design, best, float(squares[0])

    def test_intervals_of_coefficients_are_those_of_linear_regression(self):
        """By 4,000 draws: an end is known to 4% of its distance."""
        found, design, best, squares = self.fitted()
        parallel, serial = np.array([0.9, 0.1]) + best
        covariance = np.linalg.inv(design.T @ design) * squares / 6
        toward = np.array([-serial, parallel]) / (parallel + serial) ** 2  # d(serial share)
        half = stats.t.ppf(0.975, 6) * np.sqrt(toward @ covariance @ toward)
        told = found.laws["amdahl"].coefficients["serial_fraction"]
        assert told.value == pytest.approx(serial / (parallel + serial), abs=half / 1000)
        assert [told.low - told.value, told.high - told.value] == pytest.approx([-half, half], rel=0.06)

    def test_a_prediction_has_the_interval_of_linear_regression(self):
        """Within the data, where the law's own share is that of the place; beyond, that of the end at least."""
        found, design, _, squares = self.fitted()
        for count in (3, 128, 100_000):
            at = np.array([1 / count, 1]) * usl(count, self.SERIAL, 0.0)
            own = at @ np.linalg.inv(design.T @ design) @ at
            half = stats.t.ppf(0.975, 6) * np.sqrt(squares / 6 * (1 + own))
            told = predict(found, [count], "amdahl").iloc[0]
            ends = np.log([told["wall_s_low"] / told["wall_s"], told["wall_s_high"] / told["wall_s"]])
            assert ends.tolist() == pytest.approx([-half, half], rel=0.04)

    def test_the_criterion_is_that_of_hurvich_and_tsai(self):
        found, _, _, squares = self.fitted()
        parameters = 3  # parallel and serial time, and the spread
        expected = 8 * np.log(squares / 8) + 2 * parameters + 2 * parameters * (parameters + 1) / (8 - parameters - 1)
        assert found.laws["amdahl"].aicc == pytest.approx(expected, rel=1e-3)


class TestBlocks:
    def test_move_the_rate_and_not_the_shape_with_the_machines_mood(self):
        """A mood of 20% in all counts of a block: the shape is known to the 0.5% that counts differ by."""
        found = fit(noisy(COUNTS, usl(COUNTS, 0.1, 0.002), 0.005, repeats=5, blocks=True, mood=0.2)).laws["usl"].coefficients
        assert found["contention"].high / found["contention"].low < 1.3
        assert found["rate"].high / found["rate"].low > 1.3

    @pytest.mark.parametrize("blocks", [1, 2])
    def test_below_three_give_no_interval(self, blocks):
        found = fit(noisy(COUNTS, usl(COUNTS, 0.1, 0.002), 0.001, repeats=blocks, blocks=True))
        assert [(one.low, one.high) for one in found.laws["usl"].coefficients.values()] == [(None, None)] * 3
        assert found.laws["usl"].peak_workers.low is None
        assert any("no intervals" in note for note in found.notes)


class TestWeights:
    def test_follow_the_measured_variance(self):
        """A count whose repeats differ by half moves the fit less than its share would."""
        frame = noisy(COUNTS, usl(COUNTS, 0.1, 0), 0.002, repeats=10)
        bad = frame["workers"] == 16
        spread = np.exp(0.5 * np.random.default_rng(1).standard_normal(bad.sum()))
        frame.loc[bad, "wall_s"] *= 1.3 * spread
        found = values(fit(frame), "amdahl")["serial_fraction"]
        mean = np.exp(np.log(frame["wall_s"]).groupby(frame["workers"]).mean())
        unweighted = values(fit(times(COUNTS, 1 / mean.to_numpy())), "amdahl")["serial_fraction"]
        assert abs(found - 0.1) < abs(unweighted - 0.1) / 3

    def test_that_could_not_be_measured_are_equal(self):
        """Repeats that are all alike measure no variance: the fit is that of single points."""
        rates = noisy(COUNTS, usl(COUNTS, 0.1, 0.002), 0.02)
        once, thrice = fit(rates), fit(pd.concat([rates] * 3))
        assert values(thrice, "usl") == pytest.approx(values(once, "usl"), rel=1e-6)
        assert thrice.laws["usl"].coefficients["contention"].low == pytest.approx(
            once.laws["usl"].coefficients["contention"].low, rel=1e-4
        )

    def test_of_a_law_that_misses_the_points_widen_its_intervals_and_it_is_said(self):
        found = fit(noisy(COUNTS, usl(COUNTS, 0.02, 0.01), 0.001, repeats=5))
        amdahl = found.laws["amdahl"].coefficients["serial_fraction"]
        assert amdahl.high - amdahl.low > 0.05
        assert any("Amdahl's law: further from the points" in note for note in found.notes)
        assert found.preferred == "usl"


@pytest.mark.parametrize(("last", "superlinear"), [(1.0, False), (0.999, True), (1.001, False)])
def test_points_are_superlinear_above_the_perfect_speedup_and_not_at_it(last, superlinear):
    found = fit(pd.DataFrame({"workers": [1, 2, 4, 8], "wall_s": [8.0, 4.0, 2.0, last]}))
    assert any("Superlinear points" in note for note in found.notes) == superlinear


def test_a_superlinear_point_has_a_negative_karp_flatt():
    assert karp_flatt([2.2], [2])[0] < 0
    assert karp_flatt([4.0], [4])[0] == 0


def test_speedups_are_over_one_worker_even_where_the_table_starts_later():
    found = fit(pd.DataFrame({"workers": [2, 4, 8, 16], "speedup": usl([2, 4, 8, 16], 0.1, 0)}))
    assert values(found, "amdahl")["serial_fraction"] == pytest.approx(0.1)
    assert found.karp_flatt["value"].tolist() == pytest.approx([0.1] * 4)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_every_law_is_its_rate_at_the_baseline_and_is_halved_where_it_says(law):
    """``halving``: each coefficient alone, at that value, halves the rate of perfect scaling."""
    for name, limit in law.halving(8.0).items():
        # factors at a rate of 3: parallel, serial, and maybe coherent time
        factors = {"contention": [1 - limit, limit, 0], "serial_fraction": [1 - limit, limit], "coherency": [1, 0, limit]}[name]
        factors = np.array(factors) * (1 / 3 if law.of_time else 3)
        found = law.coefficients(factors)
        assert float(found[name]) == pytest.approx(limit)
        assert float(found["rate"]) == pytest.approx(3)
        assert law.rate(np.array([1.0, 8.0]), factors).tolist() == pytest.approx([3, 12])


@pytest.mark.parametrize("measure", ["wall_s", "throughput"])
@pytest.mark.parametrize("fraction", [0.0, 0.05, 1.0])
def test_a_table_without_noise_has_a_coherency_of_nothing_and_values_within_their_intervals(measure, fraction):
    counts = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    walls = 10 * (fraction + (1 - fraction) / counts)
    found = fit(pd.DataFrame({"workers": counts, measure: walls if measure == "wall_s" else 1 / walls}))
    for law in found.laws.values():
        for value in (law.coefficients or {}).values():
            assert value.low <= value.value <= value.high
    usl = found.laws["usl"]
    assert usl.reason is not None or usl.coefficients["coherency"].value == 0
    assert usl.reason is not None or "its bound" in usl.peak_reason
    assert found.laws["amdahl"].coefficients["serial_fraction"].value == pytest.approx(fraction, abs=1e-12)
