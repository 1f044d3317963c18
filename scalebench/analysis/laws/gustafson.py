"""Gustafson's law: the work grows with the workers, and only its serial part does not.

    X(p) = rate * (p + (1 - p) s)        scaled speedup X(p) / rate

X: work per second (all workers); p: workers / baseline's workers, dimensionless; s: ``serial_fraction`` of the time of
the *parallel* run, 0 to 1, so not Amdahl's. Source: Gustafson 1988, doi:10.1145/42411.42415. Only for weak scaling.
"""

import numpy as np

from scalebench.analysis.laws.base import Law, shares
from scalebench.analysis.statistics import Floats


def _terms(ratio: Floats) -> Floats:
    """X = rate (1 - s) p + rate s."""
    return np.column_stack([ratio, np.ones_like(ratio)])


def _coefficients(factors: Floats) -> dict[str, Floats]:
    return {"serial_fraction": shares(factors)["serial"], "rate": factors[..., 0] + factors[..., 1]}


LAW = Law(
    name="gustafson",
    title="Gustafson's law",
    scaling=("weak",),
    elsewhere="it is a law of weak scaling, the same work per worker; these data are of strong scaling",
    terms=_terms,
    of_time=False,
    coefficients=_coefficients,
    halving=lambda largest: {"serial_fraction": min(1.0, largest / (2 * (largest - 1)))},
)
