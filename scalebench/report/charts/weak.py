"""Weak scaling: the charts of ``scaling``, of the same work per worker."""

from collections.abc import Sequence

from scalebench.report.charts import scaling
from scalebench.report.charts.base import Chart
from scalebench.report.tables import Row
from scalebench.results.result import Result


def charts(result: Result, tables: Sequence[Sequence[Row]]) -> list[Chart]:
    """Scaled speedup and efficiency."""
    return scaling.charts(result, tables, "weak")
