"""The fitting routine: least squares with factors that may not be negative, and what the errors of the data do to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from scalebench.analysis.laws.base import Law
from scalebench.analysis.laws.points import Points
from scalebench.analysis.statistics import Floats

DRAWS = 4000
LIKELIER = 2.0  #: by so much the log-likelihood of errors in proportion must be ahead to be believed
NOTHING = 1e-12  #: of the largest term of a law: less is what rounding leaves of 0
ROUNDING = 1e-20  #: a sum of squared relative residuals that rounding leaves
MISFIT = 0.05  #: a law whose distance from the points is less likely than this by their measured spread misses them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """A law at its best, and draws of what else the data allow."""

    law: Law
    factors: Floats  #: shape ``(k,)``, all >= 0; exactly 0 at a bound
    draws: Floats  #: of the factors, shape ``(DRAWS, k)``, >= 0
    squares: float  #: weighted sum of squared residuals; comparable between laws fitted to the same points
    spread: float  #: standard deviation of the log of one new value about the law
    freedom: float  #: degrees of freedom of ``spread``
    misses: bool  #: it is further from the points than their measured spread explains
    proportional: bool  #: rates were fitted as they are, and their errors look proportional to them

    def rate(self, ratio: Floats) -> Floats:
        """Shape ``(n,)``."""
        return self.law.rate(ratio, self.factors)


def least_squares(
    residuals: Callable[[Floats], Floats], start: npt.ArrayLike, jacobian: Callable[[Floats], Floats] | None = None
) -> Floats:
    """Parameters >= 0 that make the sum of squared residuals least; exactly 0 where the bound holds them.

    Args:
        residuals: Parameters, shape ``(k,)``, to residuals, shape ``(n,)``.
        start: Shape ``(k,)``, >= 0.
        jacobian: Derivatives, shape ``(n, k)``; by differences when None.
    """
    from scipy import optimize

    begin = np.asarray(start, dtype=np.float64)
    # dogbox puts a parameter on its bound, where the default method only comes close
    found = optimize.least_squares(residuals, begin, jac=jacobian or "3-point", bounds=(0, np.inf), method="dogbox", x_scale="jac",
                                   ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=2000)  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)


def solve(law: Law, points: Points) -> tuple[Floats, Floats, Floats, Floats]:
    """Fit the factors of a law.

    Where variance was measured, logs of rates are fitted, each weighted by the variance of its mean. Without repeats
    all weights are equal: logs are fitted to times and speedups, and rates to rates, as in published fits of such tables.

    Returns:
        Factors, shape ``(k,)``; residuals (data - law), their errors' standard deviations but for a common factor, and
        derivatives, of shapes ``(n,)``, ``(n,)``, ``(n, k)``: of logs or of rates, as fitted.
    """
    terms = law.terms(points.ratio)
    data = points.ratio / points.rate if law.of_time else points.rate
    unit = np.linalg.norm(terms / data[:, None], axis=0)  # so that all factors are of the order of 1
    errors = np.ones(len(data)) if points.deviation is None else points.deviation / np.sqrt(points.repeats)
    scale = errors if points.relative else errors * points.rate.max()

    def difference(scaled: Floats) -> Floats:
        rate = law.rate(points.ratio, scaled / unit)
        with np.errstate(divide="ignore"):  # an infinite rate, on a bound: infinitely far, and the step is taken back
            return np.asarray(np.log(points.rate / rate) if points.relative else points.rate - rate)

    def slope(scaled: Floats) -> Floats:
        rate = law.rate(points.ratio, scaled / unit)
        linear = points.ratio / rate if law.of_time else rate
        of_log = terms / linear[:, None] * (-1 if law.of_time else 1)
        return np.asarray(of_log if points.relative else of_log * rate[:, None])

    start = nonnegative(terms / data[:, None] / unit, np.ones((1, len(data))))[0]
    start = np.maximum(start, 1e-9)  # on a bound some curves are infinite
    found = least_squares(lambda b: difference(b) / scale, start, lambda b: -slope(b) / unit / scale[:, None])
    found = np.where(found > NOTHING * found.max(), found, 0.0)
    return found / unit, difference(found), errors, slope(found)


def nonnegative(design: Floats, targets: Floats) -> Floats:
    """Linear least squares with factors >= 0, of many targets at once: each set of factors in turn is free, the others 0.

    Args:
        design: Shape ``(n, k)``, k small.
        targets: Shape ``(m, n)``.
    Returns:
        Shape ``(m, k)``.
    """
    count = design.shape[1]
    best = np.zeros((len(targets), count))
    least = (targets**2).sum(axis=1)
    unit = np.linalg.norm(design, axis=0)
    for size in range(1, count + 1):
        for free in map(list, combinations(range(count), size)):
            some = targets @ np.linalg.pinv(design[:, free] / unit[free]).T / unit[free]
            squares = ((targets - some @ design[:, free].T) ** 2).sum(axis=1)
            better = (some >= 0).all(axis=1) & (squares < least)
            least = np.where(better, squares, least)
            whole = np.zeros_like(best)
            whole[:, free] = some
            best = np.where(better[:, None], whole, best)
    return best


def solution(law: Law, points: Points) -> Solution:
    """A law at its best, with draws of its factors: the data moved by draws of their errors, the law fitted again.

    The errors are those between blocks where there are blocks, else those between repeats, else the residuals. A law that
    misses the points (its sum of squares is beyond 95% of those that the measured spread alone would leave) gets its
    residuals as errors besides. Rates that were measured once are fitted with equal weights, as in published fits, but where
    errors that grow with them are clearly likelier the draws have those. The fit is linear in the errors, about the best
    factors, and keeps the bounds.
    """
    factors, residuals, errors, slope = solve(law, points)
    design, weighted = slope / errors[:, None], residuals / errors
    left = len(residuals) - len(factors)
    squares = float((weighted**2).sum())
    generator = np.random.default_rng(1)
    normal = generator.standard_normal((2, DRAWS, len(errors)))
    of_residuals = normal[0] * _student(generator, left) * np.sqrt(squares / left)
    moved, freedom, misses = of_residuals, float(left), False
    grown = _proportional(law, points, residuals, slope)
    if grown is not None:
        moved = of_residuals / np.sqrt(squares / left) * grown * points.rate
    if points.freedom is not None:
        measured = normal[1] * _student(generator, points.freedom[:1] if points.shared else points.freedom)
        kept = measured - measured @ (design @ np.linalg.pinv(design)).T
        misses = bool(((kept**2).sum(axis=1) >= squares).mean() < MISFIT)
        of_blocks = points.draws(DRAWS)
        known = measured if of_blocks is None else of_blocks / errors
        freedom = float(points.freedom.min() if of_blocks is None else points.repeats.min() - 1)
        moved = known + (of_residuals if misses else 0.0)
    draws = nonnegative(design, (design @ factors + weighted) + moved)
    relative = residuals if points.relative else residuals / law.rate(points.ratio, factors)
    missing = float((relative**2).sum() / left) if misses or points.spread is None else 0.0
    spread = float(np.sqrt((points.spread or 0.0) ** 2 + missing)) if grown is None else grown
    return Solution(law=law, factors=factors, draws=draws, squares=squares, spread=spread, freedom=freedom, misses=misses,
                    proportional=grown is not None)  # fmt: skip


def _proportional(law: Law, points: Points, residuals: Floats, slope: Floats) -> float | None:
    """The relative error of rates that were fitted as they are, where normal errors in proportion are clearly likelier; else None.

    By the restricted likelihood (Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545): the plain one favours
    equal errors, with which a fit passes exactly through as many of the largest rates as it has factors.
    """
    if points.relative:
        return None
    _, of_logs, _, log_slope = solve(law, replace(points, deviation=np.ones(len(residuals))))
    left = len(residuals) - slope.shape[1]
    equal, grown = float((residuals**2).sum()), float((of_logs**2).sum())
    if min(grown, equal / float((points.rate**2).sum())) < ROUNDING:  # computed, not measured
        return None
    unit = np.linalg.norm(log_slope, axis=0)
    known = [np.linalg.slogdet((one / unit).T @ (one / unit))[1] for one in (slope, log_slope)]
    ahead = (left * np.log(equal / grown) + known[0] - known[1]) / 2 - np.log(points.rate).sum()
    return float(np.sqrt(grown / left)) if ahead > LIKELIER else None


def _student(generator: np.random.Generator, freedom: npt.ArrayLike) -> Floats:
    """Factors that turn normal draws into Student's t, shape ``(DRAWS, m)`` for m degrees of freedom."""
    some = np.atleast_1d(np.asarray(freedom, dtype=np.float64))
    if len(some) == 1:
        return generator.permuted(_chi_steps(float(some[0])))[:, None]
    return np.asarray(np.sqrt(some / generator.chisquare(some, (DRAWS, len(some)))))


@lru_cache(maxsize=64)
def _chi_steps(freedom: float) -> Floats:
    """The same of one, in equal steps of probability: intervals move less from seed to seed than with plain draws."""
    from scipy.special import chdtri

    return np.asarray(np.sqrt(freedom / chdtri(freedom, (np.arange(DRAWS) + 0.5) / DRAWS)))
