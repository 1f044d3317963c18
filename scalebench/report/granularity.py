"""The granularity table: how short a task may be, for each interface and chunk size."""

from collections.abc import Iterator

import pandas as pd

from scalebench.analysis.granularity import SWEEP, granularity, sweeps
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.errors import count
from scalebench.report.numbers import duration
from scalebench.report.tables import Table, task_name, told_apart
from scalebench.results.result import Result

COARSE = 1.5  #: times the next finer point that METG may be, before the table says what it was interpolated from
#: what curves of one backend and chunk size may differ in
_AXES = ("mpi_mode", "start_method", "distribution", "binding", "blas_threads", "scaling", "imbalance", "nodes")


def granularity_tables(result: Result) -> list[Table]:
    """One table for each suite that sweeps sizes; none where there is no such suite."""
    if not sweeps(result.rounds):
        return []
    found = granularity(result.rounds)
    return [_table(curves) for _, curves in found.groupby(SWEEP, dropna=False, sort=False)]


def _table(curves: pd.DataFrame) -> Table:
    first = curves.iloc[0]
    curves = curves[curves["backend"] != "serial"]
    most = curves["workers"].max()
    curves = curves[curves["workers"] == curves.groupby("backend")["workers"].transform("max")]
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    notes: list[str] = []
    for name, interface in _interfaces(curves):
        workers = interface["workers"].max()
        sections[len(rows)] = name + ("" if workers == most else f", {count(workers, 'worker')}")
        rows += [_row(curve) for _, curve in interface.iterrows()]
        notes += _advice(name, interface) + _again(name, interface)
    variant = "" if pd.isna(first["variant"]) else f", variant {first['variant']}"
    return Table(
        title=f"{first['suite']}: METG(50%) of {task_name(first)}, {count(most, 'worker')}{variant}",
        head=["chunksize", "METG(50%)", "useful task", ""],
        rows=rows,
        sections=sections,
        notes=[
            "METG(50%): worker time per task at which half of the best serial rate is kept; half of it is useful work. [95%]; -: outside the sweep.",
            *notes,
        ],
    )


def _interfaces(curves: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The curves of each interface, by chunk size, and what it is called: its backend, with the axes that interfaces of that differ in."""
    for backend, mine in curves.groupby("backend", sort=False):
        for _, interface in mine.groupby(list(_AXES), dropna=False, sort=False):
            own = told_apart(interface.iloc[0], mine, _AXES)
            yield str(backend) + (f" ({', '.join(own)})" if own else ""), interface.sort_values("chunksize", na_position="first")


def _row(curve: pd.Series) -> list[str]:
    chunk = "-" if pd.isna(curve["chunksize"]) else str(curve["chunksize"])
    low, high = (duration(curve[end]) if pd.notna(curve[end]) else "-" for end in ("metg_s_low", "metg_s_high"))
    between = f" [{low},{high}]" if curve["blocks"] >= LEAST_BLOCKS else ""
    if curve["bound"] == "crossed":
        again = f"crosses {curve['crossings']} times" if curve["crossings"] > 1 else ""
        if curve["finer_s"] * COARSE < curve["metg_s"]:
            again = "; ".join(filter(None, [again, f"next measured {duration(curve['finer_s'])}"]))
        return [chunk, duration(curve["metg_s"]) + between, duration(curve["useful_task_s"]), again]
    limit = duration(curve["shortest_s"])
    return [chunk, "-", "-", f"below {limit}" if curve["bound"] == "below" else "no task was long enough"]


def _again(name: str, interface: pd.DataFrame) -> list[str]:
    """Of curves that fall through one half more than once: which crossing counts, and what that hides."""
    notes = []
    for _, curve in interface[interface["crossings"].gt(1) & interface["lost_up_to_s"].notna()].iterrows():
        chunk = "" if pd.isna(curve["chunksize"]) else f" with chunksize {curve['chunksize']}"
        notes.append(f"{name}{chunk} crosses 50% {curve['crossings']} times: the finest crossing counts, but tasks of up to "
                     f"{duration(curve['lost_up_to_s'])} lost more than half as well.")  # fmt: skip
    return notes


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
        tried = interface["chunksize"].gt(1).fillna(value=False).any()
        helped = "larger chunks did not help" if tried else "larger chunks were not measured"
        return [f"{name}: tasks shorter than {duration(limit)} lose more than half; {helped}."]
    chunk = better.nsmallest(1, "chunksize").iloc[0]
    rest = "" if chunk["bound"] == "below" else f", down to {duration(chunk['useful_task_s'])}"
    return [f"{name}: tasks shorter than {duration(limit)}: use chunks of at least {chunk['chunksize']}{rest}."]
