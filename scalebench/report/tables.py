"""The tables of a report, as text cells: one for each suite, so that every format shows the same.

A cell with an interval reads ``value [low,high]``. Not here: how a table is drawn.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from scalebench.analysis.granularity import sweeps
from scalebench.analysis.scaling import on_several_nodes, scaling, work_of
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.command import PROGRAM
from scalebench.errors import brief, count, shortened
from scalebench.findings import FINDINGS
from scalebench.report.console import command
from scalebench.report.numbers import number, percent, ratio
from scalebench.results.result import Result
from scalebench.workloads.kinds import Kind, get_kind

FLAGS = {
    "+": "superlinear: the whole interval of the efficiency is above 100%",
    "o": "oversubscribed: more threads wanted a CPU than there are",
    "b": "BLAS threads found are not those asked for",
    "d": "answers differ from the serial reference",
    "f": "failed, crashed or timed out in some block",
    "u": "unavailable here",
    "s": "skipped: refused, or given up after failing twice",
}
_LONGEST_CELL, LONGEST_TEXT = 200, 4_000  # characters
_STATUS_FLAGS = {"mismatch": "d", "failed": "f", "crashed": "f", "timeout": "f", "unavailable": "u", "skipped": "s"}


Row = Mapping[Any, Any]  #: one case of the scaling table or the account, by column


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A title, a head and rows of text; ``sections`` holds a heading by the number of the row that it stands above.

    A line break in a cell of the head is one on a terminal too. A name of a million characters is none that anybody reads: what is
    too long is cut, and says so.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    sections: dict[int, str]
    notes: list[str]
    section_head: str = "backend"  #: what the headings name

    def __post_init__(self) -> None:
        cut = partial(shortened, most=_LONGEST_CELL)
        object.__setattr__(self, "title", shortened(self.title, LONGEST_TEXT))
        object.__setattr__(self, "rows", [list(map(cut, row)) for row in self.rows])
        object.__setattr__(self, "sections", {number: cut(name) for number, name in self.sections.items()})
        object.__setattr__(self, "notes", [shortened(note, LONGEST_TEXT) for note in self.notes])


def without_empty(table: Table, *optional: str) -> Table:
    """The same without those of the ``optional`` columns that no row has a value in."""
    kept = [
        place
        for place, name in enumerate(table.head)
        if name not in optional or any(row[place] not in ("-", "") for row in table.rows)
    ]
    return replace(table, head=[table.head[place] for place in kept], rows=[[row[place] for place in kept] for row in table.rows])


def scaling_tables(result: Result) -> list[Table]:
    """A strong or weak scaling table for every suite of every run, and workload in it."""
    whole = scaling(result.rounds)
    many = whole["run_id"].nunique() > 1
    return [_table(cases, with_run=many) for cases in by_work(result, whole)]


def by_work(result: Result, whole: pd.DataFrame) -> list[list[Row]]:
    """The rows of the scaling table for each table of a report, in the order of the suites; ``_work``: tasks of the baseline.

    A case that several suites name was measured once; it is in the tables of them all. Mappings, since small frames, one for
    each table, take several times as long where there are hundreds of runs.
    """
    shared = _of_other_suites(result, whole)
    whole = whole if shared.empty else pd.concat([whole, shared], ignore_index=True)
    of_sizes = sweeps(result.rounds)  # a table for each size would say less than their one of granularity
    shown = [key not in of_sizes for key in zip(whole["run_id"], whole["suite"], strict=True)]
    whole = whole[np.array(shown, dtype=bool)].copy()  # an array: an empty list would select no columns instead of no rows
    suites = {name: place for place, name in reversed(list(enumerate(_suite_order(result, whole))))}
    keys = ["run_id", "suite", "scaling", "workload", "kind", "size", "imbalance", "_work", "variant"]
    whole["_work"] = work_of(whole)
    whole["_suite"] = whole["suite"].map(suites)
    whole["_table"] = whole.groupby(keys, dropna=False, sort=False).ngroup()
    whole["_serial"] = whole["backend"] != "serial"
    order = [
        "_serial",
        "backend",
        "mpi_mode",
        "start_method",
        "distribution",
        "binding",
        "chunksize",
        "blas_threads",
        "nodes",
        "workers",
    ]
    whole["_nodes_apart"] = on_several_nodes(whole, ["_table", *order[1:-2]])
    whole = whole.sort_values(["run_id", "_suite", "_table", *order], kind="stable")
    rows: list[Row] = list(whole.to_dict("records"))
    return [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["_table"])]


def findings_by_code(result: Result) -> list[tuple[str, str]]:
    """Each code once, with the sentence of its first finding and how many more cases it holds for."""
    return by_code(result.findings)


def by_code(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The same of findings that are at hand."""
    texts_of: dict[str, list[str]] = {}
    for finding in findings:
        code = shortened(str(finding.get("code")), _LONGEST_CELL)
        texts_of.setdefault(code, []).append(shortened(str(finding.get("text")), LONGEST_TEXT))
    return [
        (code, texts[0] + (f" (and {len(texts) - 1} more)" if len(texts) > 1 else "")) for code, texts in sorted(texts_of.items())
    ]


