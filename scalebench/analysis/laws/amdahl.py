"""Amdahl's law: part of the work is serial, and stays as long as it is however many workers there are.

    X(p) = rate * p / (1 + s (p - 1))        speedup X(p) / rate, at most 1 / s

X: work per second; p: workers / baseline's workers, dimensionless; s: ``serial_fraction`` of the baseline's time, 0 to 1.
Source: Amdahl 1967, doi:10.1145/1465482.1465560. Only for strong scaling: it says what a fixed amount of work takes.
"""

import numpy as np

from scalebench.analysis.laws.base import Law, shares
from scalebench.analysis.statistics import Floats


def _terms(ratio: Floats) -> Floats:
    """p / X = (1 - s) / rate + (s / rate) p."""
    return np.column_stack([np.ones_like(ratio), ratio])


def _coefficients(factors: Floats) -> dict[str, Floats]:
    found = shares(factors)
    return {"serial_fraction": found["serial"], "rate": found["rate"]}


LAW = Law(
    name="amdahl",
    title="Amdahl's law",
    scaling=("strong",),
    elsewhere="it is a law of strong scaling, the same work at each count; these data are of weak scaling",
    terms=_terms,
    of_time=True,
    coefficients=_coefficients,
    halving=lambda largest: {"serial_fraction": min(1.0, 1 / (largest - 1))},
)
