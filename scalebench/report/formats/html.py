"""One self-contained page, that opens offline."""

from scalebench.report.formats import needs
from scalebench.results.result import Result

SUFFIX = ".html"
PRINTED = False


def render(result: Result) -> str:
    """The page."""
    needs("jinja2", "altair", "vl_convert", of="html")
    from scalebench.report.html.page import to_html

    return to_html(result)
