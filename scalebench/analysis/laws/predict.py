"""What a fitted law says of counts that were not measured, and how far beyond the data they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scalebench.analysis.laws.base import Floats
from scalebench.analysis.laws.fit import Fit, few_blocks, interval
from scalebench.analysis.laws.solve import DRAWS
from scalebench.errors import UsageError


def predict(found: Fit, workers: Sequence[int], law: str | None = None) -> pd.DataFrame:
    """One new measurement at each count, with a 95% prediction interval.

    The interval is that of the law's draws together with the spread of one new value (repeat, or block) about the law,
    both relative; so it widens with the distance from the data. It holds as far as the law does.

    Args:
        found: The fitted laws of a curve.
        workers: Counts, >= 1.
        law: Its name; the one that ``found`` uses when None.
    Returns:
        ``workers``, ``law``, the points' measure (``wall_s`` in s per round, ``throughput`` or ``speedup``) with
        ``_low`` and ``_high`` (null below three blocks, or without bound), and ``beyond``: how many times the
        count is beyond the largest measured one, or below the smallest; 1 within.
    Raises:
        UsageError: The law was refused, or none was fitted.
    """
    name = law or found.used
    chosen = None if name is None else found.laws.get(name)
    if chosen is None or chosen.reason is not None or chosen.solution is None:
        asked = (
            [found.laws[law]]
            if law in found.laws
            else [one for one in found.laws.values() if found.points.scaling in one.law.scaling]
        )
        by_reason: dict[str, list[str]] = {}
        for one in asked:
            by_reason.setdefault(one.reason or "", []).append(one.law.name)
        raise UsageError("no law to predict with: " + "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items()))
    data, solved = found.points, chosen.solution
    counts = np.asarray(workers, dtype=np.int64)
    ratio = counts / data.baseline
    value = data.shown(solved.rate(ratio), counts)
    with np.errstate(all="ignore"):  # an extreme draw has no rate
        rates = chosen.law.rate(ratio, solved.draws)
        drawn = data.shown(rates * np.exp(_new_value(solved.spread, solved.freedom)), counts)
    ends = [(None, None) if few_blocks(data) else interval(drawn[:, one]) for one in range(len(counts))]
    return pd.DataFrame({
        "workers": counts,
        "law": name,
        data.measure: value,
        f"{data.measure}_low": [low for low, _ in ends],
        f"{data.measure}_high": [high for _, high in ends],
        "beyond": np.maximum.reduce([counts / data.workers[-1], data.workers[0] / counts, np.ones(len(counts))]),
    }).astype({f"{data.measure}_low": "float64", f"{data.measure}_high": "float64"})  # fmt: skip


def _new_value(spread: float, freedom: float) -> Floats:
    """Draws of the log of one new value about the law, shape ``(DRAWS, 1)``, Student's t."""
    generator = np.random.default_rng(2)
    return np.asarray(spread * generator.standard_t(freedom, (DRAWS, 1)))
