"""Where the efficiency went: a bar a case, what is left of 100 and the points that went to each loss.

A gain is a negative loss: it stands left of 0, and the bar reaches as far beyond 100. So what stands right of 0 less
what stands left of it is always 100.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.analysis.efficiency import LOSSES
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import SHORT, figure, finished, inline, layered, place, several_threads, unique
from scalebench.report.charts.theme import COLOURS, GREY, INK
from scalebench.report.numbers import percent
from scalebench.report.tables import Row, Table, title
from scalebench.results.result import Result

LEFT = "efficiency"  #: the part that is left
#: a colour for each part, the same in every chart
_COLOURS = {
    LEFT: GREY, "cpu_wait": COLOURS[1], "waiting": COLOURS[4], "cpu_availability": "#8C6D31", "cpu_cost": COLOURS[3],
    "computation_scalability": COLOURS[5], "load_balance": COLOURS[0], "dispatch_efficiency": COLOURS[2],
    "baseline_overhead": COLOURS[6],
}  # fmt: skip
_NAMES = {"cpu_wait": "CPU wait", "waiting": "waiting: GIL, lock, I/O, sleep", "cpu_availability": "CPU availability",
          "cpu_cost": "CPU cost", LEFT: "efficiency left"}  # fmt: skip
_LEAST = 0.1  #: points, below which a part is not drawn
#: whether a piece is wide enough for its number, in pixels
_READABLE = "(datum.to > datum.from ? datum.to - datum.from : datum.from - datum.to) * width > 2600"


def charts(_: Result, tables: Sequence[Sequence[Row]]) -> list[Chart]:
    """One chart for each table of the report that has accounts."""
    found: list[Chart] = []
    many = len({case["run_id"] for table in tables for case in table}) > 1
    for table in tables:
        pools = [case for case in table if case["backend"] != "serial" and pd.notna(case["efficiency"])]
        if any(pd.notna(case["baseline_overhead"]) for case in pools):
            found.append(_chart(pools, f"losses-{len(found) + 1}", with_run=many))
    return found


def name_of(part: str) -> str:
    """A part in words."""
    return _NAMES.get(part, part.replace("_", " "))


def parts(case: Row) -> dict[str, float]:
    """Points of efficiency by part; they sum to 100. Empty where there is no account."""
    if pd.isna(case["baseline_overhead"]):
        return {}
    losses = {name: case[f"lost_to_{name}"] * 100 for name in LOSSES if pd.notna(case[f"lost_to_{name}"])}
    return {LEFT: case["efficiency"] * 100, **losses}


def _chart(cases: list[Row], name: str, *, with_run: bool) -> Chart:
    threads = several_threads(cases)
    labels = unique(place(case, threads=threads) for case in cases)
    accounts = dict(zip(labels, (parts(case) for case in cases), strict=True))
    rows = [row for label, account in accounts.items() for row in pieces(label, account)]
    used = [part for part in _COLOURS if any(row["part"] == name_of(part) for row in rows)]
    drawn = _drawn(rows, [label for label in labels if accounts[label]], used)
    heading = title(cases[0], "losses of ", with_run=with_run)
    gains = any(row["to"] < row["from"] for row in rows)
    notes = [
        "Points of 100: the efficiency left, and what each loss took.",
        *(["Left of 0 are gains; with them the bar passes 100 by as much."] if gains else []),
    ]
    return finished(drawn, name=name, section="losses", title=heading, notes=notes, alternative=_alternative(accounts),
                    table=_table(accounts, heading), marks=len(rows), height={"step": 22})  # fmt: skip


def pieces(label: str, account: Mapping[str, float]) -> list[dict[str, Any]]:
    """The pieces of one bar; from and to are where each begins and ends."""
    rows = []
    right = left = 0.0
    for part, points in account.items():
        begin = right if points >= 0 else left
        right, left = right + max(points, 0.0), left + min(points, 0.0)
        if abs(points) >= _LEAST:
            rows.append({"case": label, "part": name_of(part), "from": figure(begin), "to": figure(begin + points),
                         "points": round(points, 1), "told": percent(points)})  # fmt: skip
    return rows


def _drawn(rows: list[dict[str, Any]], labels: list[str], used: list[str]) -> alt.LayerChart:
    names = [name_of(part) for part in used]
    legend = alt.Legend(title=None, columns=alt.ExprRef(expr="width < 420 ? 1 : 3"), symbolType="square")
    colour = alt.Color("part:N", legend=legend, scale=alt.Scale(domain=names, range=[_COLOURS[part] for part in used]))
    least, most = (pick([limit, *(row["to"] for row in rows)]) for pick, limit in ((min, 0.0), (max, 100.0)))
    across = alt.X("from:Q", title="points", scale=alt.Scale(domain=[figure(least), figure(most)], nice=False))
    down = alt.Y("case:N", title=None, scale=alt.Scale(domain=labels))
    told = [alt.Tooltip("case:N"), alt.Tooltip("part:N", title="went to"), alt.Tooltip("points:Q")]
    base = alt.Chart(inline(rows)).encode(y=down)
    text = alt.Chart(inline([{**row, "middle": figure((row["from"] + row["to"]) / 2)} for row in rows if row["points"] >= 2]))
    ends = alt.Chart(inline([{"at": 0}, {"at": 100}])).mark_rule(color=INK, opacity=0.6).encode(x="at:Q")
    return layered(
        (
            base.mark_bar(height={"band": 0.8}).encode(x=across, x2="to:Q", color=colour, tooltip=told).properties(name=DATA),
            text.mark_text(color="white", fontSize=10, fontWeight=600).encode(
                x=alt.X("middle:Q"), y=down, text="told:N", opacity=alt.when(_READABLE).then(alt.value(1)).otherwise(alt.value(0))
            ),
            ends,
        )
    )


def _table(accounts: Mapping[str, Mapping[str, float]], heading: str) -> Table:
    used = [part for part in _COLOURS if any(part in account for account in accounts.values())]
    rows = [
        [label, *(f"{account[part]:.1f}" if part in account else "-" for part in used)] for label, account in accounts.items()
    ]
    notes = ["Points; a negative loss is a gain. -: not told apart, or no account.", SHORT]
    return Table(title=heading, head=["case", *map(name_of, used)], rows=rows, sections={}, notes=notes)


def _alternative(accounts: Mapping[str, Mapping[str, float]]) -> str:
    told = []
    for label, account in accounts.items():
        if not account:
            told.append(f"{label}: no account.")
            continue
        worst = max((part for part in account if part != LEFT), key=lambda part: account[part])
        most = f", most lost: {percent(account[worst])} to {name_of(worst)}" if account[worst] >= 0.5 else ", nothing lost"
        told.append(f"{label}: {percent(account[LEFT])} left{most}.")
    return " ".join([f"Stacked bars of 100 points for {count(len(accounts), 'case')}: efficiency left, and losses.", *told])
