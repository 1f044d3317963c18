"""Pipe tables, that render anywhere."""

from scalebench.report.markdown import to_markdown
from scalebench.results.result import Result

SUFFIX = ".md"
PRINTED = True


def render(result: Result) -> str:
    """All tables, then the doubts."""
    return to_markdown(result) + "\n"
