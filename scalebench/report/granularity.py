"""The granularity table: how short a task may be, for each interface and chunk size."""

import pandas as pd

from scalebench.analysis.granularity import granularity, sweeps
from scalebench.report.tables import Table, number
from scalebench.results.load import Result


def granularity_tables(result: Result) -> list[Table]:
    """One table for each suite that sweeps sizes; none where there is no such suite."""
    if not sweeps(result.rounds):
        return []
    found = granularity(result.rounds)
    keys = ["run_id", "suite", "workload", "kind", "variant"]
    return [_table(curves) for _, curves in found.groupby(keys, dropna=False, sort=False)]


def _table(curves: pd.DataFrame) -> Table:
    first = curves.iloc[0]
    curves = curves[(curves["backend"] != "serial") & (curves["workers"] == curves["workers"].max())]
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    notes: list[str] = []
    for name, interface in curves.groupby("backend", sort=False):
        sections[len(rows)] = str(name)
        interface = interface.sort_values("chunksize", na_position="first")
        rows += [_row(curve) for _, curve in interface.iterrows()]
        notes += _advice(str(name), interface)
    what = first["kind"] if not pd.isna(first["kind"]) else first["workload"]
    variant = "" if pd.isna(first["variant"]) else f", variant {first['variant']}"
    return Table(
        title=f"{first['suite']}: METG(50%) of {what}, {curves['workers'].max()} workers{variant}",
        head=["chunksize", "METG(50%) us", "useful task us", ""],
        rows=rows,
        sections=sections,
        notes=[
            "METG(50%): worker time per task at which half of the best serial rate is kept; half of it is useful work.",
            *notes,
        ],
    )


def _row(curve: pd.Series) -> list[str]:
    chunk = "-" if pd.isna(curve["chunksize"]) else str(curve["chunksize"])
    if curve["bound"] == "crossed":
        return [chunk, number(curve["metg_s"] * 1e6), number(curve["useful_task_s"] * 1e6), ""]
    limit = number(curve["shortest_s"] * 1e6)
    return [chunk, "-", "-", f"below {limit} us" if curve["bound"] == "below" else "no task was long enough"]


def _advice(name: str, interface: pd.DataFrame) -> list[str]:
    """From which task time on chunks are needed, and how long they must be."""
    single = interface[interface["chunksize"].eq(1).fillna(False) & interface["bound"].eq("crossed")]
    if single.empty:
        return []
    limit = float(single["useful_task_s"].iloc[0])
    better = interface[
        interface["chunksize"].gt(1).fillna(False) & (interface["bound"].eq("below") | (interface["useful_task_s"] < limit / 2))
    ]
    if better.empty:
        return [f"{name}: tasks shorter than {number(limit * 1e6)} us lose more than half; larger chunks did not help."]
    chunk = better.nsmallest(1, "chunksize").iloc[0]
    rest = "" if chunk["bound"] == "below" else f", down to {number(chunk['useful_task_s'] * 1e6)} us"
    return [f"{name}: tasks shorter than {number(limit * 1e6)} us: use chunks of at least {chunk['chunksize']}{rest}."]
