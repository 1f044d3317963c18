"""Fit every law to one curve, and refuse what the data don't show: each law, peak, preference and held-out point by itself.

Refused, each with its reason: a law below four distinct counts, or of the other kind of scaling; coefficients that the
data don't identify; the peak of a law whose coherency is 0, or can't be told from 0; the prediction of the largest
count from the others below five counts; a preference below six.

A coefficient is not identified where its 95% interval reaches from 0 to so much that it alone would halve the rate at
the largest count (or to its bound), or where neither of the two of a law's shape can be told from 0: then there is no loss
to be shared out, or one that either could explain.

The preference is by the corrected Akaike criterion: Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297. Of six counts
without repeats it takes the Universal Scalability Law only where that leaves less than a hundredth of the squares; so
where coherency is above 0 with its whole interval, Amdahl's law, which is the same without it, is out of the running.

What the 95% intervals of coefficients cover, by simulation of studies with six counts (``results/reference/simulated-laws.md``): 93 to
96% with repeats, with three blocks and more, or of times measured once; 89 to 96% with noise as skewed as exponential; 79 to 83% of
throughputs measured once whose errors grow with them. Refusals were not counted as misses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scalebench.analysis.laws.base import LEAST_COUNTS, LEAST_FOR_HOLDOUT, LEAST_FOR_PREFERENCE, Law
from scalebench.analysis.laws.karp_flatt import karp_flatt
from scalebench.analysis.laws.points import Points, points
from scalebench.analysis.laws.registry import LAWS
from scalebench.analysis.laws.solve import Solution, solution, solve
from scalebench.analysis.statistics import LEAST_BLOCKS, Floats, of_draws
from scalebench.errors import count

LEAST_FALL = 1e-3  #: of the coherency that would halve the rate at the largest count: less tells no peak
POOR = 0.1  #: relative distance of a point from a law that is worth a note


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A figure and its 95% interval."""

    value: float  #: the figure
    low: float | None  #: end of the interval; None where there is none (fewer than three blocks, or no bound)
    high: float | None  #: the other


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LawFit:
    """What became of one law."""

    law: Law
    reason: str | None = None  #: why it was refused; None: it was fitted
    coefficients: Mapping[str, Value] | None = None  #: by name; None when refused
    peak_workers: Value | None = None  #: the count of the highest rate; None where there is none to tell
    peak_reason: str | None = None  #: why there is none; None for a law that has no peak
    aicc: float | None = None  #: corrected AIC, smaller is better; None below six counts
    solution: Solution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The largest count, predicted from all others."""

    law: str | None = None  #: name of the one that predicted
    workers: int | None = None  #: the largest count
    predicted: float | None = None  #: in the unit of the points' ``measured``
    measured: float | None = None  #: in the same
    reason: str | None = None  #: why it was refused


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """All laws of one curve."""

    points: Points  #: what they were fitted to: ``workers``, ``measured`` and ``rate``, arrays with an entry a count
    laws: Mapping[str, LawFit]  #: by name: what became of it
    karp_flatt: pd.DataFrame  #: ``workers`` and ``value``, one row a count; null for the baseline and for weak scaling
    preferred: str | None  #: name of the law
    preferred_reason: str | None  #: why there is none
    used: str | None  #: the law that predicts: the preferred one, else that with the least residual per degree of freedom
    holdout: Holdout  #: what the laws of the smaller counts say of the largest
    notes: tuple[str, ...]  #: what the data can't show


def fit(table: pd.DataFrame, scaling: str = "strong") -> Fit:
    """Fit all laws to one curve.

    Args:
        table: One row a repeat (or launch): ``workers``; ``wall_s`` (s), ``throughput`` (work per second of all
            workers) or ``speedup`` (over one worker); maybe ``block``.
        scaling: ``strong``: the same work at each count; ``weak``: the same work per worker.
    Raises:
        UsageError: The table lacks these columns, or a value is not positive.
    """
    data = points(table, scaling)
    laws = {name: _fit(law, data) for name, law in LAWS.items()}
    preferred, reason = _preferred(laws, data)
    used = preferred or _closest(laws, data)
    return Fit(points=data, laws=laws, karp_flatt=_karp_flatt(data), preferred=preferred, preferred_reason=reason, used=used,
               holdout=_holdout(laws, used, data), notes=tuple(_notes(laws, data)))  # fmt: skip


def few_blocks(data: Points) -> bool:
    """Whether there are blocks, and too few of them for an interval."""
    return data.blocks is not None and bool(data.repeats.min() < LEAST_BLOCKS)


def interval(draws: Floats) -> tuple[float | None, float | None]:
    """The ends of the middle 95%; None where it has none."""
    with np.errstate(invalid="ignore"):
        low, high = of_draws(draws)
    return (float(low) if np.isfinite(low) else None), (float(high) if np.isfinite(high) else None)


def _fit(law: Law, data: Points) -> LawFit:
    if data.scaling not in law.scaling:
        return LawFit(law=law, reason=law.elsewhere)
    if len(data.workers) < LEAST_COUNTS:
        return LawFit(law=law, reason=f"{_counts(data)}; a law needs {LEAST_COUNTS}")
    found = solution(law, data)
    drawn, best = law.coefficients(found.draws), law.coefficients(found.factors)
    ends = {name: _around(float(best[name]), interval(values)) for name, values in drawn.items()}
    if reason := _unidentified(law, data, found, ends):
        return LawFit(law=law, reason=reason, solution=found)
    hidden = few_blocks(data)
    coefficients = {
        name: Value(value=float(best[name]), low=None if hidden else low, high=None if hidden else high)
        for name, (low, high) in ends.items()
    }
    peak, peak_reason = _peak(law, data, best, drawn, ends)
    return LawFit(law=law, coefficients=coefficients, peak_workers=peak, peak_reason=peak_reason,
                  aicc=_aicc(found, data), solution=found)  # fmt: skip


def _around(value: float, ends: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    """An interval that holds its value: that of exact data is as narrow as rounding, and may lie beside it."""
    low, high = ends
    return (None if low is None else min(low, value)), (None if high is None else max(high, value))


def _unidentified(law: Law, data: Points, found: Solution, ends: Mapping[str, tuple[float | None, float | None]]) -> str | None:
    """Why the data don't tell a coefficient; None where they tell all."""
    largest, most = float(data.ratio[-1]), int(data.workers[-1])
    limits = law.halving(largest)
    free = [name for name, limit in limits.items() if (ends[name][0] or 0.0) <= 1e-9 * limit]
    for name in free:
        high = ends[name][1]
        if high is None or high >= limits[name]:
            reach = "without bound" if high is None else f"to {high:.3g}"
            return f"the data don't identify {name}: its 95% interval goes from 0 {reach}, which alone would halve the rate at {most}"
    if len(free) < 2 or len(free) < len(limits):
        return None
    names = " nor ".join(free)
    with np.errstate(invalid="ignore"):  # an extreme draw has no rate
        efficiency = law.rate(data.ratio[-1:], found.draws)[:, 0] / (largest * law.coefficients(found.draws)["rate"])
    loss = interval(1 - efficiency)[0] or 0.0
    if loss > 1e-9:
        return f"the data don't identify its coefficients: neither {names} can be told from 0, either could be all of the loss"
    return f"the data don't identify its coefficients: neither {names} can be told from 0, there is no loss to share out"


