"""The tables of a report, as text cells: one for each suite, so that every format shows the same.

A cell with an interval reads ``value [low,high]``. Not here: how a table is drawn.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scalebench.analysis.granularity import sweeps
from scalebench.analysis.scaling import scaling
from scalebench.errors import brief
from scalebench.results.load import Result
from scalebench.workloads.kinds import get_kind

FLAGS = {
    "o": "oversubscribed: more threads wanted a CPU than there are",
    "b": "BLAS threads found are not those asked for",
    "d": "answers differ from the serial reference",
    "f": "failed, crashed or timed out in some block",
    "u": "unavailable here",
    "s": "skipped: refused, or given up after failing twice",
}
_STATUS_FLAGS = {"mismatch": "d", "failed": "f", "crashed": "f", "timeout": "f", "unavailable": "u", "skipped": "s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A title, a head and rows of text; ``sections`` holds a heading by the number of the row that it stands above."""

    title: str
    head: list[str]
    rows: list[list[str]]
    sections: dict[int, str]
    notes: list[str]


def scaling_tables(result: Result) -> list[Table]:
    """A strong or weak scaling table for every suite of every run, and workload in it."""
    whole = scaling(result.rounds)
    of_sizes = sweeps(result.rounds)  # a table for each size would say less than their one of granularity
    shown = [key not in of_sizes for key in zip(whole["run_id"], whole["suite"], strict=True)]
    whole = whole[np.array(shown, dtype=bool)].copy()  # an array: an empty list would select no columns instead of no rows
    order = list(dict.fromkeys(_suite_order(result, whole)))
    keys = ["run_id", "suite", "scaling", "workload", "kind", "size", "imbalance", "_work"]
    whole["_work"] = whole["tasks"].where(whole["scaling"] != "weak", whole["tasks"] // whole["workers"])
    groups = [group for _, group in whole.groupby(keys, dropna=False, sort=False)]
    groups.sort(key=lambda group: (group["run_id"].iloc[0], order.index(group["suite"].iloc[0])))
    many = whole["run_id"].nunique() > 1
    return [_table(group, with_run=many) for group in groups]


def findings_by_code(result: Result) -> list[tuple[str, str]]:
    """Each code once, with the sentence of its first finding and how many more cases it holds for."""
    by_code: dict[str, list[str]] = {}
    for finding in result.findings:
        by_code.setdefault(str(finding.get("code")), []).append(str(finding.get("text")))
    return [
        (code, texts[0] + (f" (and {len(texts) - 1} more cases)" if len(texts) > 1 else ""))
        for code, texts in sorted(by_code.items())
    ]


def _suite_order(result: Result, whole: pd.DataFrame) -> list[str]:
    study = result.about.get("study")
    named = list(study.get("suites", {})) if isinstance(study, dict) else []
    return [*named, *whole["suite"].unique()]


def _table(cases: pd.DataFrame, *, with_run: bool) -> Table:
    first = cases.iloc[0]
    unit, factor = ("s", 1.0) if cases["wall_s"].max() >= 10 else ("ms", 1e3)
    scaled = first["scaling"] == "weak"
    head = [
        "workers",
        "blas",
        f"wall {unit}",
        "scaled speedup" if scaled else "speedup",
        "efficiency %",
        f"start {unit}",
        "flags",
    ]
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    last = None
    order = ["_serial", "backend", "mpi_mode", "start_method", "distribution", "binding", "chunksize", "workers", "blas_threads"]
    cases = cases.assign(_serial=cases["backend"] != "serial").sort_values(order, kind="stable")
    for _, case in cases.iterrows():
        name = " ".join(
            str(case[part]) for part in ("backend", "mpi_mode", "start_method", "distribution") if not pd.isna(case[part])
        )
        name += "" if pd.isna(case["binding"]) else f" bound to {case['binding']}"
        name += "" if pd.isna(case["chunksize"]) else f" chunksize {case['chunksize']}"
        if name != last:
            sections[len(rows)] = last = name
        rows.append([
            str(case["workers"]),
            "-" if pd.isna(case["blas_threads"]) else str(case["blas_threads"]),
            interval(case, "wall_s", factor, number),
            interval(case, "speedup", 1.0, ratio),
            interval(case, "efficiency", 100.0, percent),
            number(case["startup_s"] * factor),
            flags(case),
        ])  # fmt: skip
    used = {letter for row in rows for letter in row[-1]}
    return Table(title=_title(first, with_run=with_run), head=head, rows=rows, sections=sections, notes=_notes(cases, used))


def _title(first: pd.Series, *, with_run: bool) -> str:
    what = first["kind"] if not pd.isna(first["kind"]) else first["workload"]
    size = "" if pd.isna(first["size"]) else f" {first['size']}"
    spread = f", imbalance {first['imbalance']:g}" if not pd.isna(first["imbalance"]) and first["imbalance"] else ""
    tasks = f"{first['_work']} tasks per worker" if first["scaling"] == "weak" else f"{first['_work']} tasks"
    run = f" (run {first['run_id']})" if with_run else ""
    return f"{first['suite']}: {first['scaling']} scaling of {what}{size}, {tasks}{spread}{run}"


def _notes(cases: pd.DataFrame, used: set[str]) -> list[str]:
    blocks = cases["blocks"].max()
    how = "95% intervals over blocks" if blocks >= 3 else "no intervals: they need 3 blocks"
    lacking = cases["wall_s"].notna().any() and cases["speedup"].isna().all()
    baseline = "No baseline was measured (left out, or failed)." if lacking else "Baseline: serial, one BLAS thread, same block."
    notes = [f"{baseline} Median round, geometric mean of {blocks} blocks; {how}."]
    notes += [f"{letter}  {meaning}" for letter, meaning in FLAGS.items() if letter in used]
    notes += _trap(cases)
    for _, case in cases[cases["status"] != "ok"].drop_duplicates(["backend", "status", "message"]).iterrows():
        message = "" if pd.isna(case["message"]) else brief(str(case["message"]))
        notes.append(f"{case['backend']}, {case['workers']} workers: {case['status']}: {message}")
    return notes


def _trap(cases: pd.DataFrame) -> list[str]:
    """Of a kind that lasts as long as asked whatever got done: what seconds alone would have told."""
    kind = None if pd.isna(cases["kind"].iloc[0]) else get_kind(cases["kind"].iloc[0])
    if kind is None or not (kind.fixed_time and kind.cpu_bound):
        return []
    serial = cases.loc[cases["backend"] == "serial", "wall_s"]
    most = cases.loc[cases["speedup"].notna()].nlargest(1, "workers")
    if serial.empty or most.empty or pd.isna(serial.iloc[0]):
        return []
    case = most.iloc[0]
    apparent = serial.iloc[0] / case["wall_s"] * (case["workers"] if case["scaling"] == "weak" else 1)
    return [f"The trap: {case['kind']} lasts as long as asked, whatever got done. In seconds {case['workers']} workers of {case['backend']} "
            f"look {ratio(apparent)} times as fast; they did {ratio(case['speedup'])} times the work per second."]  # fmt: skip


def printable(text: str) -> str:
    """Text without control characters: a message comes from any program, and must not steer a terminal."""
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)


