"""Speedup and efficiency against workers: one chart for each question, a colour and shape for each set-up.

A question is a table of the report, by BLAS threads. Worker counts are whole numbers, so lines are thin: they lead the eye
from one measured count of a set-up to the next, and stop where a case in between has no figure. Points of one count
stand side by side, so that their intervals can be told apart.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.errors import count
from scalebench.report.charts import cores
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import coloured, figure, finished, inline, layered, setup
from scalebench.report.charts.laws import fitted
from scalebench.report.charts.theme import INK
from scalebench.report.numbers import percent, ratio
from scalebench.report.tables import Row, Table, flags, interval, title
from scalebench.results.result import Result

_BESIDE = 0.6  #: of the distance of two counts, that the points of one count are spread over


def charts(result: Result, tables: Sequence[Sequence[Row]], scaling: str = "strong") -> list[Chart]:
    """Both charts of every question of strong or of weak scaling."""
    questions = []
    for table in tables:
        pools = [case for case in table if case["backend"] != "serial" and case["scaling"] == scaling]
        by_threads = itertools.groupby(sorted(pools, key=_threads), key=_threads)
        found = [list(cases) for _, cases in by_threads]
        questions += [cases for cases in found if any(pd.notna(case["speedup"]) for case in cases)]
    many = len({case["run_id"] for table in tables for case in table}) > 1
    numbered = enumerate(questions, 1)
    return [_chart(result, cases, value, f"{value}-{scaling}-{number}", with_run=many)
            for number, cases in numbered for value in ("speedup", "efficiency")]  # fmt: skip


def _counts(cases: list[Row]) -> list[int]:
    """Worker counts that have a figure."""
    return sorted({int(case["workers"]) for case in cases if pd.notna(case["speedup"])})


def _threads(case: Row) -> int:
    return 0 if pd.isna(case["blas_threads"]) else int(case["blas_threads"])


def _chart(result: Result, cases: list[Row], value: str, name: str, *, with_run: bool) -> Chart:
    share = value == "efficiency"
    threads = _threads(cases[0])
    names = list(dict.fromkeys(setup(case) for case in cases))
    counts = _counts(cases)
    rows = _rows(cases, names, counts, share=share)
    span = (counts[0] / 2**0.5, counts[-1] * 2**0.5)
    x = alt.Scale(type="log", base=2, domain=[figure(end) for end in span], nice=False)
    y = _scale(rows, counts, max(threads, 1), share=share)
    law_rows, laws = _laws(result, cases, names, share=share)
    start, there = cores.oversubscribed_from(cases), cores.counts(result, cases)
    drawn = layered(
        (
            *cores.layers(there, start, span, x),
            *_ideal(span, max(threads, 1), x, y, share=share),
            *_fitted_lines(law_rows, laws, names, x, y),
            *_points(rows, names, counts, x, y, share=share),
        )
    ).resolve_scale(strokeDash="independent")
    what = "efficiency" if share else "scaled speedup" if cases[0]["scaling"] == "weak" else "speedup"
    heading = f"{what.capitalize()} · {title(cases[0], with_run=with_run)}" + (
        f", {count(threads, 'BLAS thread')}" if threads else ""
    )
    blocks = max(case["blocks"] for case in cases)
    beside = "points of one count stand side by side, " if len(names) > 1 else ""
    notes = [
        "95% intervals over blocks;" if blocks >= LEAST_BLOCKS else f"No intervals: they need {LEAST_BLOCKS} blocks;",
        f"{beside}lines only lead the eye.",
        *(note for note in (cores.rules(there, span), cores.shade(cases)) if note),
    ]
    return finished(
        drawn, name=name, section="weak" if cases[0]["scaling"] == "weak" else "scaling", title=heading, notes=notes,
        alternative=_alternative(cases, names, there, what, value, laws), table=_table(cases, heading, what, value), marks=len(rows),
    )  # fmt: skip


def _rows(cases: list[Row], names: list[str], counts: list[int], *, share: bool) -> list[dict[str, Any]]:
    """A row a point; ``part`` tells the pieces of a line, ``x`` stands beside the count that is meant."""
    value, factor = ("efficiency", 100.0) if share else ("speedup", 1.0)
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        part = 0
        beside = _beside(number, len(names), counts)
        for case in (one for one in cases if setup(one) == name):
            if pd.isna(case[value]):
                part += 1  # it failed: the line ends here
                continue
            told = _told(case, value) + (" %" if share else "")
            rows.append({
                "setup": name, "workers": int(case["workers"]), "x": figure(case["workers"] * beside), "part": f"{number}.{part}",
                "value": figure(case[value] * factor), "low": figure(case[f"{value}_low"] * factor),
                "high": figure(case[f"{value}_high"] * factor), "told": told,
                "says": f"{name}, {count(int(case['workers']), 'worker')}: {told}",
            })  # fmt: skip
    return rows


def _beside(number: int, setups: int, counts: list[int]) -> float:
    """How many times its count a set-up stands beside it; less where the axis has many counts."""
    gaps = [math.log2(after / before) for before, after in itertools.pairwise(counts)]
    room = _BESIDE * min([0.6, *gaps]) / max(1.0, len(counts) / 3)
    return float(2 ** (room * ((number + 0.5) / setups - 0.5)))


def _told(case: Row, value: str) -> str:
    return interval(case, value, 100.0, percent) if value == "efficiency" else interval(case, value, 1.0, ratio)


def _scale(rows: list[dict[str, Any]], counts: list[int], threads: int, *, share: bool) -> alt.Scale:
    if share:
        most = max([110.0, *(row["high"] or row["value"] for row in rows)])
        return alt.Scale(domain=[0, figure(min(most, 3 * max(row["value"] for row in rows) + 110) * 1.03)], nice=False)
    least = min([counts[0], *(row["low"] or row["value"] for row in rows)])
    most = max([counts[-1] * threads if counts[-1] <= 8 else 0, *(row["high"] or row["value"] for row in rows)])
    return alt.Scale(type="log", base=2, domain=[figure(least / 1.15), figure(most * 1.15)], nice=False)


def _axis_x(counts: list[int]) -> alt.Axis:
    return alt.Axis(title="workers", values=counts, format="d", grid=False, labelOverlap="greedy")


def _axis_y(*, share: bool) -> alt.Axis:
    if share:
        return alt.Axis(title="efficiency, %", tickCount=6)
    return alt.Axis(title="speedup over serial", values=[2.0**power for power in range(-10, 21)], format="~g")


def _ideal(span: tuple[float, float], threads: int, x: alt.Scale, y: alt.Scale, *, share: bool) -> list[alt.Chart]:
    rows = [{"x": end, "y": 100 if share else end * threads, "told": "ideal"} for end in span]
    base = alt.Chart(inline(rows)).encode(x=alt.X("x:Q", scale=x), y=alt.Y("y:Q", scale=y))
    top = float(y.to_dict()["domain"][1])
    end = span[1] if share else min(span[1], top / 1.1 / threads)  # where the line leaves the chart
    label = alt.Chart(inline([{"x": figure(end), "y": 100 if share else figure(end * threads), "told": "ideal"}]))
    return [
        base.mark_line(color=INK, opacity=0.7, strokeDash=[6, 4], strokeWidth=1.2, clip=True),
        label.mark_text(dx=-2 if share else -8, dy=-6 if share else 0, align="right", fontSize=10, opacity=0.9).encode(
            x=alt.X("x:Q", scale=x), y=alt.Y("y:Q", scale=y), text="told:N"
        ),
    ]


def _laws(result: Result, cases: list[Row], names: list[str], *, share: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of the curves, and the law of each set-up that has one."""
    rows: list[dict[str, Any]] = []
    laws = {}
    counts = _counts(cases)
    for number, name in enumerate(names):
        line = fitted(result.rounds, [case for case in cases if setup(case) == name], "efficiency" if share else "speedup")
        if line is None:
            continue
        laws[name] = line.title
        beside = _beside(number, len(names), counts)  # as its points, which it goes with
        rows += [
            {"setup": name, "law": line.title, "x": figure(at * beside), "value": figure(100 * one / at if share else one)}
            for at, one in zip(line.workers, line.speedup, strict=True)
        ]
    return rows, laws


