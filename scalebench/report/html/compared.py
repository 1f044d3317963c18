"""What a page compares: machines, else runs, and the variants of a run."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from scalebench.analysis.comparison import comparison
from scalebench.errors import ScalebenchError
from scalebench.report.charts import comparison_chart
from scalebench.report.charts.base import Chart
from scalebench.report.compare import comparison_tables
from scalebench.report.tables import Table
from scalebench.results.result import Result

MOST_SIDES = 8  #: that are compared in one page


@dataclass(slots=True, kw_only=True)
class Compared:
    """One comparison, drawn and told; or why there is none."""

    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compared(result: Result) -> list[Compared]:
    """All comparisons that a result holds."""
    return [_told(name, sides, number) for number, (name, sides) in enumerate(_questions(result), 1)]


def _questions(result: Result) -> Iterator[tuple[str, list[tuple[str, Result]]]]:
    machines = result.rounds["machine_id"].dropna().unique()
    runs = result.rounds["run_id"].dropna().unique()
    if len(machines) > 1:
        yield "machines", [(str(one), _part(result, result.rounds["machine_id"].eq(one))) for one in machines]
    elif len(runs) > 1:
        yield "runs", [(str(one), _part(result, result.rounds["run_id"].eq(one))) for one in runs]
    for run in runs:
        part = _part(result, result.rounds["run_id"].eq(run))
        if part.rounds["variant"].nunique() > 1:
            yield f"variants of run {run}", [(f"variants of run {run}", part)]


def _part(result: Result, rows: "pd.Series[bool]") -> Result:
    """Some of the runs; no comparison looks at tasks."""
    rounds = result.rounds[rows.fillna(False).to_numpy(dtype=bool)]
    runs = set(rounds["run_id"])
    abouts = [about for about in result.runs if about.get("run_id") in runs]
    return replace(result, rounds=rounds, about={"runs": abouts})


def _told(name: str, sides: list[tuple[str, Result]], number: int) -> Compared:
    if len(sides) > MOST_SIDES:
        return Compared(notes=[f"{len(sides)} {name} are more than a page can compare: see scalebench compare."])
    try:
        told = comparison(sides)
    except ScalebenchError as error:
        return Compared(notes=[f"The {name} could not be compared: {error}"])
    return Compared(charts=[replace(comparison_chart(told), name=f"comparison-{number}")], tables=comparison_tables(told))
