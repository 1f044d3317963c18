"""The curves of a run: cases that differ in their worker count only, one table for each, ready to be fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scalebench.analysis.scaling import launches, on_several_nodes, work_of
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.results.schema import ASKED

#: what is the same along a curve: all that was asked but how many workers, started how, with how many tasks, and on how many nodes,
#: unless some count of workers was on more than one number of them
IDENTITY = [
    "run_id",
    *(one.name for one in ASKED if one.name not in ("workers", "tasks", "launcher", "nodes")),
    "_work",
    "_nodes",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """What is fitted: one backend with its own axes, one workload."""

    identity: Mapping[str, Any]  #: column -> value, null as None; empty for a plain table
    scaling: str
    table: pd.DataFrame  #: as ``fit`` takes it
    notes: tuple[str, ...] = ()  #: what was left out of it, and what was taken for granted


def curves(rounds: pd.DataFrame, *, oversubscribed: bool = False) -> list[Curve]:
    """All curves of some runs, each of two counts or more.

    Args:
        rounds: As loaded, any number of runs.
        oversubscribed: Keep cases that wanted more CPUs than there were. Left out otherwise: across that boundary a law
            would be fitted to the queue for CPUs.
    Returns:
        By run, workload, size and backend. Their tables hold ``workers``, ``block`` and ``wall_s`` (s, the median round of a
        launch), or ``throughput`` (work units per second) where the work is not the same at each count, as of ``spin``.
    """
    chosen = launches(rounds)
    chosen = chosen[chosen["backend"] != "serial"]
    chosen = chosen.assign(_work=work_of(chosen))
    chosen["_nodes"] = chosen["nodes"].where(on_several_nodes(chosen, [name for name in IDENTITY if name != "_nodes"]))
    found = []
    for key, rows in chosen.groupby(IDENTITY, dropna=False):
        if rows["workers"].nunique() < 2:
            continue
        identity: dict[str, Any] = {name: plain(value) for name, value in zip(IDENTITY, key, strict=True)}
        if (nodes := identity.pop("_nodes")) is not None:
            identity["nodes"] = nodes
        identity["tasks_per_worker" if identity["scaling"] == "weak" else "tasks"] = identity.pop("_work")
        found.append(_curve(identity, rows, oversubscribed=oversubscribed))
    return found


def plain(value: Any) -> Any:
    """A key of a group as JSON holds it."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _curve(identity: dict[str, Any], rows: pd.DataFrame, *, oversubscribed: bool) -> Curve:
    notes = []
    beyond = rows["oversubscribed"].fillna(value=False).astype(bool)
    if beyond.any() and not beyond.all() and not oversubscribed:
        notes.append(f"Left out, oversubscribed: {_listed(rows.loc[beyond, 'workers'])} workers (--oversubscribed keeps them).")
        rows = rows[~beyond]
    elif beyond.any():
        notes.append(f"Oversubscribed: {_listed(rows.loc[beyond, 'workers'])} workers; their times hold waiting for a CPU.")
    blocks = rows.groupby("workers")["block"].nunique()
    short = blocks[blocks < min(LEAST_BLOCKS, blocks.max())].index
    if len(short):
        notes.append(f"Left out, fewer than {min(LEAST_BLOCKS, blocks.max())} good blocks: {_listed(pd.Series(short))} workers.")
        rows = rows[~rows["workers"].isin(short)]
    table = rows[["workers", "block"]].astype("int64")
    units = rows["work_units"].astype("float64")
    per_worker = units / rows["workers"].astype("float64") if identity["scaling"] == "weak" else units
    if units.notna().all() and (units > 0).all() and per_worker.nunique() > 1:
        notes.append("The work differs from launch to launch: fitted are work units per second, not seconds.")
        table["throughput"] = units / rows["wall_s"]
    else:
        table["wall_s"] = rows["wall_s"]
    return Curve(identity=identity, scaling=str(identity["scaling"]), table=table.reset_index(drop=True), notes=tuple(notes))


def _listed(workers: pd.Series) -> str:
    return ", ".join(str(count) for count in sorted(workers.unique()))
