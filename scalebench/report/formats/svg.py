"""The charts as drawings, sharp at any size."""

from scalebench.report.pictures import pictures
from scalebench.results.result import Result

SUFFIX = ".svg"
PRINTED = False


def render(result: Result) -> dict[str, str]:
    """By the name of the chart."""
    import vl_convert

    return pictures(result, "svg", lambda spec, version: vl_convert.vegalite_to_svg(spec, version))
