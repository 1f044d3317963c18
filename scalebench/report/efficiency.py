"""Where the efficiency went: the account of each case in percent, and a verdict that names its largest loss.

Not here: what the factors are (``analysis.efficiency``).
"""

import itertools
import math

import pandas as pd

from scalebench.analysis.efficiency import CPU, PRODUCT, account
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.command import PROGRAM
from scalebench.errors import count
from scalebench.report.numbers import number, percent
from scalebench.report.tables import (
    Row,
    Table,
    by_work,
    heading,
    oversubscribed,
    placed,
    sections,
    several_nodes,
    time_unit,
    title,
    without_empty,
)
from scalebench.results.result import Result

WORTH_A_VERDICT = 0.9  #: of the efficiency; a case below says in the report where the rest went

_HEADS = {
    "baseline_overhead": "baseline\noverhead",
    "computation_scalability": "computation\nscalability",
    "cpu_availability": "CPU\navailability",
    "cpu_cost": "CPU\ncost",
    "load_balance": "load\nbalance",
    "dispatch_efficiency": "dispatch\nefficiency",
    "cpu_use": "CPU\nuse",
}
_LOST = {
    "cpu_wait": "waiting for a CPU",
    "waiting": "waiting (GIL, lock, I/O or sleep)",
    "cpu_availability": "off the CPU",
    "cpu_cost": "to more CPU time per unit of work",
    "computation_scalability": "to tasks that took longer than the baseline's",
    "load_balance": "to workers idle while the last one finishes",
    "dispatch_efficiency": "sending and receiving tasks",
    "baseline_overhead": "to the baseline's own overhead",
    "cpu_use": "with CPUs not in use by the program",
}
_CAUSES = {
    "cpu_availability": "waiting for one, for a BLAS thread, a lock, I/O or sleep: not told apart",
    "cpu_cost": "cache, memory bandwidth, clock, hyperthreads",
    "computation_scalability": "their CPU time was not to be had, or the baseline mostly waits",
    "cpu_use": "a serial part, idle workers, waiting for a CPU, a lock or I/O: not told apart",
}
_GAINED = {
    "cpu_availability": "the baseline waited more than the workers did: the machine was busy, or they overlap its I/O",
    "cpu_cost": "each unit of work took less CPU time than the baseline's: {}a higher clock, or a busy machine while the baseline ran",
    "computation_scalability": "tasks took less time than the baseline's: {}a higher clock, or a busy machine while the baseline ran",
    "baseline_overhead": "the baseline itself spent time outside of its tasks",
    "cpu_use": "the baseline left its CPU without work for longer, or more threads run than workers were asked for",
}
_PAYS_AFTER = "pays\nafter"  #: a column
WORTH_TELLING = 0.05  #: points of efficiency gained that a verdict names besides what was lost
_CACHE = "each worker's share of the data fits a cache, "


def account_tables(result: Result) -> list[Table]:
    """A table for each scaling table of the report: the factors and the start-up of its cases, verdicts beneath."""
    whole = account(result.rounds)
    many = whole["run_id"].nunique() > 1
    parts: list[list[Row]] = []
    tables: list[Table] = []
    for cases in by_work(result, whole):
        cases = [case for case in cases if case["backend"] != "serial" and pd.notna(case["wall_s"])]
        if cases and cases[0]["backend"] == PROGRAM:
            if any(case["workers"] > 1 for case in cases):
                tables.append(_program_table(cases, with_run=many))
            continue
        # a row has the two CPU factors or their product: both would not fit 80 columns
        split = [[case for case in cases if pd.notna(case["cpu_availability"]) == with_cpu] for with_cpu in (True, False)]
        parts += [part for part in split if part]
    of_functions = [_table(part, with_run=many) for part in parts]
    if of_functions:
        of_functions[-1].notes.extend(["", *_legend(list(itertools.chain(*parts)), of_functions)])
    return [*of_functions, *tables]


