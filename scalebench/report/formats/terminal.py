"""Tables of 80 columns; in colour where they are printed, plain in a file."""

from scalebench.report.terminal import print_report, report_text
from scalebench.results.load import Result

SUFFIX = ".txt"
PRINTED = True


def render(result: Result) -> str:
    """Plain text."""
    return report_text(result)


def show(result: Result) -> None:
    """On the standard output, as the terminal there takes it."""
    print_report(result)
