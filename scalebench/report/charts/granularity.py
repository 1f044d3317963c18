"""How short may a task be? Efficiency against granularity, one chart an interface, and METG(50%) of all in one more."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.analysis.granularity import CURVE, HALF, SWEEP, curves, granularity
from scalebench.analysis.scaling import on_several_nodes
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import (
    SHORT,
    coloured,
    decades,
    figure,
    finished,
    inline,
    layered,
    place,
    setup,
    several_threads,
    unique,
)
from scalebench.report.charts.theme import COLOURS, INK
from scalebench.report.numbers import duration
from scalebench.report.tables import Row, Table, point, task_name
from scalebench.results.result import Result

_ORDER = [
    "run_id",
    "suite",
    "backend",
    "mpi_mode",
    "start_method",
    "distribution",
    "binding",
    "imbalance",
    "nodes",
    "workers",
    "blas_threads",
    "chunksize",
]
_PANEL = [name for name in CURVE if name != "chunksize"]  #: what one chart is of
_OVER_WORKERS = [name for name in _PANEL if name not in ("workers", "nodes")]


def charts(result: Result, _: Any) -> list[Chart]:
    """Of every suite that sweeps sizes."""
    points = curves(result.rounds)
    points = points[points["efficiency"].notna()]
    if points.empty:
        return []
    limits = granularity(result.rounds).sort_values(_ORDER, kind="stable")
    limits["_nodes_apart"] = on_several_nodes(limits, _OVER_WORKERS)
    limits["_imbalance_apart"] = limits.groupby(SWEEP, dropna=False)["imbalance"].transform("nunique").gt(1)
    many = points["run_id"].nunique() > 1
    found: list[Chart] = []
    for _sweep, mine in limits.groupby(SWEEP, dropna=False, sort=False):
        pools = mine[mine["backend"] != "serial"]
        if len(pools):
            found.append(_limits(pools, f"metg-{len(found) + 1}", with_run=many))
    for number, (_panel, mine) in enumerate(limits[limits["backend"] != "serial"].groupby(_PANEL, dropna=False, sort=False), 1):
        found.append(_curves(points, mine, f"granularity-{number}", with_run=many))
    return found


def _title(first: Row, what: str, *, with_run: bool) -> str:
    variant: str = "" if pd.isna(first["variant"]) else f", variant {first['variant']}"
    run = f" (run {first['run_id']})" if with_run else ""
    return f"{first['suite']}: {what} of {task_name(first)}{variant}{run}"


def _curves(points: pd.DataFrame, limits: pd.DataFrame, name: str, *, with_run: bool) -> Chart:
    """The curves of one interface, by chunk size."""
    found: list[Row] = list(limits.sort_values("chunksize", na_position="first").to_dict("records"))
    names = [_chunk(one) for one in found]
    rows = [row for one, label in zip(found, names, strict=True) for row in _points(points, one, label)]
    marked = [
        {"setup": label, "at": figure(one["metg_s"]), "half": 100 * HALF, "told": _metg(one)}
        for one, label in zip(found, names, strict=True)
        if one["bound"] == "crossed"
    ]
    first = found[0]
    interface = f"{setup({**first, 'chunksize': None})}, {count(first['workers'], 'worker')}{_imbalance(first)}"
    interface += "" if pd.isna(first["blas_threads"]) else f", {count(first['blas_threads'], 'BLAS thread')}"
    heading = f"{interface} · {_title(first, 'efficiency by granularity', with_run=with_run)}"
    return finished(
        _drawn(rows, marked, names), name=name, section="granularity", title=heading,
        notes=["Granularity: worker time that one task costs, overhead included. Rings: METG(50%), where half of the best serial rate is "
               "kept. Points: geometric means."],
        alternative=f"Efficiency against granularity, for {interface}. " + " ".join(
            f"{label}: {_ends(rows, label)}; METG(50%) {_metg(one)}." for one, label in zip(found, names, strict=True)),
        table=Table(title=heading, head=["set-up", "size", "granularity", "efficiency, %"], sections={}, notes=[],
                    rows=[[row["setup"], row["size"], duration(row["granularity"]), f"{row['efficiency']:.3g}"] for row in rows]),
        marks=len(rows),
    )  # fmt: skip


def _imbalance(one: Row) -> str:
    """Where curves of its sweep differ in it."""
    return f", imbalance {one['imbalance']:g}" if one["_imbalance_apart"] else ""


def _chunk(one: Row) -> str:
    return "default chunks" if pd.isna(one["chunksize"]) else f"chunksize {one['chunksize']}"


def _points(points: pd.DataFrame, limit: Row, label: str) -> list[dict[str, Any]]:
    """Of one curve, from the longest task to the shortest, by their work."""
    here = pd.Series(data=True, index=points.index)
    for column in CURVE:
        here &= points[column].isna() if pd.isna(limit[column]) else points[column].eq(limit[column]).fillna(False).astype(bool)
    mine = points[here]
    order = (mine["granularity_s"] * mine["efficiency"]).sort_values(ascending=False).index
    return [
        {"setup": label, "size": "-" if pd.isna(one["size"]) else str(one["size"]), "place": number, "granularity": figure(one["granularity_s"]),
         "efficiency": figure(one["efficiency"] * 100), "told": duration(one["granularity_s"])}
        for number, one in enumerate(mine.loc[order].to_dict("records"))
    ]  # fmt: skip


def _ends(rows: Sequence[dict[str, Any]], label: str) -> str:
    mine = [row for row in rows if row["setup"] == label]
    if not mine:
        return "no points"
    return f"{mine[0]['efficiency']:.3g} % at {mine[0]['told']}, {mine[-1]['efficiency']:.3g} % at {mine[-1]['told']}"


def _metg(one: Row) -> str:
    if one["bound"] == "below":
        return f"below {duration(one['shortest_s'])}"
    if one["bound"] == "above":
        return "not reached: no task was long enough"
    if one["blocks"] < LEAST_BLOCKS:
        return duration(one["metg_s"])
    low, high = (point(one, end, 1.0, duration) for end in ("metg_s_low", "metg_s_high"))
    return f"{duration(one['metg_s'])} [{low},{high}]"


def _seconds(values: Sequence[float], title: str) -> tuple[alt.Scale, alt.Axis]:
    """A logarithmic axis of seconds, told in the unit that suits: with format s, 0.001 is 1m."""
    ends = [min(values) / 1.3, max(values) * 1.3]
    scale = alt.Scale(type="log", domain=list(map(figure, ends)), nice=False)
    label = "replace(format(datum.value, '~s'), 'µ', 'u') + 's'"
    return scale, alt.Axis(title=title, values=decades(ends), labelExpr=label, labelOverlap="greedy")


def _drawn(rows: list[dict[str, Any]], marked: list[dict[str, Any]], names: list[str]) -> alt.LayerChart:
    scale, axis = _seconds([row["granularity"] for row in rows], "granularity per task (logarithmic)")
    colour, shape = coloured(names)
    x = alt.X("granularity:Q", scale=scale, axis=axis)
    top = max([100.0, *(row["efficiency"] for row in rows)])
    up = alt.Scale(domain=[0, figure(top * 1.05)], nice=False)
    y = alt.Y("efficiency:Q", scale=up, axis=alt.Axis(title="efficiency, %", tickCount=6))
    base = alt.Chart(inline(rows)).encode(x=x, y=y, color=colour)
    half = alt.Chart(inline([{"half": 100 * HALF}])).mark_rule(color=INK, opacity=0.7, strokeDash=[6, 4])
    rings = alt.Chart(inline(marked)).mark_point(filled=False, size=190, strokeWidth=2.2, shape="circle")
    tips = [
        alt.Tooltip("setup:N", title="set-up"),
        alt.Tooltip("size:N"),
        alt.Tooltip("told:N", title="granularity"),
        alt.Tooltip("efficiency:Q"),
    ]
    layers = [
        half.encode(y=alt.Y("half:Q", scale=up)),
        base.mark_line(strokeWidth=1.2, opacity=0.8).encode(order="place:Q"),
        base.mark_point(filled=True, size=55).encode(shape=shape, tooltip=tips).properties(name=DATA),
    ]
    if marked:
        ring = rings.encode(x=alt.X("at:Q", scale=scale), y=alt.Y("half:Q", scale=up), color=colour,
                            tooltip=[tips[0], alt.Tooltip("told:N", title="METG(50%)")])  # fmt: skip
        layers.append(ring)
    return layered(layers)


def _limits(limits: pd.DataFrame, name: str, *, with_run: bool) -> Chart:
    """METG of every interface and chunk size; an arrow where it lies outside the sweep."""
    found: list[Row] = list(limits.to_dict("records"))
    threads = several_threads(found)
    labels = unique(place(one, threads=threads) + _imbalance(one) for one in found)
    rows = []
    for one, label in zip(found, labels, strict=True):
        if one["bound"] == "above":  # no figure to stand anywhere
            continue
        below = one["bound"] == "below"
        rows.append({"case": label, "metg": figure(one["shortest_s"] if below else one["metg_s"]), "low": figure(one["metg_s_low"]),
                     "high": figure(one["metg_s_high"]), "told": _metg(one), "where": "below the sweep" if below else "METG(50%)"})  # fmt: skip
    heading = _title(found[0], "METG(50%)", with_run=with_run)
    told = [f"{label}: {_metg(one)}." for one, label in zip(found, labels, strict=True)]
    lacking = [label for one, label in zip(found, labels, strict=True) if one["bound"] == "above"]
    notes = ["Worker time per task at which half of the best serial rate is kept; less is better. 95% intervals, where both ends lie in the sweep.",
             *([f"Not reached: {', '.join(lacking)}."] if lacking else [])]  # fmt: skip
    return finished(
        _limits_drawn(rows, labels), name=name, section="granularity", title=heading, notes=notes, height={"step": 22}, marks=len(rows),
        alternative=" ".join([f"METG(50%) of {count(len(found), 'set-up')}, on a logarithmic axis of time.", *told]),
        table=Table(title=heading, head=["set-up", "METG(50%)"], rows=[[label, _metg(one)] for one, label in zip(found, labels, strict=True)],
                    sections={}, notes=[SHORT]),
    )  # fmt: skip


def _limits_drawn(rows: list[dict[str, Any]], labels: list[str]) -> alt.LayerChart:
    values = [value for row in rows for value in (row["metg"], row["low"], row["high"]) if value] or [1e-6, 1.0]
    scale, axis = _seconds(values, "METG(50%) (logarithmic)")
    y = alt.Y("case:N", title=None, scale=alt.Scale(domain=labels))
    where = ["METG(50%)", "below the sweep"]
    used = [one for one in where if any(row["where"] == one for row in rows)] or where[:1]
    shape = alt.Shape("where:N", scale=alt.Scale(domain=used, range=[{"METG(50%)": "circle"}.get(one, "triangle-left") for one in used]),
                      legend=alt.Legend(title=None, columns=1))  # fmt: skip
    spread = alt.Chart(inline([row for row in rows if row["low"] and row["high"]]))
    tips = [alt.Tooltip("case:N", title="set-up"), alt.Tooltip("told:N", title="METG(50%)")]
    return layered((
        spread.mark_rule(color=COLOURS[0], strokeWidth=1.6).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q", y=y),
        alt.Chart(inline(rows)).mark_point(filled=True, size=70, color=COLOURS[0])
        .encode(x=alt.X("metg:Q", scale=scale, axis=axis), y=y, shape=shape, tooltip=tips).properties(name=DATA),
    ))  # fmt: skip
