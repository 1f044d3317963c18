"""What a fitted law says of counts that were not measured, and how far beyond the data they are."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from scalebench.analysis.laws.fit import Fit, LawFit, few_blocks
from scalebench.analysis.laws.points import Points
from scalebench.analysis.laws.solve import Solution
from scalebench.analysis.statistics import CONFIDENCE, Floats, of_draws
from scalebench.errors import UsageError

EXACT = 1e-9  #: relative spread about a law, below which nothing was measured but computed


def predict(found: Fit, workers: Sequence[int], law: str | None = None) -> pd.DataFrame:
    """One new measurement at each count, with a 95% prediction interval.

    Each half of the interval is that of the law's draws and that of one new value (repeat, or block) about the law, both
    of logarithms, added as independent errors are; so it widens with the distance from the data, where it is never
    narrower than at their end. Which law holds beyond the data is not known either: unless one is asked for by its name, the
    interval reaches as far as that of the Universal Scalability Law does, whose special cases the others are, and whose
    coefficients need not be identified for that.

    Args:
        found: The fitted laws of a curve.
        workers: Counts, >= 1.
        law: Its name; the one that ``found`` uses when None.
    Returns:
        ``workers``, ``law``, the points' measure (``wall_s`` in s per round, ``throughput`` or ``speedup``) with ``_low`` and
        ``_high`` (null below three blocks, where the points lie exactly on the law, or without bound), and ``beyond``: how
        many times the count is beyond the largest measured one, or below the smallest; 1 within.
    Raises:
        UsageError: The law was refused, or none was fitted.
    """
    chosen = _chosen(found, law)
    data, solved = found.points, chosen.solution
    assert solved is not None  # a law that was fitted has one
    counts = np.asarray(workers, dtype=np.int64)
    value = data.shown(solved.rate(counts / data.baseline), counts)
    low, high = _ends(data, solved, counts)
    general = found.laws["usl"].solution
    if law is None and general is not None:
        wide = _ends(data, general, counts)
        low, high = np.minimum(low, wide[0]), np.maximum(high, wide[1])
    unknown = few_blocks(data) or solved.spread < EXACT
    low, high = (np.where(np.isfinite(end) & (not unknown), end, np.nan) for end in (low, high))  # without bound: null
    return pd.DataFrame({
        "workers": counts,
        "law": chosen.law.name,
        data.measure: value,
        f"{data.measure}_low": np.exp(low),
        f"{data.measure}_high": np.exp(high),
        "beyond": np.maximum.reduce([counts / data.workers[-1], data.workers[0] / counts, np.ones(len(counts))]),
    })  # fmt: skip


def _ends(data: Points, solved: Solution, counts: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Logs of the ends of the prediction interval of one law, each of shape ``(n,)``; infinite without bound."""
    with np.errstate(all="ignore"):
        best = np.log(data.shown(solved.rate(counts / data.baseline), counts))
    own, end = (_halves(data, solved, at) for at in (counts, np.clip(counts, data.workers[0], data.workers[-1])))
    new = float(stdtrit(solved.freedom, 0.5 + CONFIDENCE / 2)) * solved.spread
    low, high = np.hypot(np.maximum(own, end), new)
    return best - low, best + high


def _chosen(found: Fit, law: str | None) -> LawFit:
    name = law or found.used
    if name is not None and found.laws[name].reason is None:
        return found.laws[name]
    asked = [one for one in found.laws.values() if (one.law.name == law if law else found.points.scaling in one.law.scaling)]
    by_reason: dict[str, list[str]] = {}
    for one in asked:
        by_reason.setdefault(str(one.reason), []).append(one.law.name)
    raise UsageError("no law to predict with: " + "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items()))


def _halves(data: Points, solved: Solution, counts: npt.NDArray[np.int64]) -> Floats:
    """By how much the logs of the law's draws go below and above its best, shape ``(2, n)``, >= 0; infinite without bound."""
    ratio = counts / data.baseline
    with np.errstate(all="ignore"):  # an extreme draw has no rate
        best, drawn = (np.log(data.shown(one, counts)) for one in (solved.rate(ratio), solved.law.rate(ratio, solved.draws)))
        low, high = of_draws(drawn)
    return np.nan_to_num(np.maximum([best - low, high - best], 0.0), nan=np.inf)
