"""What a law is fitted to: one rate for each distinct count, and how far it is to be trusted.

Repeats and blocks are combined by geometric mean, as everywhere. Their variance is measured, by count; but that of
three repeats may be ten times too small by luck, and as a weight it would then let one point decide the fit. So each
variance is moderated towards what all counts together say, by as much as they agree with each other.

Source: Smyth 2004, doi:10.2202/1544-6115.1027 (moderated variances).
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.statistics import LEAST_BLOCKS, Floats, block_draws
from scalebench.errors import UsageError

EXCESS_KURTOSIS = 6.0  #: of exponential noise
ALIKE = 1e-24  #: a sum of squares that rounding of logarithms leaves of repeats that are equal
MEASURES = ("wall_s", "throughput", "speedup")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Distinct counts, ascending; all arrays have one entry for each."""

    workers: npt.NDArray[np.int64]
    measured: Floats  #: geometric mean of the column ``measure``, in its unit
    rate: Floats  #: work per second: 1 / s for strong scaling, workers / s for weak, else the throughput; > 0
    repeats: npt.NDArray[np.int64]  #: values (blocks) behind it, >= 1
    measure: str  #: one of :data:`MEASURES`
    scaling: str  #: ``strong`` or ``weak``
    baseline: int  #: the count that ratios are taken over: the smallest, for a speedup 1
    deviation: Floats | None  #: of the log of one value, moderated; None where no variance was measured
    freedom: Floats | None  #: degrees of freedom of ``deviation``
    within: float  #: degrees of freedom of repeats about their means, over all counts; 0 where none differ
    shared: bool  #: all counts have one deviation, estimated from all
    spread: float | None  #: standard deviation of the log of one new value, over counts
    blocks: pd.DataFrame | None  #: rates, index: blocks, columns: counts; None for a table of plain repeats

    @property
    def ratio(self) -> Floats:
        """Workers over the baseline's."""
        return self.workers / self.baseline

    @property
    def relative(self) -> bool:
        """Whether logs are fitted, errors being relative, as those of times are. Rates without repeats are fitted as they are."""
        return self.deviation is not None or self.measure != "throughput"

    def shown(self, rate: Floats, workers: npt.NDArray[np.int64]) -> Floats:
        """Rates as what was measured: seconds, or the rate itself. The inverse of itself for what is measured."""
        if self.measure != "wall_s":
            return rate
        with np.errstate(divide="ignore"):
            return np.asarray((1.0 if self.scaling == "strong" else workers / self.baseline) / rate)

    def without_largest(self) -> Self:
        """The same without its largest count."""
        deviation, freedom = (None if one is None else one[:-1] for one in (self.deviation, self.freedom))
        return replace(self, workers=self.workers[:-1], measured=self.measured[:-1], rate=self.rate[:-1],
                       repeats=self.repeats[:-1], deviation=deviation, freedom=freedom, blocks=None)  # fmt: skip

    def draws(self, count: int) -> Floats | None:
        """Joint draws of the logs of the rates about their means, shape ``(count, n)``; None below three blocks."""
        if self.blocks is None or self.repeats.min() < LEAST_BLOCKS:
            return None
        return np.log(block_draws(self.blocks, count=count)) - np.log(self.rate)


