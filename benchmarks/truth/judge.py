"""What each statistic would have said of the collected rounds: by windows of them as they came, and by resampled blocks.

A pair is so many blocks as fit into its time; of each launch only the first ``rounds`` are used, and only their time is
counted. The rate of false alarms is that of ``same`` against ``again``, with the two swapped at random in each drawn
block, which the random order of a block makes equally likely; found is a slowdown called slower.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from scalebench.analysis import statistics
from scalebench.analysis.compare import FASTER, SLOWER, compare, variants

Array = np.ndarray
LEVEL = 0.05
ENOUGH = 3  # times as many blocks as a pair has, before pairs are drawn from them: fewer are one lucky or unlucky sample
#: of the rounds of a launch, sorted: which stands for it (rounded down to one that was measured)
QUANTILES = {"decile": 0.1, **statistics.QUANTILES}
LOCATIONS = (*QUANTILES, "mean")


def located(rounds: Array, location: str) -> Array:
    """One value a launch, shape (blocks,)."""
    if location == "mean":
        return rounds.mean(axis=1)
    ordered = np.sort(rounds, axis=1)
    return ordered[:, int((rounds.shape[1] - 1) * QUANTILES[location])]


def t_test(logs: Array) -> Array:
    """P values along the last axis: Student's t of the mean."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = logs.mean(axis=-1) / (logs.std(axis=-1, ddof=1) / np.sqrt(logs.shape[-1]))
    return 2 * stats.t.sf(np.abs(t), logs.shape[-1] - 1)


def trimmed_t(logs: Array, share: float = 0.2) -> Array:
    """Of the mean without the outer fifths (Tukey and McLaughlin 1963; Yuen 1974, doi:10.1093/biomet/61.1.165)."""
    count = logs.shape[-1]
    cut = int(share * count)
    ordered = np.sort(logs, axis=-1)
    kept = ordered[..., cut : count - cut]
    winsorised = np.clip(ordered, kept[..., :1], kept[..., -1:])
    error = winsorised.std(axis=-1, ddof=1) / ((1 - 2 * cut / count) * np.sqrt(count))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = kept.mean(axis=-1) / error
    return 2 * stats.t.sf(np.abs(t), count - 2 * cut - 1)


def signed_ranks(logs: Array) -> Array:
    """Wilcoxon 1945, doi:10.2307/3001968."""
    return np.asarray(stats.wilcoxon(logs, axis=-1, method="approx" if logs.shape[-1] > 12 else "exact").pvalue)


NAMED = {"alarm": "again", "five": "five", "ten": "ten"}  #: what is asked: the variant that ``same`` is compared with

TESTS: dict[str, Callable[[Array], Array]] = {"t": t_test, "trimmed t": trimmed_t, "signed ranks": signed_ranks}


def blocks_in(seconds: float, rounds: dict[str, Array], used: int, launch_s: float) -> int:
    """Pairs of launches with ``used`` rounds, and a warm-up as long as one, that fit into the time."""
    one = launch_s + (used + 1) * float(np.mean(rounds["same"]))
    return int(seconds / (2 * one))


def drawn(logs: Array, blocks: int, generator: np.random.Generator, *, swapped: bool, draws: int) -> Array:
    """Blocks drawn with replacement: shape (draws, blocks)."""
    chosen = logs[generator.integers(0, len(logs), (draws, blocks))]
    return chosen * generator.choice([-1.0, 1.0], chosen.shape) if swapped else chosen


def ratios(rounds: dict[str, Array], location: str, used: int) -> dict[str, Array]:
    """Log ratios to ``same`` by block: ``alarm`` of the same code, ``five`` and ``ten``."""
    base = np.log(located(rounds["same"][:, :used], location))
    return {what: np.log(located(rounds[name][:, :used], location)) - base for what, name in NAMED.items()}


def called(what: str, pairs: Array, test: str) -> Array:
    """By pair: whether it is called a change (of the same code) or slower (of a slowdown)."""
    significant = TESTS[test](pairs) <= LEVEL
    return significant if what == "alarm" else significant & (np.median(pairs, axis=-1) > 0)


def counts(rounds: pd.DataFrame, blocks: int, location: str, used: int) -> dict[str, str]:
    """``n of m`` pairs of so many blocks as they came, by the verdict of ``scalebench compare``."""
    kept = rounds[rounds.groupby(["run_id", "block", "variant"]).cumcount() < used]
    window = kept.groupby(["run_id", "block"], sort=False).ngroup() // max(blocks, 1)
    pairs = kept.groupby(["run_id", "block"]).ngroups // blocks if blocks >= 3 else 0
    told = {}
    for what, name in NAMED.items():
        verdicts = [
            _verdict(kept[window.eq(number) & kept["variant"].isin(["same", name])], name, location) for number in range(pairs)
        ]
        found = [one == SLOWER or (what == "alarm" and one == FASTER) for one in verdicts]
        told[what] = f"{sum(found)} of {pairs}" if pairs else "-"
    return told


def _verdict(rounds: pd.DataFrame, name: str, location: str) -> str:
    return str(compare(variants(rounds, ["same", name]), paired=True, location=location)["verdict"].iloc[0])


def rates(
    rounds: dict[str, Array], launch_s: float, seconds: float, location: str, used: int, test: str, draws: int = 2000
) -> dict[str, float] | None:
    """Shares of resampled pairs; None where three blocks don't fit into the time, or too few were collected for it."""
    blocks = blocks_in(seconds, rounds, used, launch_s)
    if blocks < 3 or len(rounds["same"]) < ENOUGH * blocks:
        return None
    generator = np.random.default_rng(0)
    return {
        what: float(called(what, drawn(logs, blocks, generator, swapped=what == "alarm", draws=draws), test).mean())
        for what, logs in ratios(rounds, location, used).items()
    }
