"""Was the machine in one mood? Drift and unrest of the canary, and CPUs that others use.

The canary is one small task of pure Python, timed by the controller before each launch. What moves it is the machine.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALARM_RATE = 0.01  #: of the drift test, where the canary varies without order
LEAST_DRIFT = 0.05  #: of the level: a smaller shift is no finding, however sure
LEAST_LAUNCHES = 20  #: that drift and unrest are judged from
LEAST_UNREST = 1.25  #: ratio of the canary's 95% and 5% quantiles from which the machine is unsteady
LEAST_SHORTAGE = 0.1  #: share of the CPU budget that others must take
_SHUFFLES = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A canary that left its level for a while, or for good."""

    first: int  #: launch of the stretch, counted from 0
    last: int
    inside_s: float  #: median of the stretch
    outside_s: float  #: median of all other launches
    chance: float  #: of such a stretch where there is none


def drift(canary_s: npt.NDArray[np.floating]) -> Shift | None:
    """The stretch of a run in which the canary had another level, where it is beyond the noise.

    The range of the cumulated ranks, less their mean: it is large for a step, a trend, and a level that came and went.
    How large it is without any is found by shuffling, so where launches vary independently false alarms are
    :data:`ALARM_RATE` at any number of launches, before small shifts are left out. A neighbour that stays for some
    launches makes alarms: with a correlation of 0.2 from a launch to the next 5%, with 0.5 37% (of 225 launches whose
    canary varies by 10%, measured on 4,000 runs).

    Args:
        canary_s: In order of time, s, shape ``(launches,)``.
    Returns:
        None for fewer than 20 launches, for a chance above 1%, and for medians that differ by less than 5%.
    Source:
        The rescaled range on ranks: Lo 1991, doi:10.2307/2938368; shuffled: Fisher's permutation test.
    """
    from scipy.stats import rankdata

    count = len(canary_s)
    if count < LEAST_LAUNCHES:
        return None
    ranks = rankdata(canary_s) - (count + 1) / 2
    sums = np.concatenate([[0.0], np.cumsum(ranks)])
    generator = np.random.default_rng(0)
    shuffled = np.array([np.ptp(np.cumsum(generator.permutation(ranks))) for _ in range(_SHUFFLES)])
    chance = float((1 + (shuffled >= np.ptp(sums)).sum()) / (1 + _SHUFFLES))
    first, after = sorted((int(np.argmin(sums)), int(np.argmax(sums))))
    stretch = np.zeros(count, dtype=bool)
    stretch[first:after] = True
    if chance > ALARM_RATE or stretch.all():
        return None
    inside, outside = float(np.median(canary_s[stretch])), float(np.median(canary_s[~stretch]))
    if abs(np.log(inside / outside)) < np.log1p(LEAST_DRIFT):
        return None
    return Shift(first=first, last=after - 1, inside_s=inside, outside_s=outside, chance=chance)


def unrest(canary_s: npt.NDArray[np.floating]) -> tuple[float, float] | None:
    """The 5% and 95% quantiles of the canary, s, where they are a quarter apart; None otherwise, and below 20 launches."""
    if len(canary_s) < LEAST_LAUNCHES:
        return None
    low, high = (float(one) for one in np.quantile(canary_s, [0.05, 0.95]))
    return (low, high) if high >= LEAST_UNREST * low else None


def shortage(used_by_others: npt.ArrayLike, cpu_budget: int, logical_cpus: int) -> float | None:
    """CPUs of the budget that others were using, where that is a tenth of it; None otherwise.

    Args:
        used_by_others: CPUs in use while the run itself slept, one figure a look.
        cpu_budget: CPUs that the run may use.
        logical_cpus: CPUs of the machine: what others use of those beyond the budget is no harm.
    """
    looks = np.asarray(used_by_others, dtype=np.float64)
    if not len(looks):
        return None
    lacking = min(float(looks.mean()) + cpu_budget - logical_cpus, float(cpu_budget))
    return lacking if lacking >= LEAST_SHORTAGE * cpu_budget else None