def _fitted_lines(
    rows: list[dict[str, Any]], laws: dict[str, str], names: list[str], x: alt.Scale, y: alt.Scale
) -> list[alt.Chart]:
    if not rows:
        return []
    titles = sorted(set(laws.values()))
    dashes = alt.Scale(domain=titles, range=[[1, 0], [8, 3], [2, 2]][: len(titles)])
    colour, _ = coloured(names)
    return [
        alt.Chart(inline(rows)).mark_line(strokeWidth=2, opacity=0.8, clip=True).encode(
            x=alt.X("x:Q", scale=x), y=alt.Y("value:Q", scale=y), color=colour,
            strokeDash=alt.StrokeDash("law:N", scale=dashes, legend=alt.Legend(title="fitted law", columns=1, symbolType="stroke", symbolSize=500)),
        )
    ]  # fmt: skip


def _points(
    rows: list[dict[str, Any]], names: list[str], counts: list[int], x: alt.Scale, y: alt.Scale, *, share: bool
) -> list[alt.Chart]:
    colour, shape = coloured(names)
    across = alt.X("x:Q", scale=x, axis=_axis_x(counts))
    base = alt.Chart(inline(rows)).encode(x=across, color=colour)
    up = alt.Y("value:Q", scale=y, axis=_axis_y(share=share))
    told = [
        alt.Tooltip("setup:N", title="set-up"),
        alt.Tooltip("workers:Q"),
        alt.Tooltip("told:N", title="efficiency" if share else "speedup"),
    ]
    with_interval = inline([row for row in rows if row["low"] is not None])
    return [
        base.mark_line(strokeWidth=0.8, opacity=0.6).encode(y=up, detail="part:N"),
        alt.Chart(with_interval).mark_rule(strokeWidth=1.6, clip=True).encode(
            x=across, color=colour, y=alt.Y("low:Q", scale=y, axis=_axis_y(share=share)), y2=alt.Y2("high:Q")
        ),
        base.mark_point(filled=True, size=70).encode(y=up, shape=shape, tooltip=told, description="says:N").properties(name=DATA),
    ]  # fmt: skip


