"""How many CPUs there are, as layers below the data: rules at the machine's counts, the oversubscribed region shaded."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from scalebench.report.charts.draw import figure, inline, setup
from scalebench.report.charts.theme import GREY, INK
from scalebench.report.tables import Row, oversubscribed
from scalebench.results.result import Result

_COUNTS = {"cpu_budget": "CPU budget", "physical_cores": "physical cores", "logical_cpus": "logical CPUs"}


def counts(result: Result, cases: Sequence[Row]) -> dict[int, str]:
    """What there is by how many there are: ``{2: "CPU budget, physical cores"}``, of the machine that these cases ran on."""
    run = str(cases[0]["run_id"])
    machine: dict[str, Any] = {}
    for about in result.runs:
        if about.get("run_id") == run:
            machine = about.get("machine", {})
    budget = [int(case["cpu_budget"]) for case in cases if pd.notna(case["cpu_budget"])]
    known = {**machine, "cpu_budget": machine.get("cpu_budget") or (max(budget) if budget else None)}
    found: dict[int, list[str]] = {}
    for key, name in _COUNTS.items():
        value = known.get(key)
        if isinstance(value, int) and value > 0:
            found.setdefault(value, []).append(name)
    return {value: ", ".join(names) for value, names in sorted(found.items())}


def least_oversubscribed(cases: Sequence[Row]) -> int:
    """The fewest workers of a case that is oversubscribed; 0 where none is."""
    return min((int(case["workers"]) for case in cases if oversubscribed(case)), default=0)


def oversubscribed_from(cases: Sequence[Row]) -> float | None:
    """Where the shade begins: between the two worker counts that the boundary lies between; None where no case is beyond."""
    least = least_oversubscribed(cases)
    if not least:
        return None
    within = [int(case["workers"]) for case in cases if int(case["workers"]) < least]
    return math.sqrt(max(within) * least) if within else least / math.sqrt(2)


def shade(cases: Sequence[Row]) -> str | None:
    """What the shade means; which set-ups it does not hold for."""
    start = oversubscribed_from(cases)
    if start is None:
        return None
    exempt = [
        setup(case)
        for case in cases
        if case["workers"] > start and pd.notna(case["oversubscribed"]) and not case["oversubscribed"]
    ]
    but = f", but not {', '.join(dict.fromkeys(exempt))}" if exempt else ""
    return f"Shaded: oversubscribed{but}."


def rules(there: dict[int, str], span: tuple[float, float]) -> str | None:
    """What the rules mean, those that the axis has."""
    seen = [f"{at} ({what})" for at, what in there.items() if span[0] < at < span[1]]
    return f"Dotted: {'; '.join(seen)}." if seen else None


def layers(there: dict[int, str], start: float | None, span: tuple[float, float], x: alt.Scale) -> list[alt.Chart]:
    """The shade and the rules, as far as they lie within the span of the axis."""
    found = []
    if start is not None:
        rows = [{"from": figure(start), "to": figure(span[1])}]
        found.append(
            alt.Chart(inline(rows)).mark_rect(color=GREY, opacity=0.16).encode(x=alt.X("from:Q", scale=x), x2=alt.X2("to:Q"))
        )
    at = [{"at": at} for at in there if span[0] < at < span[1]]
    if at:
        found.append(alt.Chart(inline(at)).mark_rule(color=INK, opacity=0.6, strokeDash=[2, 3]).encode(x=alt.X("at:Q", scale=x)))
    return found
