"""Many runs at a glance: one line each, by machine. A folder of runs has more tables than anybody reads."""

import pandas as pd

from scalebench.analysis.granularity import sweeps
from scalebench.analysis.scaling import scaling
from scalebench.report.numbers import ratio
from scalebench.report.tables import Row, Table, task_name
from scalebench.results.result import Result

MOST_RUNS = 20  #: that are shown with all their tables


def overview_table(result: Result) -> Table:
    """One row a run: its cases, those that failed in some block, and the case that did the most work per second."""
    rounds = result.rounds
    pairs = pd.MultiIndex.from_frame(rounds[["run_id", "suite"]])
    cases = scaling(rounds[~pairs.isin(sweeps(rounds))])
    by = cases.groupby("run_id")
    runs = rounds.drop_duplicates("run_id").set_index("run_id")[["machine_id", "study"]]
    runs["cases"] = by.size()
    runs["failed"] = by["failed"].agg(lambda blocks: int(blocks.gt(0).sum()))
    runs["blocks"] = by["blocks"].max()
    known = cases[cases["speedup"].notna()]
    best = known.loc[known.groupby("run_id")["speedup"].idxmax()].set_index("run_id")
    runs = runs.join(best[["speedup", "workers", "backend", "workload", "kind"]]).reset_index()
    runs = runs.sort_values(["machine_id", "run_id"], kind="stable", ignore_index=True)
    sections = {int(number): str(runs["machine_id"].iloc[number]) for number in runs.drop_duplicates("machine_id").index}
    return Table(
        title=f"{len(runs)} runs",
        head=["run", "cases", "failed", "blocks", "speedup", "of"],
        rows=[_row(run) for run in runs.to_dict("records")],
        sections=sections,
        notes=["speedup: the highest of any case against the serial baseline of its block, as measured.",
               "All tables of one run: scalebench report RUN; of all runs: --format markdown or json."],
    )  # fmt: skip


def _row(run: Row) -> list[str]:
    counts = ["-" if pd.isna(run[name]) else str(int(run[name])) for name in ("cases", "failed", "blocks")]
    if pd.isna(run["speedup"]):
        return [str(run["run_id"]), *counts, "-", ""]
    return [str(run["run_id"]), *counts, ratio(float(run["speedup"])), f"{run['workers']} of {run['backend']}, {task_name(run)}"]
