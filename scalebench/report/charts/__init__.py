"""The charts of a report, one file each: a function ``charts(result, tables)``, registered in :data:`_ORDER`.

Not here: where a chart stands in a page, and how it is rendered.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from scalebench.errors import UsageError
from scalebench.report import INSTALL

if TYPE_CHECKING:
    from scalebench.analysis.comparison import Comparison
    from scalebench.report.charts.base import Chart
    from scalebench.results.result import Result

MOST_CASES = 500  #: of one question: the curves of more are no picture, and take minutes to draw
#: the files, in the order of the sections of a report
_ORDER = ("scaling", "losses", "threads", "timeline", "granularity", "startup", "weak", "variants")


def charts(result: "Result", files: Sequence[str] = _ORDER) -> "list[Chart]":
    """All charts that this result has data for, in the order of the sections; none of many runs or of questions with very many cases.

    Args:
        result: Of one run or several.
        files: Those of this folder that draw.
    Raises:
        UsageError: Altair is not installed.
    """
    _needs_altair()
    from scalebench.analysis.efficiency import account
    from scalebench.report.overview import MOST_RUNS
    from scalebench.report.tables import by_work

    if result.rounds.empty or result.rounds["run_id"].nunique() > MOST_RUNS:
        return []
    every = by_work(result, account(result.rounds))
    tables = [cases for cases in every if len(cases) <= MOST_CASES]
    if every and not tables:
        return []
    found: list[Chart] = []
    for name in files:
        found += import_module(f"{__name__}.{name}").charts(result, tables)
    return found


def comparison_chart(told: "Comparison") -> "Chart":
    """The ratios of a comparison, with their intervals.

    Raises:
        UsageError: Altair is not installed.
    """
    _needs_altair()
    from scalebench.report.charts.comparison import chart

    return chart(told)


def _needs_altair() -> None:
    try:
        import altair  # noqa: F401
    except ImportError as error:
        raise UsageError(f"charts need altair, which is not installed here.\nInstall: {INSTALL}") from error
