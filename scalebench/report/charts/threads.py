"""Workers x BLAS threads: a cell a case, its colour the work per second, its text that and the wall time."""

import itertools
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import figure, finished, inline, layered, setup, several_threads
from scalebench.report.charts.theme import INK, SEQUENTIAL
from scalebench.report.numbers import number, ratio
from scalebench.report.tables import Row, Table, interval, oversubscribed, time_unit, title
from scalebench.results.result import Result

SERIAL = "serial"  #: the column of serial, which has the threads without the pool


def charts(_: Result, tables: Sequence[Sequence[Row]]) -> list[Chart]:
    """One for each set-up that was measured with several BLAS threads."""
    found: list[Chart] = []
    many = len({case["run_id"] for table in tables for case in table}) > 1
    for table in tables:
        known = [case for case in table if pd.notna(case["blas_threads"]) and pd.notna(case["wall_s"])]
        serial = [case for case in known if case["backend"] == "serial"]
        pools = sorted((case for case in known if case["backend"] != "serial"), key=setup)
        for _setup, cases in itertools.groupby(pools, key=setup):
            pool = list(cases)
            if several_threads(pool):
                found.append(_chart(serial, pool, f"threads-{len(found) + 1}", with_run=many))
    return found


def _chart(serial: list[Row], pool: list[Row], name: str, *, with_run: bool) -> Chart:
    cases = [*serial, *sorted(pool, key=lambda case: (case["workers"], case["blas_threads"]))]
    unit, factor = time_unit(cases)
    ratios = all(pd.notna(case["speedup"]) for case in cases)  # else there was no baseline: seconds only
    rows = _cells(cases, unit, factor, ratios=ratios)
    columns = list(dict.fromkeys(row["workers"] for row in rows))
    threads = [str(one) for one in sorted({int(case["blas_threads"]) for case in cases}, reverse=True)]
    heading = f"{setup(pool[0])} · {title(pool[0], 'workers x BLAS threads of ', with_run=with_run)}"
    colour = "Colour: work per second over serial with one BLAS thread" if ratios else "Colour: wall time"
    beyond = any(row["oversubscribed"] for row in rows)
    notes = [f"{colour}; median round.", *(["Framed, o: oversubscribed."] if beyond else [])]
    return finished(
        _drawn(rows, columns, threads, unit, ratios=ratios), name=name, section="threads", title=heading, notes=notes,
        alternative=_alternative(rows), table=_table(cases, heading, unit, factor), marks=len(rows), height={"step": 56},
    )  # fmt: skip


def _cells(cases: list[Row], unit: str, factor: float, *, ratios: bool) -> list[dict[str, Any]]:
    value = {True: "speedup", False: "wall_s"}[ratios]
    least, most = (pick(case[value] for case in cases) for pick in (min, max))
    rows = []
    for case in cases:
        beyond = oversubscribed(case)
        rows.append({
            "workers": SERIAL if case["backend"] == SERIAL else str(case["workers"]), "blas_threads": str(case["blas_threads"]),
            "value": figure(case[value] * (1 if ratios else factor)), "wall": f"{number(case['wall_s'] * factor)} {unit}",
            "told": (f"{ratio(case['speedup'])}x" if ratios else "") + (" o" if beyond else ""), "oversubscribed": beyond,
            "bright": bool(case[value] > least + 0.6 * (most - least)),
        })  # fmt: skip
    return rows


def _drawn(rows: list[dict[str, Any]], columns: list[str], threads: list[str], unit: str, *, ratios: bool) -> alt.LayerChart:
    x = alt.X("workers:N", title="workers", scale=alt.Scale(domain=columns), axis=alt.Axis(labelAngle=0))
    y = alt.Y("blas_threads:N", title="BLAS threads", scale=alt.Scale(domain=threads))
    legend = alt.Legend(title="speedup" if ratios else f"wall {unit}", gradientLength=180, direction="horizontal")
    colour = alt.Color("value:Q", legend=legend, scale=alt.Scale(scheme=SEQUENTIAL, zero=False, nice=False))
    ink = alt.when("datum.bright").then(alt.value("black")).otherwise(alt.value("white"))
    base = alt.Chart(inline(rows)).encode(x=x, y=y)
    framed = alt.Chart(inline([row for row in rows if row["oversubscribed"]])).encode(x=x, y=y)
    told = [alt.Tooltip("workers:N"), alt.Tooltip("blas_threads:N", title="BLAS threads"), alt.Tooltip("wall:N"),
            *([alt.Tooltip("value:Q", title="speedup")] if ratios else []), alt.Tooltip("oversubscribed:N")]  # fmt: skip
    return layered(
        (
            base.mark_rect(width={"band": 0.96}, height={"band": 0.92}).encode(color=colour, tooltip=told).properties(name=DATA),
            framed.mark_rect(
                width={"band": 0.96}, height={"band": 0.92}, filled=False, stroke=INK, strokeWidth=2.5, strokeDash=[6, 4]
            ),
            base.mark_text(dy=-8, fontSize=12, fontWeight=600).encode(text="wall:N", color=ink),
            base.mark_text(dy=9).encode(text="told:N", color=ink),
        )
    )


def _table(cases: list[Row], heading: str, unit: str, factor: float) -> Table:
    rows = [
        [SERIAL if case["backend"] == SERIAL else str(case["workers"]), str(case["blas_threads"]),
         interval(case, "wall_s", factor, number), interval(case, "speedup", 1.0, ratio),
         "o" if oversubscribed(case) else ""]
        for case in cases
    ]  # fmt: skip
    head = ["workers", "BLAS threads", f"wall {unit}", "speedup", "flags"]
    return Table(title=heading, head=head, rows=rows, sections={}, notes=[])


def _alternative(rows: list[dict[str, Any]]) -> str:
    told = []
    for row in rows:
        who = SERIAL if row["workers"] == SERIAL else count(int(row["workers"]), "worker")
        more = f", {row['told'].removesuffix(' o')}" if row["told"].removesuffix(" o") else ""
        beyond = ", oversubscribed" if row["oversubscribed"] else ""
        told.append(f"{who}, {count(int(row['blas_threads']), 'BLAS thread')}: {row['wall']}{more}{beyond}.")
    return " ".join(["A grid of workers by BLAS threads, a cell a case, brighter is faster.", *told])
