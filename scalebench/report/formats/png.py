"""The charts as pictures of points, twice as fine as a screen."""

from scalebench.report.pictures import pictures
from scalebench.results.result import Result

SUFFIX = ".png"
PRINTED = False
SCALE = 2.0


def render(result: Result) -> dict[str, bytes]:
    """By the name of the chart."""
    import vl_convert

    return pictures(result, "png", lambda spec, version: vl_convert.vegalite_to_png(spec, version, scale=SCALE))