def explained_by(doubts: Iterable[tuple[str, str]]) -> list[str]:
    """What to type to read about doubts by code, in one line; none where none of them is known."""
    known = {one.code for one in FINDINGS}
    return [f"What a doubt means: {command('help', code)}" for code, _ in doubts if code in known][:1]


def _of_other_suites(result: Result, whole: pd.DataFrame) -> pd.DataFrame:
    """The rows of cases that other suites than their own name or need too, once for each such suite."""
    members = []
    for about in result.runs:
        for suite, ids in about.get("suites", {}).items():  # runs of the first version lack it
            members += [(about.get("run_id"), str(case_id), suite) for case_id in (ids if isinstance(ids, list) else ())]
    named = pd.DataFrame(members, columns=["run_id", "case_id", "suite"], dtype="string")
    both = whole.rename(columns={"suite": "_own"}).merge(named, on=["run_id", "case_id"])
    return both[both["suite"] != both["_own"]][list(whole.columns)]


def _suite_order(result: Result, whole: pd.DataFrame) -> list[str]:
    named = result.about.get("study", {}).get("suites") or {}
    return [*named, *whole["suite"].unique()]


def _table(cases: list[Row], *, with_run: bool) -> Table:
    first = cases[0]
    if first["backend"] == PROGRAM:
        return _program_table(cases, with_run=with_run)
    unit, factor = time_unit(cases)
    threads = _several_blas_threads(cases)  # else per thread is the efficiency again
    speedup = "scaled speedup" if first["scaling"] == "weak" else "speedup"
    head = [heading(cases), f"wall {unit}", speedup, "relative\nspeedup", "efficiency %"]
    rows = [
        [
            placed(case),
            interval(case, "wall_s", factor, number),
            interval(case, "speedup", 1.0, ratio),
            point(case, "relative_speedup", 1.0, ratio),
            interval(case, "efficiency", 100.0, percent),
            *([point(case, "efficiency_per_thread", 100.0, percent)] if threads else []),
            flags(case),
        ]
        for case in cases
    ]
    used = {letter for row in rows for letter in row[-1]}
    table = Table(
        title=title(first, with_run=with_run),
        head=[*head, *(["% per\nthread"] if threads else []), "flags"],
        rows=rows,
        sections=sections(cases),
        notes=_notes(cases, used),
    )
    return without_empty(table, *head[2:], "% per\nthread") if _lacks_baseline(cases) else table


def _program_table(cases: list[Row], *, with_run: bool) -> Table:
    """Of a program: what all of its processes used instead of the relative speedup, which is the speedup again."""
    unit, factor = time_unit(cases)
    threads, figure = _several_blas_threads(cases), any(pd.notna(case["figure_of_merit"]) for case in cases)
    speedup = "scaled speedup" if cases[0]["scaling"] == "weak" else "speedup"
    rows = [
        [
            placed(case),
            interval(case, "wall_s", factor, number),
            interval(case, "speedup", 1.0, ratio),
            point(case, "efficiency", 100.0, percent),
            *([point(case, "efficiency_per_thread", 100.0, percent)] if threads else []),
            point(case, "cpu_tree_s", factor, number),
            point(case, "rss_peak_bytes", 2**-20, number),
            *([interval(case, "figure_of_merit", 1.0, number)] if figure else []),
            flags(case),
        ]
        for case in cases
    ]
    head = [
        heading(cases),
        f"wall {unit}",
        speedup,
        "eff.\n%",
        *(["% per\nthread"] if threads else []),
        f"CPU\n{unit}",
        "peak\nMiB",
    ]
    notes = _notes(cases, {letter for row in rows for letter in row[-1]})
    if any(pd.isna(case["rss_peak_bytes"]) and pd.notna(case["wall_s"]) for case in cases):
        notes.append("-  peak memory of a process, unknown: less than that of the one that starts the command.")
    table = Table(
        title=title(cases[0], with_run=with_run),
        head=[*head, *(["figure\nof merit"] if figure else []), "flags"],
        rows=rows,
        sections=sections(cases),
        notes=notes,
    )
    return without_empty(table, speedup, "eff.\n%", "% per\nthread") if _lacks_baseline(cases) else table