def _peak(
    law: Law, data: Points, best: Mapping[str, Floats], drawn: Mapping[str, Floats],
    ends: Mapping[str, tuple[float | None, float | None]],
) -> tuple[Value | None, str | None]:  # fmt: skip
    if law.peak is None:
        return None, None
    if best["coherency"] <= 0:
        return None, "coherency is 0, its bound: this law has no peak then"
    if not ends["coherency"][0]:
        return None, "coherency can't be told from 0, so there may be no peak"
    if ends["coherency"][0] <= LEAST_FALL * law.halving(float(data.ratio[-1]))["coherency"]:
        return None, "coherency costs next to nothing up to the largest count, so no peak is near"
    at = float(law.peak(best))
    low, high = (None, None) if few_blocks(data) else interval(law.peak(drawn))
    scaled = [None if one is None else max(1.0, one * data.baseline) for one in (low, high)]
    return Value(value=max(1.0, at * data.baseline), low=scaled[0], high=scaled[1]), None


def _aicc(found: Solution, data: Points) -> float | None:
    """Of all values: repeats about their mean are residuals too, and have the sum of squares that their variance says."""
    if len(data.workers) < LEAST_FOR_PREFERENCE:
        return None
    values, parameters = len(data.workers) + data.within, len(found.factors) + 1  # the spread is one too
    exact = 1e-20 * (1.0 if data.relative else float((data.rate**2).mean()))  # no fit of floats is better
    if data.deviation is not None:
        exact *= float((data.repeats / data.deviation**2).mean())
    correction = 2 * parameters * (parameters + 1) / (values - parameters - 1)
    return float(values * np.log(max((found.squares + data.within) / values, exact)) + 2 * parameters + correction)


