"""How many rounds a launch, how many blocks? From where the spread is, and from what a launch and a round cost.

Two levels vary: rounds within a launch, launches between blocks. More rounds only help against the first, more blocks
against both, and each block costs every case the start of a host. Logarithms throughout, as for the intervals.

Source: Kalibera and Jones 2013, "Rigorous Benchmarking in Reasonable Time", doi:10.1145/2464157.2464160, in its revised
form, which takes S_{i-1}^2 / r_{i-1} off, not T_{i-1}^2. Their formulas are of means; a launch is printed by its median
round, for which they are an approximation. So a plan only says how to spend the time: whether the intervals are narrow
enough is judged from the intervals (``precision``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.precision import IN_A_ROW, LEAST
from scalebench.analysis.statistics import Floats, allowed_variance

_NEGLIGIBLE = 0.1  #: share of the allowed variance below which the rounds of a launch don't matter


def variance_components(values: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Where values of nested levels vary.

    Args:
        values: Any unit, shape ``(r_n, ..., r_2, r_1)``: the last axis is the lowest level (rounds), the first the
            highest; at least two of each.
    Returns:
        ``S2``, ``T2``, lowest level first, shape ``(n,)``, in the unit squared: the mean variance of the level's means, and
        the part of it that is the level's own, ``T_i^2 = S_i^2 - S_{i-1}^2 / r_{i-1}``. The latter is unbiased, so it
        may be negative: then the level adds less than can be told apart from the levels below.

    >>> variance_components([[1.0, 3.0], [2.0, 4.0]])[1].tolist()
    [2.0, -0.5]
    """
    means = np.asarray(values, dtype=np.float64)
    whole, own = [], []
    below = 0.0
    while means.ndim:
        spread = float(np.mean(np.var(means, axis=-1, ddof=1)))
        whole.append(spread)
        own.append(spread - below)
        below = spread / means.shape[-1]
        means = means.mean(axis=-1)
    return np.array(whole), np.array(own)


def optimal_repetitions(components: Sequence[float], costs: Sequence[float]) -> list[float]:
    """Repetitions of each level but the highest that give the least variance for the time.

    Args:
        components: ``T2``, lowest level first, shape ``(n,)``.
        costs: Seconds that one more repetition of the level costs, lowest level first, shape ``(n,)``, > 0.
    Returns:
        ``r_i = sqrt(c_{i+1} / c_i * T_i^2 / T_{i+1}^2)``, shape ``(n - 1,)``, not rounded. A component that is not positive
        counts as none: infinite where the level above has none and this one has, 0 where this one has none.
    """
    found = []
    for level in range(len(components) - 1):
        own, above = max(float(components[level]), 0.0), max(float(components[level + 1]), 0.0)
        ratio = 0.0 if own == 0 else math.inf if above == 0 else own / above
        found.append(math.sqrt(costs[level + 1] / costs[level]) * math.sqrt(ratio))
    return found