def time_unit(cases: list[Row]) -> tuple[str, float]:
    """The unit that suits the longest wall time, and how many of it a second has."""
    return ("s", 1.0) if any(case["wall_s"] >= 10 for case in cases) else ("ms", 1e3)


def _several_blas_threads(cases: list[Row]) -> bool:
    return any(pd.notna(case["blas_threads"]) and case["blas_threads"] > 1 for case in cases)


def sections(cases: list[Row]) -> dict[int, str]:
    """A heading by the number of the first row of each interface, as it was asked for."""
    names = [section(case) for case in cases]
    return {number: name for number, name in enumerate(names) if number == 0 or name != names[number - 1]}


def section(case: Row) -> str:
    """What tells a case from others of its table, but for the number of workers: ``processes fork, 2 BLAS threads``."""
    usual = case["backend"] == PROGRAM and case["blas_threads"] == 1  # it may have no BLAS at all
    threads: str = "" if pd.isna(case["blas_threads"]) or usual else f", {count(case['blas_threads'], 'BLAS thread')}"
    return interface(case) + threads


def interface(case: "Row | pd.Series") -> str:
    """The backend of a case with its own axes: ``processes fork chunksize 16``."""
    parts = [backend(case)]
    parts += [] if pd.isna(case["binding"]) else [f"bound to {case['binding']}"]
    parts += [] if pd.isna(case["chunksize"]) else [f"chunksize {case['chunksize']}"]
    return " ".join(parts)


def backend(case: "Row | pd.Series") -> str:
    """The same without binding and chunks: ``processes fork``."""
    return " ".join(
        str(case[part]) for part in ("backend", "mpi_mode", "start_method", "distribution") if not pd.isna(case[part])
    )


def task_name(case: "Row | pd.Series") -> str:
    """What its tasks are: a kind of the built-in family, else the workload."""
    return str(case["workload"] if pd.isna(case["kind"]) else case["kind"])


def told_apart(case: "Row | pd.Series", among: pd.DataFrame, axes: Iterable[str]) -> list[str]:
    """Those axes that cases differ in, each with the value of this one; what it lacks is not named."""
    return [
        f"{axis} {case[axis]:g}" if isinstance(case[axis], float) else f"{axis} {case[axis]}"
        for axis in axes
        if pd.notna(case[axis]) and among[axis].nunique(dropna=False) > 1
    ]


def oversubscribed(case: "Row | pd.Series") -> bool:
    """Whether it is known to be."""
    return bool(pd.notna(case["oversubscribed"]) and case["oversubscribed"])


def several_nodes(case: Row) -> bool:
    """Whether it is known to be on more than one."""
    return bool(pd.notna(case["nodes"]) and case["nodes"] > 1)


def placed(case: Row) -> str:
    """How many workers a case has, and on how many nodes where those are several: ``8``, ``8 on 2``."""
    return f"{case['workers']}" + (f" on {case['nodes']}" if several_nodes(case) else "")


def heading(cases: list[Row]) -> str:
    """Of the column of :func:`placed`."""
    return "workers\non nodes" if any(map(several_nodes, cases)) else "workers"


def uneven(case: "Row | pd.Series") -> str:
    """The imbalance of its tasks, where there is one: ``, imbalance 0.5``."""
    return f", imbalance {case['imbalance']:g}" if pd.notna(case["imbalance"]) and case["imbalance"] else ""


def title(first: Row, what_of: str = "", *, with_run: bool) -> str:
    """Of a table of cases with the same work."""
    what = task_name(first)
    size: str = "" if pd.isna(first["size"]) else f" {first['size']}"
    tasks = f", {count(first['_work'], 'task')}" + (" per worker" if first["scaling"] == "weak" else "")
    if first["backend"] == PROGRAM and "{tasks}" not in what:
        tasks = ""
    variant: str = "" if pd.isna(first["variant"]) else f", variant {first['variant']}"
    run = f" (run {first['run_id']})" if with_run else ""
    return f"{first['suite']}: {what_of}{first['scaling']} scaling of {what}{size}{tasks}{uneven(first)}{variant}{run}"


