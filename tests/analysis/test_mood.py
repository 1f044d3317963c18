"""Drift, unrest and others' use of the machine, on canaries whose truth is known."""

import numpy as np
import pytest

from scalebench.analysis.mood import _SHUFFLES, ALARM_RATE, LEAST_LAUNCHES, drift, shortage, unrest


def canaries(launches, seed, spread=0.1):
    return 0.004 * np.exp(np.random.default_rng(seed).normal(0, spread, launches))


@pytest.mark.long
@pytest.mark.parametrize("launches", [20, 100])
def test_a_machine_that_varies_without_order_alarms_as_rarely_as_stated(launches):
    """300 runs whose canary varies by 30%, so that the least size hardly helps: 3 alarms are expected. With another seed,
    the chance of more than 10 is 3e-4."""
    alarms = sum(drift(canaries(launches, seed, 0.3)) is not None for seed in range(300))
    assert alarms <= 10
    assert ALARM_RATE == 0.01


@pytest.mark.parametrize(
    ("shape", "changes"),
    [(lambda at: at >= 0.5, [50]), (lambda at: (at >= 0.3) & (at < 0.7), [30, 70]), (lambda at: at < 0.25, [25])],
    ids=["step", "came and went", "start"],
)
def test_a_level_that_changed_is_found_with_its_launches(shape, changes):
    """A fifth, in a canary that varies by 5%: four deviations, missed by hardly any seed. Of a step either side may be the
    stretch."""
    at = np.arange(100) / 100
    found = drift(canaries(100, 1, 0.05) * np.where(shape(at), 1.2, 1.0))
    assert found is not None
    assert found.chance <= ALARM_RATE
    slower = shape(np.array([(found.first + found.last) / 200]))[0]
    assert found.inside_s / found.outside_s == pytest.approx(1.2 if slower else 1 / 1.2, rel=0.05)
    assert all(min(abs(found.first - change), abs(found.last + 1 - change)) <= 4 for change in changes)


def test_a_trend_is_found():
    assert drift(canaries(100, 2, 0.05) * np.linspace(1, 1.3, 100)) is not None


def test_a_faster_stretch_is_found_too():
    at = np.arange(60)
    found = drift(canaries(60, 3, 0.02) * np.where((at >= 20) & (at < 40), 0.8, 1.0))
    assert found.inside_s / found.outside_s == pytest.approx(0.8, rel=0.05)


def test_a_stretch_has_its_first_and_its_last_launch_and_its_own_median():
    """Without noise nothing is left to chance: the ranks of the slow ones are the highest, and no shuffle ranges as far."""
    at = np.arange(60)
    found = drift(np.where((at >= 20) & (at < 40), 0.006, 0.004))
    assert (found.first, found.last) == (20, 39)
    assert (found.inside_s, found.outside_s) == (0.006, 0.004)
    assert found.chance == 1 / (1 + _SHUFFLES)


def test_the_same_launches_tell_the_same_chance_each_time():
    slow = canaries(60, 5, 0.05) * np.where(np.arange(60) < 30, 1.1, 1.0)
    assert len({drift(slow).chance for _ in range(3)}) == 1


def test_a_sure_but_tiny_drift_is_no_finding():
    assert drift(canaries(200, 4, 0.001) * np.where(np.arange(200) < 100, 1.0, 1.03)) is None


def test_a_few_launches_tell_no_drift_and_no_unrest():
    few = np.linspace(0.004, 0.04, LEAST_LAUNCHES - 1)
    assert drift(few) is None
    assert unrest(few) is None
    enough = np.linspace(0.004, 0.04, LEAST_LAUNCHES)
    assert drift(enough) is not None
    assert unrest(enough) is not None


def test_a_canary_that_never_moves_is_fine():
    assert drift(np.full(50, 0.004)) is None
    assert unrest(np.full(50, 0.004)) is None


def test_a_canary_of_two_speeds_is_unrest_and_one_slow_launch_is_not():
    two = np.tile([0.004, 0.006], 20)
    assert unrest(two) == pytest.approx((0.004, 0.006))
    assert unrest(np.append(np.full(99, 0.004), 0.4)) is None


@pytest.mark.parametrize(
    ("others", "budget", "logical", "expected"),
    [
        ([0.0, 0.1], 2, 2, None),
        ([0.5, 0.7], 2, 2, 0.6),
        ([1.0], 2, 8, None),  # there is room beside the budget
        ([7.0], 2, 8, 1.0),
        ([8.0], 2, 8, 2.0),
        ([0.3], 4, 4, None),  # a tenth of the budget counts
        ([0.5], 4, 4, 0.5),
        ([1], 1, 1, 1.0),
        ([], 2, 2, None),
    ],
)
def test_others_use_counts_where_it_leaves_less_than_the_budget(others, budget, logical, expected):
    assert shortage(others, budget, logical) == (None if expected is None else pytest.approx(expected))