def _preferred(laws: Mapping[str, LawFit], data: Points) -> tuple[str | None, str | None]:
    if len(data.workers) < LEAST_FOR_PREFERENCE:
        return None, f"{_counts(data)}; to prefer a law by its corrected AIC takes {LEAST_FOR_PREFERENCE}"
    scores = {name: one.aicc for name, one in laws.items() if one.aicc is not None}
    if not scores:
        return None, "no law was fitted"
    if laws["usl"].peak_workers is not None and "usl" in scores:  # its special case without coherency is contradicted
        scores.pop("amdahl", None)
    return min(scores, key=lambda name: scores[name]), None


def _closest(laws: Mapping[str, LawFit], data: Points) -> str | None:
    left = {
        name: one.solution.squares / (len(data.workers) - len(one.solution.factors))
        for name, one in laws.items()
        if one.reason is None and one.solution is not None
    }
    return min(left, key=lambda name: left[name]) if left else None


def _holdout(laws: Mapping[str, LawFit], used: str | None, data: Points) -> Holdout:
    if len(data.workers) < LEAST_FOR_HOLDOUT:
        return Holdout(reason=f"{_counts(data)}; to predict the largest from the others takes {LEAST_FOR_HOLDOUT}")
    if used is None:
        return Holdout(reason="no law was fitted")
    law = laws[used].law
    factors = solve(law, data.without_largest())[0]
    rate = law.rate(data.ratio[-1:], factors)
    predicted = float(data.shown(rate, data.workers[-1:])[0])
    return Holdout(law=used, workers=int(data.workers[-1]), predicted=predicted, measured=float(data.measured[-1]))


def _karp_flatt(data: Points) -> pd.DataFrame:
    speedup = data.measured if data.measure == "speedup" else data.rate / data.rate[0]
    value = karp_flatt(speedup, data.ratio) if data.scaling == "strong" else np.full(len(speedup), np.nan)
    return pd.DataFrame({"workers": data.workers, "value": value})


def _notes(laws: Mapping[str, LawFit], data: Points) -> list[str]:
    notes = []
    if data.ratio[0] == 1 and data.baseline > 1:
        notes.append(
            f"Counts are taken over the smallest, {data.baseline}: coefficients are those of units of {data.baseline}, "
            f"and the rate is that of {data.baseline}."
        )
    missing = [one.law.title for one in laws.values() if one.reason is None and one.solution and one.solution.misses]
    if missing:
        notes.append(
            f"{' and '.join(missing)}: further from the points than their measured spread explains; intervals are widened for it."
        )
    notes += [
        f"{one.law.title} is up to {100 * off:.0f}% off, at {count(workers, 'worker')}." for one in laws.values() if one.reason is None
        for off, workers in [_worst(one, data)] if off > POOR
    ]  # fmt: skip
    if data.scaling == "strong" and (data.rate / data.rate[0] > data.ratio * (1 + 1e-9)).any() and data.measure != "speedup":
        notes.append("Superlinear points: Karp-Flatt is negative there; no law here explains them (caches often do).")
    grown = any(one.solution is not None and one.solution.proportional for one in laws.values())
    if grown:
        notes.append(
            "Nothing was repeated, and errors look proportional to the throughputs: intervals allow for that; repeats would tell."
        )
    elif not data.relative:
        notes.append(
            "Nothing was repeated: all throughputs are taken to be equally exact. Where errors grow with them the intervals are "
            "too short; repeats would tell."
        )
    if few_blocks(data):
        notes.append(f"Fewer than {LEAST_BLOCKS} blocks: no intervals.")
    return notes


def _worst(one: LawFit, data: Points) -> tuple[float, int]:
    """The largest relative distance of a point from the law, and at which count."""
    if one.solution is None:
        return 0.0, 0
    off = np.abs(one.solution.rate(data.ratio) / data.rate - 1)
    return float(off.max()), int(data.workers[off.argmax()])


def _counts(data: Points) -> str:
    return f"{count(len(data.workers), 'distinct count')} ({', '.join(map(str, data.workers[:LEAST_FOR_PREFERENCE]))})"