def _notes(cases: list[Row], used: set[str]) -> list[str]:
    blocks = max(case["blocks"] for case in cases)
    how = (
        "95% intervals over blocks, which don't know of rare slow launches that did not happen"
        if blocks >= LEAST_BLOCKS
        else f"no intervals: they need {LEAST_BLOCKS} blocks"
    )
    none = "No baseline was measured (left out, or failed): there is no speedup and no efficiency."
    notes = [none if _lacks_baseline(cases) else _baselines(cases)]
    notes[0] += f" Median round, geometric mean of {count(blocks, 'block')}; {how}."
    notes += [f"{letter}  {meaning}" for letter, meaning in FLAGS.items() if letter in used]
    notes += _trap(cases)
    causes: dict[tuple[str, ...], int] = {}  # with the workers of the first case that has it
    for case in cases:
        if case["status"] != "ok":
            message: str = "" if pd.isna(case["message"]) else str(case["message"])
            causes.setdefault((case["backend"], case["status"], message), case["workers"])
    notes += [
        f"{'' if name == PROGRAM else name + ', '}{count(workers, 'worker')}: {status}: {brief(message)}"
        for (name, status, message), workers in causes.items()
    ]
    return notes


def _lacks_baseline(cases: list[Row]) -> bool:
    measured = [case for case in cases if pd.notna(case["wall_s"])]
    return bool(measured) and all(pd.isna(case["speedup"]) for case in measured)


def _baselines(cases: list[Row]) -> str:
    """What each ratio is against."""
    if cases[0]["backend"] == PROGRAM:
        threads = " with as many BLAS threads; of the speedup and per thread, with one" if _several_blas_threads(cases) else ""
        return f"Baseline, of the same block: the program itself with one worker{threads}."
    if not _several_blas_threads(cases):
        return "Baselines, of the same block: serial; of the relative speedup one worker of the same backend."
    return ("Baselines, of the same block: of the speedup serial with one BLAS thread, of the efficiency serial with as many BLAS "
            "threads, of the relative speedup one worker of the same backend with as many. Per thread: speedup by workers x "
            "BLAS threads.")  # fmt: skip


def _trap(cases: list[Row]) -> list[str]:
    """Of a kind that lasts as long as asked whatever got done: what seconds alone would have told."""
    kind: Kind | None = None if pd.isna(cases[0]["kind"]) else get_kind(cases[0]["kind"])
    if kind is None or not (kind.fixed_time and kind.cpu_bound):
        return []
    serial = [case["wall_s"] for case in cases if case["backend"] == "serial"]
    known = [case for case in cases if pd.notna(case["speedup"])]
    if not serial or not known or pd.isna(serial[0]):
        return []
    case = max(known, key=lambda one: one["workers"])
    apparent = serial[0] / case["wall_s"] * (case["workers"] if case["scaling"] == "weak" else 1)
    return [f"The trap: {case['kind']} lasts as long as asked, whatever got done. In seconds {case['workers']} workers of {case['backend']} "
            f"look {ratio(apparent)} times as fast; they did {ratio(case['speedup'])} times the work per second."]  # fmt: skip


def flags(case: Row) -> str:
    """The letters of :data:`FLAGS` that a case of the scaling table has."""
    found = "+" if case["efficiency_low"] > 1 + 1e-9 else ""
    found += "o" if oversubscribed(case) else ""
    asked, low, high = case["blas_threads"], case["blas_found_min"], case["blas_found_max"]
    if not (pd.isna(asked) or pd.isna(low)) and {low, high} != {asked}:
        found += "b"
    return found + _STATUS_FLAGS.get(case["status"], "")


def point(case: Row, name: str, factor: float, form: Callable[[float], str]) -> str:
    """The value alone, ``-`` where there is none."""
    return "-" if pd.isna(case[name]) else form(case[name] * factor)


def interval(case: Row, name: str, factor: float, form: Callable[[float], str]) -> str:
    """``value [low,high]``; without brackets where there is no interval, ``-`` where there is no value."""
    value = case[name] * factor
    if pd.isna(value):
        return "-"
    low, high = case[f"{name}_low"] * factor, case[f"{name}_high"] * factor
    return form(value) if pd.isna(low) else f"{form(value)} [{form(low)},{form(high)}]"
