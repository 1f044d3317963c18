"""The variants of one run, compared block by block: the chart of ``comparison``."""

from typing import Any

from scalebench.analysis.comparison import comparison
from scalebench.errors import ResultsError
from scalebench.report.charts.base import Chart
from scalebench.report.charts.comparison import chart
from scalebench.results.result import Result


def charts(result: Result, _: Any) -> list[Chart]:
    """One, where a single run has variants that share a case."""
    if result.rounds["run_id"].nunique() != 1 or result.rounds["variant"].nunique() < 2:
        return []
    try:
        return [chart(comparison([("variants", result)]))]
    except ResultsError:  # no case ran well in two of them
        return []
