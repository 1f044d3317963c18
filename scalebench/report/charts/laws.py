"""The law that fits a curve, as a line in the chart of its points; none where every law was refused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scalebench.analysis.laws.base import LEAST_COUNTS
from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.report.tables import Row

_STEPS = 33  #: points of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A law over the counts that it was fitted to."""

    title: str  #: of the law
    workers: list[float]
    speedup: list[float]  #: over the baseline of the chart's points


def fitted(rounds: pd.DataFrame, cases: Sequence[Row], value: str) -> Line | None:
    """The law that the fit of one set-up uses.

    Args:
        rounds: As loaded.
        cases: Of one curve: they differ in their workers only.
        value: ``speedup`` or ``efficiency``, which the line is in units of, as a speedup.
    """
    if len({case["workers"] for case in cases}) < LEAST_COUNTS:
        return None
    ids = {(str(case["run_id"]), str(case["case_id"])) for case in cases}
    keys = pd.MultiIndex.from_frame(rounds[["run_id", "case_id"]].astype(str))
    found = curves(rounds[keys.isin(ids)])
    if len(found) != 1:
        return None
    fits = fit(found[0].table, found[0].scaling)
    law = None if fits.used is None else fits.laws[fits.used]
    if law is None or law.solution is None:
        return None
    data = fits.points
    known = {int(case["workers"]): case[value] * (case["workers"] if value == "efficiency" else 1) for case in cases}
    measured = np.array([known.get(int(count), np.nan) for count in data.workers], dtype=np.float64)
    if not np.isfinite(measured).any():
        return None
    per_rate = float(np.exp(np.nanmean(np.log(measured) - np.log(data.rate))))  # one over the rate of the baseline
    workers = np.geomspace(data.workers[0], data.workers[-1], _STEPS)
    rate = law.solution.rate(workers / data.baseline)
    return Line(title=law.law.title, workers=workers.tolist(), speedup=(per_rate * rate).tolist())
