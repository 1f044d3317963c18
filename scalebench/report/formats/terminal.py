"""Tables of 80 columns, plain; in colour they are printed by ``scalebench.report.terminal``."""

from scalebench.report.terminal import report_text
from scalebench.results.result import Result

SUFFIX = ".txt"
PRINTED = True


def render(result: Result) -> str:
    """Plain text."""
    return report_text(result)