def case_components(rounds: pd.DataFrame, paired: pd.DataFrame) -> pd.DataFrame:
    """Variance within and between the launches of each case.

    Args:
        rounds: Counted rounds of launches that ran well, of one run.
        paired: One row a launch of these, with ``wall_s`` and ``speedup``.
    Returns:
        Index ``case_id``; ``within`` and ``between``, variances of logarithms. ``between`` is the larger of that of the
        wall time and of the speedup, the rounds' share taken off, 0 where that leaves nothing; null for fewer than two
        launches. Launches of different numbers of rounds are cut to the fewest.
    """
    value = paired.set_index(["case_id", "block"])[["wall_s", "speedup"]].astype(float)
    found = {}
    for case_id, case in rounds.groupby("case_id", sort=False):
        logs = [np.log(launch["wall_s"].to_numpy(dtype=float)) for _, launch in case.groupby("block")]
        shortest = min(map(len, logs))
        if shortest < 2:
            continue
        walls = np.array([launch[:shortest] for launch in logs])
        within, between = float(np.mean(np.var(walls, axis=-1, ddof=1))), math.nan
        if len(walls) > 1:
            ours = value.xs(case_id)
            baseline = np.log((ours["wall_s"] * ours["speedup"]).to_numpy(dtype=float))[:, None]
            ratios = walls - np.where(np.isnan(baseline), 0.0, baseline)
            between = max(0.0, *(float(variance_components(one)[1][1]) for one in (walls, ratios)))
        found[str(case_id)] = (within, between)
    return pd.DataFrame.from_dict(found, orient="index", columns=["within", "between"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the rest of the time is best spent."""

    rounds: dict[str, int]  #: of each launch to come, by case_id; odd, so that the median is a round and not below it
    #: in all, until every interval is narrow enough by the rule of ``precision``; None: not known yet, or out of reach
    blocks: int | None
    block_s: float  #: seconds that a block with these rounds takes


def plan(
    components: pd.DataFrame,
    costs: pd.DataFrame,
    *,
    wanted: float,
    done: int,
    most_blocks: int,
    rounds_between: tuple[int, int],
    left_s: float = math.inf,
) -> Plan:
    """The cheapest whole blocks that give every interval the wanted width.

    For each number of blocks every case takes the fewest rounds that will do; of these the number is taken that is soonest
    done. So rounds go to cases that vary from round to round and start slowly, and a steady case takes the fewest. If
    none will do, in time or at all, each case takes Kalibera and Jones's optimum. If nothing is known about the spread
    between launches yet (one block), it takes as many rounds as cost the same as the rest of the launch, which is at
    most twice the best cost whatever that spread is: ``(c2 + r c1) (T2 + T1 / r) = 2 (c2 T2 + c1 T1)`` at ``r = c2 / c1``,
    and the optimum is ``(sqrt(c2 T2) + sqrt(c1 T1))^2``. But no more than make the rounds' own share negligible.

    Each case decides by itself, its baseline too: what is equal is the rule. The number of rounds moves no value, since
    it is odd (the median of few rounds is off by little) and chosen from blocks before.

    Args:
        components: As of :func:`case_components`.
        costs: Index ``case_id``; ``round_s`` (s per round) and ``fixed_s`` (s of a launch without its counted rounds).
        wanted: Half the width of an interval relative to its value.
        done: Blocks that there are.
        most_blocks: At most so many in all.
        rounds_between: Fewest and most rounds of a launch.
        left_s: Seconds of the budget that are left.
    """
    known = components.join(costs, how="inner")
    within, between, round_s, fixed_s = (
        known[name].to_numpy(dtype=float) for name in ("within", "between", "round_s", "fixed_s")
    )
    least, most = rounds_between

    def whole(rounds: Floats) -> Floats:
        """Odd numbers within the limits."""
        odd: Floats = np.clip(2 * np.ceil((np.nan_to_num(rounds, posinf=most) - 1) / 2) + 1, least, most)
        return odd

    def plan_of(rounds: Floats, blocks: int | None) -> Plan:
        taken = {str(case): int(count) for case, count in zip(known.index, rounds, strict=True)}
        return Plan(rounds=taken, blocks=blocks, block_s=float((fixed_s + rounds * round_s).sum()))

    numbers = np.arange(max(done + 1, LEAST), most_blocks + 1)
    if np.isnan(between).any() or not len(numbers):
        negligible = within / (_NEGLIGIBLE * allowed_variance(wanted, np.array([LEAST])))
        return plan_of(whole(np.minimum(fixed_s / round_s, negligible)), None)
    left = allowed_variance(wanted, numbers - IN_A_ROW + 1)[:, None] - between
    needed = np.divide(within, left, out=np.full(left.shape, np.inf), where=left > 0)
    seconds = np.where((needed <= most).all(axis=1), (numbers - done) * (fixed_s + whole(needed) * round_s).sum(axis=1), np.inf)
    best = int(np.argmin(seconds))
    if seconds[best] <= left_s and math.isfinite(seconds[best]):
        return plan_of(whole(needed[best]), int(numbers[best]))
    pairs = zip(within, between, round_s, fixed_s, strict=True)
    optimum = [optimal_repetitions([own, above], [low, high])[0] for own, above, low, high in pairs]
    return plan_of(whole(np.array(optimum)), None)