def _program_table(cases: list[Row], *, with_run: bool) -> Table:
    """Two factors: the rest of an account takes the times of tasks, which a program keeps to itself."""
    shown = ("cpu_cost", "cpu_use")
    rows = [[placed(case), *(_cell(case, name) for name in ("efficiency", *shown))] for case in cases]
    notes = [
        *_verdicts_by_section(cases),
        "Accounts are in %: efficiency = CPU cost x CPU use, against one worker in the same block. CPU cost: CPU time of the whole "
        "program per unit of work, the baseline's by the case's. CPU use: the share of its workers' time that had a CPU at work, by the "
        "baseline's. How that divides into load balance and waiting takes the times of tasks, which a program doesn't tell.",
    ]
    if any(case[name] != case[name] for case in cases for name in shown):
        notes.append("-  no account: no baseline in some block, or no CPU time.")
    if any(cell.startswith("~") for row in rows for cell in row):
        notes.append("~  not certain: the interval includes 100%.")
    head = [heading(cases), "efficiency", *(_HEADS[name] for name in shown)]
    return Table(
        title=title(cases[0], "account of ", with_run=with_run), head=head, rows=rows, sections=sections(cases), notes=notes
    )


def _table(cases: list[Row], *, with_run: bool) -> Table:
    unit, scale = time_unit(cases)
    with_cpu = pd.notna(cases[0]["cpu_availability"])
    shown = [PRODUCT[0], *(CPU if with_cpu else [PRODUCT[1]]), *PRODUCT[2:]]
    rows = [
        [
            placed(case),
            *(_cell(case, name) for name in ("efficiency", *shown)),
            number(case["startup_s"] * scale),
            _payback(case),
        ]
        for case in cases
    ]
    factors = ["efficiency", *(_HEADS[name] for name in shown)]
    table = Table(
        title=title(cases[0], "account of ", with_run=with_run),
        head=[heading(cases), *factors, f"start\n{unit}", _PAYS_AFTER],
        rows=rows,
        sections=sections(cases),
        notes=_verdicts_by_section(cases),
    )
    return without_empty(table, *factors, _PAYS_AFTER) if all(pd.isna(case["efficiency"]) for case in cases) else table


def _cell(case: Row, name: str) -> str:
    value = case[name]
    if pd.isna(value):
        return "-"
    return _mark(bool(case[f"{name}_low"] <= 1 <= case[f"{name}_high"])) + percent(value * 100)


def _payback(case: Row) -> str:
    unsure: bool = pd.notna(case["payback_tasks_low"]) and pd.isna(case["payback_tasks_high"])
    if pd.isna(case["payback_tasks"]):
        return "-" if pd.isna(case["speedup"]) else _mark(unsure) + "never"
    tasks = math.ceil(case["payback_tasks"] * (1 - 1e-9))  # the rounding of six is six
    return _mark(unsure) + (str(tasks) if tasks < 100_000 else number(tasks))


def _mark(unsure: bool) -> str:
    return "~" if unsure else ""


def _verdicts_by_section(cases: list[Row]) -> list[str]:
    """Of the cases that lost a tenth or more, and of superlinear ones."""
    told = [case for case in cases if case["efficiency"] < WORTH_A_VERDICT or case["superlinear"]]
    headings = sections(told)
    notes = []
    for index, case in enumerate(told):
        notes += [f"{headings[index]}:"] if index in headings else []
        notes.append(str(verdict(case)))
    return notes


def _legend(cases: list[Row], tables: list[Table]) -> list[str]:
    """What the columns and marks of all accounts mean, told once."""
    notes = []
    known = [pd.notna(case["baseline_overhead"]) for case in cases]
    if any(known):
        notes.append(
            "Accounts are in %: efficiency = baseline overhead x CPU availability x CPU cost x load balance x dispatch efficiency, "
            "against serial with as many BLAS threads in the same block. CPU availability x CPU cost = computation scalability. "
            "A loss's points are its share of what is missing to 100, by logarithms."
        )
    if not all(known):
        # where no table has a column of it, no dash stands anywhere
        mark = "-  no account" if any("efficiency" in table.head for table in tables) else "No account"
        notes.append(f"{mark}: tasks not recorded one by one, no work counted, or no baseline in some block.")
    if any(cell.startswith("~") for table in tables for row in table.rows for cell in row):
        notes.append("~  not certain: the interval includes 100%; of pays after, it includes both never and some number.")
    if any(_PAYS_AFTER in table.head for table in tables):
        notes.append("pays after: tasks that make up for the start, by what each saves against serial with one BLAS thread.")
    if any(case["backend"].startswith("mpi") for case in cases):
        notes.append("Of MPI the start counts from mpiexec, interpreters included; of others it counts in the host.")
    return notes


