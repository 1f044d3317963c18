"""What starting a pool costs: a point a launch, a mark at their geometric mean, the interval over blocks.

Of MPI the start counts from ``mpiexec``, interpreters included; of others it counts in the host, once it is up. So the
two have charts of their own. What the workers load differs by workload, so each workload has its own too.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from scalebench.analysis.scaling import launches, on_several_nodes
from scalebench.analysis.statistics import over_blocks
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import SHORT, decades, figure, finished, inline, layered, place, several_threads
from scalebench.report.charts.theme import COLOURS, INK
from scalebench.report.numbers import duration
from scalebench.report.tables import Table, task_name
from scalebench.results.result import Result

_WORK = ["run_id", "workload", "kind", "variant", "_mpi"]
_SETUP = ["backend", "mpi_mode", "start_method", "distribution", "binding", "chunksize"]


def charts(result: Result, _: Any) -> list[Chart]:
    """One for each workload, of MPI and of the rest."""
    chosen = launches(result.rounds)
    chosen = chosen[chosen["backend"].ne("serial") & chosen["startup_s"].gt(0)]
    chosen = chosen.assign(_mpi=chosen["backend"].str.startswith("mpi"))
    many = chosen["run_id"].nunique() > 1
    groups = [group for _, group in chosen.groupby(_WORK, dropna=False, sort=False)]
    return [_chart(group, f"startup-{number}", with_run=many) for number, group in enumerate(groups, 1)]


def _chart(chosen: pd.DataFrame, name: str, *, with_run: bool) -> Chart:
    first = chosen.iloc[0]
    chosen = chosen.sort_values([*_SETUP, "nodes", "workers", "blas_threads", "block"], kind="stable")
    chosen = chosen.assign(_nodes_apart=on_several_nodes(chosen, [*_SETUP, "blas_threads"]))
    cases: Sequence[Any] = chosen.to_dict("records")
    threads = several_threads(cases)
    chosen = chosen.assign(label=[place(case, threads=threads) for case in cases])
    # the same pool starts for several suites: its launches of one block count once, else a block would count twice
    by_block = np.exp(np.log(chosen["startup_s"]).groupby([chosen["label"], chosen["block"]], sort=False).mean())
    means = over_blocks(by_block, [by_block.index.get_level_values("label").to_series(index=by_block.index)])
    points = [
        {"setup": one["label"], "block": int(one["block"]), "start": figure(one["startup_s"] * 1e3), "told": duration(one["startup_s"])}
        for one in chosen.to_dict("records")
    ]  # fmt: skip
    labels = list(dict.fromkeys(chosen["label"]))
    middles = [
        {"setup": label, "start": figure(one["value"] * 1e3), "low": figure(one["low"] * 1e3), "high": figure(one["high"] * 1e3),
         "told": _told(one)}
        for label, one in ((label, means.loc[label]) for label in labels)
    ]  # fmt: skip
    where = "mpiexec, interpreters included" if first["_mpi"] else "in the host, until every worker is set up"
    run = f" (run {first['run_id']})" if with_run else ""
    variant = f", variant {first['variant']}" if pd.notna(first["variant"]) else ""
    heading = f"Start-up of {'MPI' if first['_mpi'] else 'pools'}, {task_name(first)}{variant}{run}"
    notes = [
        f"Counted {'from ' if first['_mpi'] else ''}{where}. A ring a launch; tick and line: geometric mean, 95% interval over blocks."
    ]
    return finished(
        _drawn(points, middles, labels), name=name, section="startup", title=heading, notes=notes, height={"step": 24},
        alternative=_alternative(heading, middles), marks=len(points),
        table=Table(title=heading, head=["case", "launches", "start [95%]"], sections={}, notes=[SHORT], rows=[
            [one["setup"], str(sum(point["setup"] == one["setup"] for point in points)), one["told"]] for one in middles]),
    )  # fmt: skip


def _told(mean: "pd.Series[Any]") -> str:
    value = duration(float(mean["value"]))
    return value if pd.isna(mean["low"]) else f"{value} [{duration(float(mean['low']))},{duration(float(mean['high']))}]"


def _drawn(points: list[dict[str, Any]], middles: list[dict[str, Any]], labels: list[str]) -> alt.LayerChart:
    values = [value for row in (*points, *middles) for value in (row["start"], row.get("low"), row.get("high")) if value]
    ends = [min(values) / 1.15, max(values) * 1.15]
    scale = alt.Scale(type="log", domain=list(map(figure, ends)), nice=False)
    axis = alt.Axis(title="start, ms (logarithmic)", format="~g", values=decades(ends))
    x = alt.X("start:Q", scale=scale, axis=axis)
    y = alt.Y("setup:N", title=None, scale=alt.Scale(domain=labels))
    mean = alt.Chart(inline(middles)).encode(y=y)
    spread = alt.Chart(inline([row for row in middles if row["low"] is not None])).encode(y=y)
    tips = [alt.Tooltip("setup:N", title="case"), alt.Tooltip("block:Q"), alt.Tooltip("told:N", title="start")]
    return layered((
        spread.mark_rule(color=INK, strokeWidth=1.2, opacity=0.7).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"),
        mean.mark_tick(color=INK, thickness=2.5, height=15).encode(x=x, tooltip=[tips[0], tips[2]]),
        alt.Chart(inline(points)).mark_point(filled=False, color=COLOURS[0], size=36, strokeWidth=1.5, opacity=0.9)
        .encode(x=x, y=y, tooltip=tips).properties(name=DATA),
    ))  # fmt: skip


def _alternative(heading: str, middles: list[dict[str, Any]]) -> str:
    told = [f"{one['setup']}: {one['told']}." for one in middles]
    return " ".join([f"{heading}, for {count(len(middles), 'case')}, on a logarithmic axis of milliseconds.", *told])
