"""The Universal Scalability Law: queueing for what is shared, and keeping copies of it alike.

    X(p) = rate * p / (1 + contention (p - 1) + coherency p (p - 1))

X: work per second; p: workers / baseline's workers, dimensionless. ``contention`` (0 to 1) limits the speedup, as
Amdahl's serial fraction does; ``coherency`` (>= 0) makes it fall again, beyond sqrt((1 - contention) / coherency).
Source: Gunther 1993, "A Simple Capacity Model of Massively Parallel Transaction Systems", CMG; Gunther 2007, "Guerrilla
Capacity Planning", doi:10.1007/978-3-540-31010-5. Coefficients below 0 have no meaning in it and are not fitted.
"""

from collections.abc import Mapping

import numpy as np

from scalebench.analysis.laws.base import Law, shares
from scalebench.analysis.statistics import Floats


def _terms(ratio: Floats) -> Floats:
    """p / X = (1 - contention) / rate + (contention / rate) p + (coherency / rate) p (p - 1)."""
    return np.column_stack([np.ones_like(ratio), ratio, ratio * (ratio - 1)])


def _coefficients(factors: Floats) -> dict[str, Floats]:
    found = shares(factors)
    with np.errstate(invalid="ignore"):  # inf x 0, of a draw without a rate
        coherency = np.where(factors[..., 2] > 0, factors[..., 2] * found["rate"], 0.0)
    return {"contention": found["serial"], "coherency": coherency, "rate": found["rate"]}


def _peak(coefficients: Mapping[str, Floats]) -> Floats:
    """Infinite where coherency is 0."""
    falls = coefficients["coherency"] > 0
    squared = (1 - coefficients["contention"]) / np.where(falls, coefficients["coherency"], 1.0)
    return np.where(falls, np.sqrt(squared), np.inf)


LAW = Law(
    name="usl",
    title="Universal Scalability Law",
    scaling=("strong", "weak"),
    elsewhere="",
    terms=_terms,
    of_time=True,
    coefficients=_coefficients,
    halving=lambda largest: {"contention": min(1.0, 1 / (largest - 1)), "coherency": 1 / (largest * (largest - 1))},
    peak=_peak,
)
