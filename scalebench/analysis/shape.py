"""How the scaling itself compares between machines, where seconds are of little use.

By curve (all that was asked but for the workers and their nodes): efficiency at equal workers and at an equal share of
the CPU budget, the serial fraction, the knee; by sweep of sizes, METG(50%). Where a side has one place of a curve on
several numbers of nodes, as 16 workers on one and on two, there is a curve for each of these numbers.
The serial fraction is Karp and Flatt's (``laws.karp_flatt``), over the serial baseline, for strong scaling, at the most
workers without oversubscription; the knee is that of ``recommend``: the last count at which a worker more still did half a worker's work.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scalebench.analysis.granularity import CURVE, granularity
from scalebench.analysis.laws.karp_flatt import karp_flatt
from scalebench.analysis.recommend import knee
from scalebench.analysis.scaling import launches, on_several_nodes, with_baseline, work_of
from scalebench.analysis.statistics import over_blocks

EQUAL_WORKERS, EQUAL_SHARE = "efficiency at equal workers", "efficiency at equal share of the CPU budget"
SERIAL_FRACTION, KNEE, METG = "serial fraction over serial", "knee", "METG(50%)"

_OVER_NODES = ["scaling", "workload", "kind", "size", "imbalance", "items_digest", "seed", "_tasks", "backend", "start_method",
               "mpi_mode", "distribution", "binding", "chunksize", "blas_threads"]  # fmt: skip
_CURVE = [*_OVER_NODES, "nodes"]
_SHOWN = [name for name in _CURVE if name not in ("items_digest", "seed", "_tasks")]
_COLUMNS = ["measure", *_SHOWN, "tasks", "at", "side", "value", "low", "high"]


def shapes(sides: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """What several machines have in common of their scaling.

    Args:
        sides: The rounds of each; the blocks of several runs of a side count as blocks of one.
    Returns:
        One row a measure, curve, place on it and side that has it, where the first side and another have: ``measure``;
        what the curve is of, ``nodes`` null where it may go over several; ``at``: workers, or their share of the budget;
        ``side``: its number; ``value`` (dimensionless; METG in s of worker time per task; the knee in workers), ``low``
        and ``high`` (95%; null for the knee, for METG of several runs, and below three blocks).
    """
    if any(rounds.empty for rounds in sides):
        return pd.DataFrame(columns=_COLUMNS)
    points, metg = (_of_sides([of(rounds) for rounds in sides]) for of in (_points, _metg))
    by_workers = _by_nodes(points.assign(measure=EQUAL_WORKERS, at=points["workers"].astype(float)))
    by_share = _by_nodes(points.assign(measure=EQUAL_SHARE, at=(points["workers"] / points["budget"]).round(4)))
    parts = [by_workers, by_share, _serial_fractions(by_workers), _knees(by_workers), _by_nodes(metg)]
    whole = pd.concat([part for part in parts if not part.empty] or [by_workers])
    whole = whole.sort_values("side", kind="stable", ignore_index=True)
    whole["tasks"] = whole["_tasks"]
    place = whole["at"].where(whole["measure"].isin([EQUAL_WORKERS, EQUAL_SHARE, METG]), -1.0)
    keys = [whole["measure"], *(whole[name] for name in _CURVE), place]
    by = whole["side"].groupby(keys, dropna=False)
    shared = by.transform("min").eq(0) & by.transform("nunique").gt(1)
    return whole.loc[shared, _COLUMNS].reset_index(drop=True)


def _of_sides(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """As one table, with the number of the ``side``."""
    numbered = [table.assign(side=number) for number, table in enumerate(tables)]
    return pd.concat([table for table in numbered if not table.empty] or numbered[:1], ignore_index=True)


def _by_nodes(rows: pd.DataFrame) -> pd.DataFrame:
    """The nodes of what has a place ``at`` on several numbers of them on some side; else none, since a curve may go over them."""
    apart = on_several_nodes(rows, ["side", *_OVER_NODES], "at")
    apart = apart.groupby([rows[name] for name in _OVER_NODES], dropna=False).transform("any")
    return rows.assign(nodes=rows["nodes"].where(apart))


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
    fit = fit.groupby(["side", *_CURVE], dropna=False, sort=False).tail(1)
    workers = fit["workers"].to_numpy(dtype=float)
    value, high, low = (karp_flatt(fit[name].to_numpy(dtype=float) * workers, workers) for name in ("value", "low", "high"))
    return fit.assign(measure=SERIAL_FRACTION, at=workers, value=value, low=low, high=high)


def _knees(points: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for _, curve in points.groupby(["side", *_CURVE], dropna=False, sort=False):
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
