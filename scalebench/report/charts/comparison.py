"""A comparison as a forest plot: a ratio with its interval for every case that two sides share."""

from typing import Any

import altair as alt
import pandas as pd

from scalebench.analysis.compare import CANT_TELL, DIFFERS, FASTER, SAME, SLOWER, label
from scalebench.analysis.comparison import Comparison
from scalebench.analysis.scaling import SHOWN, on_several_nodes
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import SHORT, figure, finished, inline, layered, place, several_threads, unique
from scalebench.report.charts.theme import COLOURS, GREY, INK
from scalebench.report.compare import letter
from scalebench.report.numbers import fine_ratio
from scalebench.report.tables import Row, Table

_OVER_WORKERS = ["side", *(name for name in SHOWN if name not in ("suite", "workers", "nodes", "tasks"))]
#: verdict -> colour and shape
_LOOKS = {
    SLOWER: (COLOURS[1], "triangle-right"), FASTER: (COLOURS[2], "triangle-left"), DIFFERS: (COLOURS[4], "diamond"),
    SAME: (COLOURS[0], "square"), CANT_TELL: (GREY, "circle"),
}  # fmt: skip


def chart(told: Comparison) -> Chart:
    """All cases of all sides, in the order of the tables."""
    found: list[Row] = list(told.found.assign(_nodes_apart=on_several_nodes(told.found, _OVER_WORKERS)).to_dict("records"))
    several = len(told.sides) > 2
    short, shared = _labels(found)
    labels = unique((f"{letter(case['side'])}: " if several else "") + one for case, one in zip(found, short, strict=True))
    rows = [_row(case, name) for case, name in zip(found, labels, strict=True)]
    names = [one.name for one in told.sides]
    heading = f"{', '.join(names[1:])} against {names[0]}" + (f": {shared}" if shared else "")
    kinds = set(told.found["replicates"])
    notes = [
        "Time over that of the baseline; right of 1 is slower.",
        f"Shaded: a change below {told.margin:.1%}, which makes no difference.",
        "95% intervals of each case alone; verdicts hold for all together."
        if kinds != {"rounds"}
        else "No intervals: fewer than three launches a side.",
        *([", ".join(f"{letter(at)}: {one}" for at, one in enumerate(names)) + "."] if several else []),
    ]
    return finished(
        _drawn(rows, labels, told.margin), name="comparison", section="comparison", title=heading, notes=notes,
        alternative=_alternative(heading, rows), table=_table(rows, heading), marks=len(rows), height={"step": 20},
    )  # fmt: skip


def _labels(cases: list[Row]) -> tuple[list[str], str]:
    """The cases, short, without what they all share; and that."""
    ours = [case for case in cases if pd.notna(case["backend"])]
    works = [" ".join(str(case[name]) for name in ("scaling", "kind", "size") if pd.notna(case[name])) for case in ours]
    workloads = {case["workload"] for case in ours}
    alike = len(ours) == len(cases) and len(set(works)) == 1 and len(workloads) == 1
    threads = several_threads(ours)
    named = {id(case): "" if alike else f"{work} " if len(workloads) == 1 else f"{case['workload']} {work} "
             for case, work in zip(ours, works, strict=True)}  # fmt: skip
    labels = [named[id(case)] + place(case, threads=threads) if id(case) in named else label(case) for case in cases]
    return labels, works[0] if alike else ""


def _row(case: Row, name: str) -> dict[str, Any]:
    ends: str = "" if pd.isna(case["ratio_low"]) else f" [{fine_ratio(case['ratio_low'])},{fine_ratio(case['ratio_high'])}]"
    return {"case": name, "ratio": figure(case["ratio"], 5), "low": figure(case["ratio_low"], 5), "high": figure(case["ratio_high"], 5),
            "verdict": str(case["verdict"]), "told": fine_ratio(case["ratio"]) + ends}  # fmt: skip


def _drawn(rows: list[dict[str, Any]], labels: list[str], margin: float) -> alt.LayerChart:
    values = [value for row in rows for value in (row["ratio"], row["low"], row["high"]) if value]
    centre = [row["ratio"] for row in rows]
    # an interval of three blocks may reach a hundred times as far as all else: it is cut at the edge, with its figures in the table
    low = max(min([1 - margin, *values]), min(centre) / 4)
    high = min(max([1 + margin, *values]), max(centre) * 4)
    scale = alt.Scale(
        type="log", base=2, domain=[figure(min(low, 1 - margin) / 1.04), figure(max(high, 1 + margin) * 1.04)], nice=False
    )
    axis = alt.Axis(title="ratio of times (logarithmic)", format="~g", tickCount=6)
    used = [verdict for verdict in _LOOKS if any(row["verdict"] == verdict for row in rows)]
    legend = alt.Legend(title=None, columns=alt.ExprRef(expr="width < 420 ? 2 : 5"))
    colour = alt.Color("verdict:N", legend=legend, scale=alt.Scale(domain=used, range=[_LOOKS[one][0] for one in used]))
    shape = alt.Shape("verdict:N", legend=legend, scale=alt.Scale(domain=used, range=[_LOOKS[one][1] for one in used]))
    y = alt.Y("case:N", title=None, scale=alt.Scale(domain=labels))
    tips = [alt.Tooltip("case:N"), alt.Tooltip("told:N", title="ratio"), alt.Tooltip("verdict:N")]
    equal = alt.Chart(inline([{"from": figure(1 - margin), "to": figure(1 + margin), "at": 1}]))
    with_interval = alt.Chart(inline([row for row in rows if row["low"] is not None]))
    return layered((
        equal.mark_rect(color=GREY, opacity=0.22).encode(x=alt.X("from:Q", scale=scale, axis=axis), x2="to:Q"),
        equal.mark_rule(color=INK, opacity=0.7).encode(x=alt.X("at:Q", scale=scale, axis=axis)),
        with_interval.mark_rule(strokeWidth=1.6, clip=True).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q", y=y, color=colour),
        alt.Chart(inline(rows)).mark_point(filled=True, size=60).encode(
            x=alt.X("ratio:Q", scale=scale, axis=axis), y=y, color=colour, shape=shape, tooltip=tips).properties(name=DATA),
    ))  # fmt: skip


def _table(rows: list[dict[str, Any]], heading: str) -> Table:
    cells = [[row["case"], row["told"], row["verdict"]] for row in rows]
    return Table(title=heading, head=["case", "ratio [95%]", "verdict"], rows=cells, sections={}, notes=[SHORT])


def _alternative(heading: str, rows: list[dict[str, Any]]) -> str:
    verdicts = [f"{sum(row['verdict'] == verdict for row in rows)} {verdict}" for verdict in _LOOKS
                if any(row["verdict"] == verdict for row in rows)]  # fmt: skip
    ends = sorted(rows, key=lambda row: float(row["ratio"]))
    extremes = f"From {ends[0]['told']} ({ends[0]['case']}) to {ends[-1]['told']} ({ends[-1]['case']})."
    return f"Ratios of times, {heading}, for {count(len(rows), 'case')}: {', '.join(verdicts)}. {extremes}"
