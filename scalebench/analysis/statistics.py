"""Location and interval over blocks.

A block's launches share the machine's mood of that moment; what varies independently is the block. So every interval
is over blocks: the t interval of the logarithms of one value per block. Logarithms, since times and ratios
are positive and combine by products; their mean is the geometric mean, and the factors of a product stay a product.

What it covers, by simulation with the spreads of the reference run (3, 5 and 10 blocks, wall time and speedup;
results/reference/simulated-intervals.md): 94.8% to 95.8% where launches vary log-normally, 93.6% to 95.8% where they have two
speeds, or where up to one launch in five is slow. It fails where launches are steady but for rare ones that are far off,
which few blocks don't show: of launches that vary by 1% but for one in five (baseline: one in ten) that is 20% slower on
average, it covers the wall time 60% to 74% of the time and the speedup 87% to 90%. No method sees what did not happen.
Bootstraps over blocks, then rounds, cover less on all but the last of these, where they too fail. Below three blocks none is
given.
"""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LEAST_BLOCKS = 3  #: that an interval is given for
CONFIDENCE = 0.95
#: which round of a launch stands for it: a key of :data:`QUANTILES`; the one place that decides it
LOCATION = "median"
#: the quantile, rounded down to a round that was measured
QUANTILES = {"median": 0.5, "low-quantile": 0.25, "minimum": 0.0}


def over_blocks(values: pd.Series, groups: list[pd.Series]) -> pd.DataFrame:
    """Geometric mean of one positive value per block, and its interval, by group.

    Args:
        values: One per case and block, any unit, > 0; null where the block has none.
        groups: What tells the groups apart, each of the length of ``values``.
    Returns:
        Index: the groups; columns ``value``, ``low``, ``high`` in the unit of ``values`` and ``blocks`` (a count).
        ``low`` and ``high`` are null below three blocks.
    """
    logs = pd.Series(np.log(values.to_numpy(dtype=float)), index=values.index)
    by = logs.groupby(groups, dropna=False, sort=False)
    mean, spread, blocks = by.mean(), by.std(ddof=1), by.count()
    half = half_width(spread.to_numpy(dtype=np.float64), blocks.to_numpy(dtype=np.int64))
    return pd.DataFrame(
        {"value": np.exp(mean), "low": np.exp(mean - half), "high": np.exp(mean + half), "blocks": blocks}, index=mean.index
    )


def half_width(spread: npt.NDArray[np.floating], blocks: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
    """Half-width of the t interval of a mean, in the unit of ``spread`` (its standard deviation over blocks).

    Source: Student 1908, doi:10.1093/biomet/6.1.1.
    """
    from scipy.special import stdtrit

    enough = blocks >= LEAST_BLOCKS
    freedom = np.where(enough, blocks - 1, 1)
    quantile = stdtrit(freedom, 0.5 + CONFIDENCE / 2)
    return np.where(enough, quantile * spread / np.sqrt(np.maximum(blocks, 1)), np.nan)


def block_draws(values: pd.DataFrame, *, count: int = 2000) -> npt.NDArray[np.float64]:
    """Joint draws of the geometric means of several columns, for whatever is computed or fitted from them.

    Whole blocks are reweighted, with the same weights in all columns, so what cases of a block share (the machine's
    mood) cancels in their ratios. The weights are normal rather than counts of resampled blocks (a multiplier
    bootstrap: Wu 1986, doi:10.1214/aos/1176350142), and divided by a chi variable, so that the 2.5% and 97.5%
    quantiles of one column's draws are the ends of its t interval in :func:`over_blocks`, where plain resampling of
    three to five blocks is far too narrow.

    Args:
        values: Index: blocks; one column a quantity, any unit, > 0; null where a block lacks it.
        count: Draws.
    Returns:
        Shape ``(count, columns)``, in the unit of ``values``; null in a column with fewer than three blocks.
    """
    from scipy.special import chdtri

    logs = np.log(values.to_numpy(dtype=float))
    known = ~np.isnan(logs)
    blocks = known.sum(axis=0)
    logs = np.where(known, logs, 0.0)
    mean = logs.sum(axis=0) / np.maximum(blocks, 1)
    from_mean = np.where(known, logs - mean, 0.0)
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((count, len(values)))
    share = generator.random((count, 1))
    freedom = np.maximum(blocks, LEAST_BLOCKS) - 1  # with fewer blocks the draws are null
    # as a rule one number for all columns: the rest of this takes less time
    each, which = np.unique(freedom, return_inverse=True)
    scale = np.sqrt(chdtri(each, share) / each)[:, which]  # of a chi variable by its degrees of freedom
    shift = weights @ from_mean / np.sqrt(np.maximum(blocks, 1) * freedom) / scale
    return np.where(blocks >= LEAST_BLOCKS, np.exp(mean + shift), np.nan)


def of_draws(draws: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The interval that holds the middle 95% of draws, along the first axis; null where any draw is."""
    low, high = np.quantile(draws, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=0)
    return low, high


def allowed_variance(wanted: float, blocks: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Variance between blocks, of logarithms, with which that many blocks give an interval of the wanted half-width.

    Args:
        wanted: Half the interval's width relative to its value, > 0.
        blocks: Shape ``(n,)``, each at least three.
    """
    return np.asarray((math.asinh(wanted) / half_width(np.ones(len(blocks)), blocks)) ** 2, dtype=np.float64)


def blocks_needed(spread: float, wanted: float, most: int) -> int | None:
    """Blocks until the interval of values with that standard deviation of logarithms is narrow enough; None beyond ``most``."""
    blocks = np.arange(LEAST_BLOCKS, most + 1)
    enough = np.flatnonzero(allowed_variance(wanted, blocks) >= spread**2)
    return int(blocks[enough[0]]) if len(enough) else None
