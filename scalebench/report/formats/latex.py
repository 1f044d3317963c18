"""Tables to ``\\input`` in a LaTeX document."""

from scalebench.report.latex import to_latex
from scalebench.results.result import Result

SUFFIX = ".tex"
PRINTED = True


def render(result: Result) -> str:
    """All tables, then the doubts."""
    return to_latex(result)