def verdict(case: Row) -> str | None:
    """One sentence about a row of the account: how efficient, and where the largest part of the rest went; None without one.

    What rests on so few blocks that nothing has an interval says so at its end.
    """
    return None if pd.isna(case["efficiency"]) else _largest(case) + _too_few(case)


def _too_few(case: Row) -> str:
    if pd.notna(case["efficiency_low"]):
        return ""
    blocks = case["blocks"]
    return (
        f"; of {count(blocks, 'block')}, no interval" if blocks < LEAST_BLOCKS else "; a baseline in too few blocks, no interval"
    )


def _largest(case: Row) -> str:
    there = f" on {case['nodes']} nodes" if several_nodes(case) else ""
    told = f"{count(case['workers'], 'worker')}{there}: {percent(case['efficiency'] * 100)}% efficient"
    if pd.isna(case["baseline_overhead"]) and pd.isna(case["cpu_use"]):
        return f"{told}; no account of it: tasks were not recorded one by one"
    if case["superlinear"]:
        return f"{told}, superlinear; {_gain(case)}"
    if pd.isna(case["lost_to"]):
        return f"{told}; nothing lost"
    lost = f"{told}; {_points(case['lost'])} lost {_LOST[case['lost_to']]}"
    if pd.notna(case["lost_low"]) and case["lost_low"] <= 0:
        return f"{lost}, not certain: {case['lost_low'] * 100:.0f} to {case['lost_high'] * 100:.0f}"
    why = _why(case)
    lost = f"{lost} ({why})" if why else lost
    if pd.notna(case["gained_by"]) and case["gained"] >= WORTH_TELLING:  # else more were lost than are missing
        return f"{lost}; {_gain(case)}"
    return lost


def verdicts(whole: pd.DataFrame) -> pd.Series:
    """The verdict of each row of the account."""
    return pd.Series([verdict(case) for case in whole.to_dict("records")], index=whole.index, dtype="string")


def _why(case: Row) -> str | None:
    """What is behind the largest loss, as far as the rows tell."""
    name = case["lost_to"]
    if name == "cpu_wait":
        if oversubscribed(case):
            return f"{case['runnable_threads'] / case['cpu_budget']:.1f}x oversubscribed"
        return "not oversubscribed by itself: a quota, or other programs"
    if name == "load_balance":
        return _idle(case)
    if name == "cpu_cost" and pd.notna(case["blas_threads"]) and case["blas_threads"] > 1:
        return f"{_CAUSES[name]}, BLAS threads in each other's way"
    return _CAUSES.get(name)


def _idle(case: Row) -> str | None:
    """What left workers without a task, where what was asked for tells it."""
    tasks, workers = case["tasks"], case["workers"]
    if tasks < workers:
        return f"{count(tasks, 'task')} for {count(workers, 'worker')}"
    if oversubscribed(case):
        times = f"{case['runnable_threads'] / case['cpu_budget']:.1f}x"
        return f"{times} oversubscribed: waiting for a CPU before a task counts as idle"
    if tasks % workers and pd.notna(case["kind"]) and not case["imbalance"]:  # tasks of one length
        most = tasks / (workers * math.ceil(tasks / workers))
        return f"{tasks} tasks keep {workers} workers {percent(most * 100)}% busy at most"
    return None


def _gain(case: Row) -> str:
    name = case["gained_by"]
    if pd.isna(name) or name not in _GAINED:
        return "no one factor explains it"
    cache = _CACHE if case["scaling"] == "strong" else ""  # in weak scaling a worker has as much data as the baseline
    unsure = ", not certain" if case["gained_low"] <= 0 else ""
    return f"{_points(case['gained'])} gained{unsure}: {_GAINED[name].format(cache)}"


def _points(share: float) -> str:
    return count(round(share * 100), "point")