def _table(cases: list[Row], heading: str, what: str, value: str) -> Table:
    rows = [[setup(case), str(case["workers"]), _told(case, value), flags(case)] for case in cases]
    unit = ", %" if value == "efficiency" else ""
    return Table(title=heading, head=["set-up", "workers", what + unit, "flags"], rows=rows, sections={}, notes=[])


def _alternative(cases: list[Row], names: list[str], there: dict[int, str], what: str, value: str, laws: dict[str, str]) -> str:
    unit = " %" if value == "efficiency" else ""
    ends = []
    for name in names:
        curve = [case for case in cases if setup(case) == name and pd.notna(case[value])]
        if curve:
            first, last = curve[0], curve[-1]
            start = f"{_told(first, value)}{unit} at {count(first['workers'], 'worker')}, " if len(curve) > 1 else ""
            law = f" ({laws[name]})" if name in laws else ""
            ends.append(f"{name}: {start}{_told(last, value)}{unit} at {count(last['workers'], 'worker')}{law}.")
    machine = "; ".join(f"{at}: {told}" for at, told in there.items())
    kept = [f"The machine: {machine}."] if machine else []
    if shade := cores.shade(cases):
        since = f"Oversubscribed from {count(cores.least_oversubscribed(cases), 'worker')} on"
        kept.append(shade.replace("Shaded: oversubscribed", since))
    threads = _threads(cases[0])
    ideal = "100 %" if value == "efficiency" else f"{threads} for each worker" if threads > 1 else "one more for each worker"
    return " ".join([f"{what.capitalize()} against workers, for {count(len(names), 'set-up')}; ideal is {ideal}.", *ends, *kept])
