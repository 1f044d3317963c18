"""One round of any case: a row a worker, a bar a task, its colour how much of it the task had a CPU.

The round is the one that stands for its launch, of the launch that is the median of the case's. Bars of a round with very
many tasks hold several tasks that followed each other on one worker; the chart says so.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.analysis.scaling import CASE, LAUNCH, launches
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import SHORT, figure, finished, inline, layered, place, unique
from scalebench.report.charts.theme import GREY, INK, SEQUENTIAL
from scalebench.report.numbers import duration, number
from scalebench.report.tables import Row, Table, task_name
from scalebench.results.result import Result

MOST_BARS = 16_000  #: in all of a chart: they are its size in bytes, about 60 each
_LEAST_BARS = 64  #: of a case with that many tasks, however many cases there are
_ROUND = [*LAUNCH, "round"]


def charts(result: Result, tables: Sequence[Sequence[Row]]) -> list[Chart]:
    """One for each run whose tasks were recorded; the case is picked in it."""
    chosen = _of_median_launch(launches(result.rounds))
    tasks = result.tasks.merge(chosen[_ROUND], on=_ROUND)
    found: list[Chart] = []
    runs = dict.fromkeys(case["run_id"] for table in tables for case in table)
    for run in runs:
        mine = tasks[tasks["run_id"] == run]
        cases = _labelled([case for table in tables for case in table if case["run_id"] == run], set(mine["case_id"]))
        if cases:
            rounds = chosen[chosen["run_id"] == run].set_index("case_id")
            found.append(_chart(mine, rounds, cases, f"timeline-{len(found) + 1}", with_run=len(runs) > 1))
    return found


def _of_median_launch(chosen: pd.DataFrame) -> pd.DataFrame:
    """By case, the launch with the lower median wall time."""
    by_time = chosen.sort_values("wall_s", kind="stable")
    by = by_time.groupby(CASE, sort=False)
    return by_time[by.cumcount() == (by["wall_s"].transform("size") - 1) // 2]


def _labelled(cases: Sequence[Row], recorded: set[str]) -> dict[str, Row]:
    """What is picked from: a label for each case that has tasks; those of several suites once."""
    once = {case["case_id"]: case for case in reversed(cases) if case["case_id"] in recorded}
    kept = [case for case in cases if once.get(case["case_id"]) is case]
    labels = unique(f"{case['suite']}: {_what(case)}{place(case, threads=True)}" for case in kept)
    return dict(zip(labels, kept, strict=True))


def _what(case: Row) -> str:
    size: str = "" if pd.isna(case["size"]) else f" {case['size']}"
    uneven = f" imbalance {case['imbalance']:g}" if not pd.isna(case["imbalance"]) and case["imbalance"] else ""
    variant: str = "" if pd.isna(case["variant"]) else f" {case['variant']}"
    return f"{task_name(case)}{size}{uneven}{variant}, "


def _first(cases: list[Row]) -> int:
    """Which case it opens with: of the first table, the pool with the most workers."""
    pools = [at for at, case in enumerate(cases) if case["backend"] != "serial" and case["suite"] == cases[0]["suite"]]
    return max(pools or [0], key=lambda at: (int(cases[at]["workers"]), cases[at]["backend"] == "processes"))


def _chart(tasks: pd.DataFrame, rounds: pd.DataFrame, cases: dict[str, Row], name: str, *, with_run: bool) -> Chart:
    unit, factor = ("s", 1.0) if rounds["wall_s"].max() >= 10 else ("ms", 1e3)
    most = max(_LEAST_BARS, MOST_BARS // len(cases))
    by_case = {str(key): mine for key, mine in tasks.groupby("case_id")}
    bars: list[dict[str, Any]] = []
    ends = []
    joined = False
    for number_, (label, case) in enumerate(cases.items()):
        mine = _bars(by_case[str(case["case_id"])], most)
        joined = joined or bool((mine["tasks"] > 1).any())
        bars += [_bar(number_, row, factor) for row in mine.to_dict("records")]
        ends.append({"c": number_, "case": label, "end": figure(rounds.loc[case["case_id"], "wall_s"] * factor)})
    first = _first(list(cases.values()))
    run = str(rounds["run_id"].iloc[0])
    notes = [
        "A row a worker, a bar a task; the line is the end of the round. Median round of the median launch.",
        *(["Where tasks are very many, a bar holds several in a row."] if joined else []),
    ]
    heading = "One round of a case" + (f" (run {run})" if with_run else "")
    return finished(
        _drawn(bars, ends, list(cases), first, unit), name=name, section="timeline", title=heading, notes=notes, height={"step": 20},
        alternative=_alternative(list(cases)[first], by_case[str(list(cases.values())[first]["case_id"])], ends[first]["end"], unit, len(cases)),
        table=_table(cases, by_case, rounds, heading), marks=sum(bar["c"] == first for bar in bars),
    )  # fmt: skip


def _bars(tasks: pd.DataFrame, most: int) -> pd.DataFrame:
    """Tasks in the order of their start; joined with their next ones on the worker where there are more than ``most``."""
    tasks = tasks.sort_values(["worker", "start_s"], kind="stable")
    each = -(-len(tasks) // most)
    tasks = tasks.assign(busy=tasks["stop_s"] - tasks["start_s"])
    if each == 1:
        alone = tasks[["worker", "task", "start_s", "stop_s", "busy"]].set_axis(
            ["worker", "first", "start", "stop", "busy"], axis=1
        )
        return alone.assign(tasks=1, cpu=(tasks["cpu_s"] / tasks["busy"]).clip(0, 1)).sort_values("start", kind="stable")
    group = tasks.groupby("worker").cumcount() // each
    by = tasks.groupby([tasks["worker"], group], sort=False)
    found = by.agg(worker=("worker", "first"), first=("task", "first"), start=("start_s", "min"), stop=("stop_s", "max"),
                   busy=("busy", "sum"), tasks=("task", "size"))  # fmt: skip
    cpu = by["cpu_s"].agg(lambda values: values.sum(min_count=len(values)))
    return found.assign(cpu=(cpu / found["busy"]).clip(0, 1)).sort_values("start", kind="stable")


def _bar(case: int, row: Row, factor: float) -> dict[str, Any]:
    """Packed small: c case, w worker, t its first task, n how many, s start, e stop, u share of the time on a CPU."""
    several = {"n": int(row["tasks"])} if row["tasks"] > 1 else {}
    share: dict[str, float] = {} if pd.isna(row["cpu"]) else {"u": round(float(row["cpu"]), 2)}
    return {"c": case, "w": int(row["worker"]), "t": int(row["first"]), **several, "s": figure(row["start"] * factor, 5),
            "e": figure(row["stop"] * factor, 5), **share}  # fmt: skip


def _drawn(bars: list[dict[str, Any]], ends: list[dict[str, Any]], labels: list[str], first: int, unit: str) -> alt.LayerChart:
    picker = alt.binding_select(options=list(range(len(labels))), labels=labels, name="Case ")
    picked = alt.param(name="picked", value=first, bind=picker)
    mine = "datum.c === picked"
    legend = alt.Legend(title="share of a task on a CPU", format=".0%", gradientLength=160, direction="horizontal")
    share = alt.Scale(domain=[0, 1], scheme=SEQUENTIAL, reverse=True)  # what waits is bright
    several = any("n" in bar for bar in bars)
    tips = [
        alt.Tooltip("w:N", title="worker"),
        alt.Tooltip("t:Q", title="task"),
        *([alt.Tooltip("n:Q", title="tasks")] if several else []),
        alt.Tooltip("s:Q", title=f"start, {unit}"),
        alt.Tooltip("e:Q", title=f"stop, {unit}"),
        alt.Tooltip("u:Q", title="on a CPU", format=".0%"),
    ]
    colour: Any = alt.value(GREY)
    if any("u" in bar for bar in bars):
        colour = alt.when("isValid(datum.u)").then(alt.Color("u:Q", scale=share, legend=legend)).otherwise(alt.value(GREY))
    across = alt.X("s:Q", title=f"time in the round, {unit}", scale=alt.Scale(zero=True, nice=False))
    tasks = alt.Chart(inline(bars)).transform_filter(mine).mark_bar(height={"band": 0.84}, stroke=INK, strokeWidth=0.5)
    end = alt.Chart(inline(ends)).transform_filter(mine)
    return layered(
        (
            tasks.encode(x=across, x2="e:Q", y=alt.Y("w:O", title="worker"), color=colour, tooltip=tips).properties(name=DATA),
            end.mark_rule(color=INK, strokeWidth=1.6).encode(x="end:Q"),
            end.mark_text(align="left", baseline="bottom", fontSize=12, dy=-4).encode(
                x=alt.value(0), y=alt.value(0), text="case:N"
            ),
        )
    ).add_params(picked)


def _table(cases: dict[str, Row], by_case: dict[str, pd.DataFrame], rounds: pd.DataFrame, heading: str) -> Table:
    rows: list[list[str]] = []
    sections = {}
    walls = {str(key): float(value) for key, value in rounds["wall_s"].items()}
    for label, case in cases.items():
        sections[len(rows)] = label
        mine = by_case[str(case["case_id"])]
        wall = walls[str(case["case_id"])]
        for worker, one in _by_worker(mine).items():
            rows.append([str(worker), str(one["tasks"]), duration(one["first"]), duration(one["last"]), duration(one["busy"]),
                         f"{one['busy'] / wall:.0%}"])  # fmt: skip
    return Table(title=heading, head=["worker", "tasks", "first start", "last stop", "busy", "of the round"], rows=rows, sections=sections,
                 notes=[SHORT, "Every single task is in the run's tasks.parquet; a worker without a task has no row."], section_head="case")  # fmt: skip


def _by_worker(tasks: pd.DataFrame) -> dict[int, Row]:
    """How many tasks, when it began and ended, how long it was busy (s)."""
    by = tasks.assign(busy=tasks["stop_s"] - tasks["start_s"]).groupby("worker")
    found = by.agg(tasks=("task", "size"), first=("start_s", "min"), last=("stop_s", "max"), busy=("busy", "sum"))
    return {int(one["worker"]): one for one in found.reset_index().to_dict("records")}


def _alternative(label: str, tasks: pd.DataFrame, end: Any, unit: str, cases: int) -> str:
    busy = _by_worker(tasks)
    told = "; ".join(
        f"worker {worker}: {count(int(one['tasks']), 'task')}, busy {duration(one['busy'])}"
        for worker, one in list(busy.items())[:8]
    )
    more = f" and {len(busy) - 8} more" if len(busy) > 8 else ""
    return (f"When each worker ran which task, for one of {count(cases, 'case')}, picked by name. It opens with {label}: a round of "
            f"{number(float(end))} {unit}. {told}{more}. The table has every case.")  # fmt: skip