def points(table: pd.DataFrame, scaling: str) -> Points:
    """Combine repeats.

    Args:
        table: ``workers`` (counts >= 1), one of :data:`MEASURES` (``wall_s`` in s), > 0, and maybe ``block``: values of
            one block are compared with each other. One row a repeat, or a launch.
        scaling: ``strong`` or ``weak``.
    Raises:
        UsageError: No rows, no such column, or a value that is not positive.
    """
    measure = next((name for name in MEASURES if name in table), None)
    if measure is None or "workers" not in table or table.empty:
        raise UsageError(f"a law is fitted to rows of workers and one of {', '.join(MEASURES)}; there are: {list(table.columns)}")
    values = table[measure].to_numpy(dtype=np.float64)
    workers = table["workers"].to_numpy(dtype=np.int64)
    if not (np.isfinite(values) & (values > 0)).all() or workers.min() < 1:
        raise UsageError(f"a law is fitted to counts of 1 or more and to {measure} > 0")
    long = pd.DataFrame({"workers": workers, "log": np.log(values)})
    long["block"] = table["block"].to_numpy() if "block" in table else long.groupby("workers").cumcount()
    by = long.groupby(["block", "workers"])["log"].mean().unstack("workers")  # columns: counts, ascending
    counts = by.columns.to_numpy(dtype=np.int64)
    repeats = by.notna().sum().to_numpy(dtype=np.int64)
    mean = by.mean()
    measured = np.exp(mean.to_numpy(dtype=np.float64))
    if repeats.max() == 1:  # the exponential of a logarithm is off in the last digit
        measured = values[np.argsort(workers, kind="stable")]
    baseline = 1 if measure == "speedup" else int(counts[0])
    rate = measured
    if measure == "wall_s":
        rate = np.asarray((1.0 if scaling == "strong" else counts / baseline) / measured, dtype=np.float64)
    about = by - mean
    squares = (about**2).sum().to_numpy(dtype=np.float64)
    spread = _pooled(squares, repeats - 1)
    freedom = np.asarray(repeats - 1, dtype=np.float64)
    rates = None
    if "block" in table:
        rates = np.exp(-about if measure == "wall_s" else about) * rate
        squares, freedom = _of_blocks(about)
    deviation, freedoms, shared = _moderated(squares, freedom) or (None, None, False)
    within = 0.0 if deviation is None else float(freedom.sum())
    return Points(workers=counts, within=within, measured=measured, rate=rate, repeats=repeats, measure=measure, scaling=scaling,
                  baseline=baseline, deviation=deviation, freedom=freedoms, shared=shared, spread=spread, blocks=rates)  # fmt: skip


def _of_blocks(about: pd.DataFrame) -> tuple[Floats, Floats]:
    """Sums of squares by count, with their degrees of freedom, of what is left without the mood of each block.

    The mood is in all counts of a block alike: it moves the rate and says nothing about the shape.
    """
    counts = about.shape[1]
    left = about.sub(about.mean(axis=1), axis=0)
    freedom = (about.notna().sum().to_numpy(dtype=np.float64) - 1) * (counts - 1) / counts
    return (left**2).sum().to_numpy(dtype=np.float64), np.maximum(freedom, 0.0)


def _pooled(squares: npt.NDArray[np.floating], freedom: npt.NDArray[np.floating]) -> float | None:
    return float(np.sqrt(squares.sum() / freedom.sum())) if squares.sum() > ALIKE else None


def _moderated(squares: Floats, freedom: Floats) -> tuple[Floats, Floats, bool] | None:
    """Standard deviation of one value by count, its degrees of freedom, and whether it is one estimate for all counts.

    Args:
        squares: Sums of squares about the mean by count, of logs, dimensionless.
        freedom: Their degrees of freedom; 0 for a count without repeats, which gets what the others say.
    Returns:
        None where nothing was repeated, or repeats are all alike.
    """
    repeated = freedom > 0
    if not squares[repeated].sum() > ALIKE:
        return None
    prior, worth = _prior(squares[repeated] / freedom[repeated], freedom[repeated])
    if np.isinf(worth):
        return np.full(len(squares), np.sqrt(prior)), np.full(len(squares), freedom.sum()), True
    return np.asarray(np.sqrt((worth * prior + squares) / (worth + freedom))), worth + freedom, False


def _prior(variance: Floats, freedom: Floats) -> tuple[float, float]:
    """What all counts say of the variance of one, and how many degrees of freedom that is worth (Smyth 2004, section 6.2)."""
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    pooled = float((freedom * variance).sum() / freedom.sum())
    floor = 1e-5 * float(np.median(variance[variance > 0]))  # repeats alike by the step of a clock
    logs = np.log(np.maximum(variance, floor)) - digamma(freedom / 2) + np.log(freedom / 2)
    by_chance = polygamma(1, freedom / 2) + EXCESS_KURTOSIS / (freedom + 1)
    excess = float(logs.var(ddof=1) - by_chance.mean()) if len(logs) > 1 else 0.0
    if excess <= float(polygamma(1, 1e6)):
        return pooled, np.inf
    worth = 2 * brentq(lambda half: float(polygamma(1, half)) - excess, 1e-6, 1e6)
    return float(np.exp(logs.mean() + digamma(worth / 2) - np.log(worth / 2))), worth
