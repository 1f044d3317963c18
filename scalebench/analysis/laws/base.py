"""What a law of scaling is: a curve that is linear, with factors >= 0, in the time that a unit of work costs (or in the rate).

Written that way the bounds of all coefficients are simple signs, fits start close to their end, and a coefficient of
exactly 0 can be told from one that is small. A law is one file with a ``LAW``, and its name in ``registry``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scalebench.analysis.statistics import Floats

LEAST_COUNTS = 4  #: distinct worker counts that a law needs
LEAST_FOR_HOLDOUT = 5  #: so that a law can be fitted without the largest
LEAST_FOR_PREFERENCE = 6  #: below, the correction of the AIC of three coefficients divides by zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law. ``ratio`` is workers / smallest count of the table (1 is the baseline), shape ``(n,)``."""

    name: str
    title: str
    scaling: tuple[str, ...]  #: kinds of scaling that it is a law of
    elsewhere: str  #: why it is refused for the others
    terms: Callable[[Floats], Floats]  #: ratio -> design matrix, shape ``(n, k)``, all entries >= 0
    of_time: bool  #: ``terms @ factors`` is ratio / rate; else it is the rate
    #: factors >= 0, shape ``(..., k)`` -> the coefficients, each of shape ``(...)``; ``rate`` is the baseline's
    coefficients: Callable[[Floats], Mapping[str, Floats]]
    #: the largest ratio of the data -> by coefficient, the value that alone halves the rate there, at most its bound
    halving: Callable[[float], Mapping[str, float]]
    #: coefficients -> the ratio at which the rate is highest; None for a law without a peak
    peak: Callable[[Mapping[str, Floats]], Floats] | None = None

    def rate(self, ratio: Floats, factors: Floats) -> Floats:
        """The curve: work per second at each ratio, shape ``(..., n)`` for factors of shape ``(..., k)``."""
        with np.errstate(divide="ignore"):
            linear = factors @ self.terms(ratio).T
            return np.asarray(ratio / linear if self.of_time else linear)


def shares(factors: Floats) -> dict[str, Floats]:
    """Of factors (parallel, serial, ...): the rate of the baseline, and the serial share of its time.

    Factors are seconds per unit of work: their first two sum to that of the baseline. Where both are 0 (an extreme
    draw) all of the time is serial and the rate has no bound.
    """
    whole = factors[..., 0] + factors[..., 1]
    none = whole <= 0
    safe = np.where(none, 1.0, whole)
    return {"rate": np.where(none, np.inf, 1 / safe), "serial": np.where(none, 1.0, factors[..., 1] / safe)}
