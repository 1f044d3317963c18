"""How the scaling itself compares between machines, where seconds are of little use.

By curve (all that was asked but for the workers): efficiency at equal workers and at an equal share of the CPU
budget, the serial fraction, the knee; by sweep of sizes, METG(50%).
The serial fraction is Karp and Flatt's (``laws.karp_flatt``), over the serial baseline, for strong scaling, at the most
workers without oversubscription; the knee is that of ``recommend``: the last count at which a worker more still did half a worker's work.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scalebench.analysis.granularity import CURVE, granularity
from scalebench.analysis.laws.karp_flatt import karp_flatt
from scalebench.analysis.recommend import knee
from scalebench.analysis.scaling import launches, with_baseline, work_of
from scalebench.analysis.statistics import over_blocks

EQUAL_WORKERS, EQUAL_SHARE = "efficiency at equal workers", "efficiency at equal share of the CPU budget"
SERIAL_FRACTION, KNEE, METG = "serial fraction over serial", "knee", "METG(50%)"

_CURVE = ["scaling", "workload", "kind", "size", "imbalance", "items_digest", "seed", "_tasks", "backend", "start_method",
          "mpi_mode", "distribution", "binding", "chunksize", "blas_threads"]  # fmt: skip
_SHOWN = [name for name in _CURVE if name not in ("items_digest", "seed", "_tasks")]
_COLUMNS = ["measure", *_SHOWN, "tasks", "at", "side", "value", "low", "high"]


def shapes(sides: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """What several machines have in common of their scaling.

    Args:
        sides: The rounds of each; the blocks of several runs of a side count as blocks of one.
    Returns:
        One row a measure, curve, place on it and side that has it, where the first side and another have: ``measure``;
        what the curve is of; ``at``: workers, or their share of the budget; ``side``: its number; ``value``
        (dimensionless; METG in s of worker time per task; the knee in workers), ``low`` and ``high`` (95%; null for
        the knee, for METG of several runs, and below three blocks).
    """
    if any(rounds.empty for rounds in sides):
        return pd.DataFrame(columns=_COLUMNS)
    points = [_points(rounds) for rounds in sides]
    tables = []
    for number, one in enumerate(points):
        parts = [
            one.assign(measure=EQUAL_WORKERS, at=one["workers"].astype(float)),
            one.assign(measure=EQUAL_SHARE, at=(one["workers"] / one["budget"]).round(4)),
            _serial_fractions(one),
            _knees(one),
            _metg(sides[number]),
        ]
        tables.append(
            pd.concat([part for part in parts if not part.empty] or [one.assign(measure="", at=np.nan)]).assign(side=number)
        )
    whole = pd.concat(tables, ignore_index=True)
    whole["tasks"] = whole["_tasks"]
    place = whole["at"].where(whole["measure"].isin([EQUAL_WORKERS, EQUAL_SHARE, METG]), -1.0)
    keys = [whole["measure"], *(whole[name] for name in _CURVE), place]
    by = whole["side"].groupby(keys, dropna=False)
    shared = by.transform("min").eq(0) & by.transform("nunique").gt(1)
    return whole.loc[shared, _COLUMNS].reset_index(drop=True)


def _points(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row a case that ran well: its curve, workers, CPU budget, efficiency and speedup with their intervals."""
    paired = with_baseline(launches(rounds[rounds["backend"].notna()]))
    paired = paired[paired["efficiency"].notna() & (paired["backend"] != "serial")]
    paired = paired.assign(_tasks=work_of(paired), budget=paired["cpu_budget"].astype(float))
    first = paired.drop_duplicates("case_id").set_index("case_id")[[*_CURVE, "workers", "budget", "oversubscribed"]]
    found = over_blocks(paired["efficiency"], [paired["case_id"]]).drop(columns="blocks")
    return first.join(found).sort_values("workers", kind="stable").reset_index(drop=True)


def _serial_fractions(points: pd.DataFrame) -> pd.DataFrame:
    """At the most workers whose threads have a CPU each; the fraction falls where the speedup rises, so its ends change places."""
    fit = points[(points["scaling"] == "strong") & (points["workers"] > 1) & ~points["oversubscribed"].fillna(True).astype(bool)]
    fit = fit.groupby(_CURVE, dropna=False, sort=False).tail(1)
    workers = fit["workers"].to_numpy(dtype=float)
    value, high, low = (karp_flatt(fit[name].to_numpy(dtype=float) * workers, workers) for name in ("value", "low", "high"))
    return fit.assign(measure=SERIAL_FRACTION, at=workers, value=value, low=low, high=high)


def _knees(points: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for _, curve in points.groupby(_CURVE, dropna=False, sort=False):
        workers = curve["workers"].to_numpy(dtype=np.int64)
        found = knee(workers, curve["value"].to_numpy(dtype=float) * workers)
        if found is not None:
            tables.append(curve.tail(1).assign(measure=KNEE, at=workers[-1], value=found, low=np.nan, high=np.nan))
    return pd.concat(tables) if tables else points.iloc[:0]


def _metg(rounds: pd.DataFrame) -> pd.DataFrame:
    """Of all runs of a side: the median of those that crossed one half; with its interval where that is one run."""
    found = granularity(rounds[rounds["backend"].notna()])
    found = found[(found["bound"] == "crossed") & (found["backend"] != "serial")]
    keys = [name for name in CURVE if name not in ("run_id", "suite")]
    by = found.groupby(keys, dropna=False, sort=False)
    value = by[["metg_s", "metg_s_low", "metg_s_high"]].median().set_axis(["value", "low", "high"], axis=1)
    value.loc[(by.size() > 1).to_numpy(), ["low", "high"]] = np.nan
    value = value.reset_index()
    return value.assign(measure=METG, at=value["workers"].astype(float)).reindex(
        columns=[*_CURVE, "workers", "measure", "at", "value", "low", "high"]
    )