def flags(case: pd.Series) -> str:
    """The letters of :data:`FLAGS` that a case of the scaling table has."""
    found = "o" if not pd.isna(case["oversubscribed"]) and case["oversubscribed"] else ""
    asked, low, high = case["blas_threads"], case["blas_found_min"], case["blas_found_max"]
    if not (pd.isna(asked) or pd.isna(low)) and {low, high} != {asked}:
        found += "b"
    return found + _STATUS_FLAGS.get(case["status"], "")


def interval(case: pd.Series, name: str, factor: float, form: Callable[[float], str]) -> str:
    """``value [low,high]``; without brackets where there is no interval, ``-`` where there is no value."""
    value = case[name] * factor
    if pd.isna(value):
        return "-"
    low, high = case[f"{name}_low"] * factor, case[f"{name}_high"] * factor
    return form(value) if pd.isna(low) else f"{form(value)} [{form(low)},{form(high)}]"


def number(value: float) -> str:
    """Three significant digits, without an exponent from 0.001 to a million."""
    if pd.isna(value):
        return "-"
    if value and math.isfinite(value):
        value = float(f"{value:.3g}") if abs(value) < 1000 else value
    if value == 0 or not 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def ratio(value: float) -> str:
    """Two decimals, fewer from ten on."""
    return f"{value:.2f}" if round(value, 2) < 10 else number(value)


def percent(value: float) -> str:
    """Whole percents, one decimal below ten."""
    return f"{value:.0f}" if round(value, 1) >= 10 else f"{value:.1f}"


def duration(seconds: float) -> str:
    """Three significant digits in the unit that suits: ``390 ns``, ``4.60 us``, ``1.20 ms``, ``12.5 s``."""
    for unit, factor in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if float(f"{seconds * factor:.3g}") < 1000:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds)} s"
