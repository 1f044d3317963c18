"""How charts look: colours that colour-blind people tell apart, on white paper as on a dark page.

Text and axes have the colour of the page's text (``currentColor``; black in a picture of its own), the background is that of
the page. Every colour of data has a contrast of 3 or more against white and against #15181c, and set-ups differ in shape too.

Source: Okabe and Ito 2008, "Color Universal Design", https://jfly.uni-koeln.de/color/; yellow, orange and sky blue are left
out or darkened, since they vanish on white.
"""

from typing import Any, Literal

INK = "currentColor"
#: blue, vermilion, bluish green, reddish purple; orange and sky blue, darkened; violet
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#3A93C9", "#7A6FD0"]
GREY = "#808080"
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
WIDTH = 640  #: pixels, of a picture that is not in a page
HEIGHT = 260
_FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
#: from slow to fast; printed in grey it stays in order
SEQUENTIAL: Literal["viridis"] = "viridis"

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None, "continuousWidth": WIDTH, "discreteWidth": WIDTH, "continuousHeight": HEIGHT},
    "title": {"color": INK, "subtitleColor": INK, "anchor": "start", "frame": "bounds", "fontSize": 13, "fontWeight": 600,
              "subtitleFontSize": 11, "subtitlePadding": 5, "offset": 12, "subtitleLineHeight": 15, "lineHeight": 18},
    "axis": {"labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK, "gridOpacity": 0.12,
             "domainOpacity": 0.5, "tickOpacity": 0.5, "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": 500,
             "labelLimit": 170},
    "legend": {"labelColor": INK, "titleColor": INK, "orient": "bottom", "labelFontSize": 11.5, "titleFontSize": 11.5,
               "titleFontWeight": 500, "labelLimit": 250, "columnPadding": 14, "symbolStrokeWidth": 2, "offset": 12,
               "symbolOpacity": 1},
    "text": {"color": INK, "fontSize": 11, "aria": False},  # only marks of data speak to a screen reader
    "rule": {"color": INK, "aria": False},
    "line": {"aria": False},
    "point": {"filled": True, "opacity": 1, "size": 60},
    "locale": {"number": {"decimal": ".", "thousands": "", "grouping": [3], "currency": ["", ""]}},
}  # fmt: skip


def colour(number: int) -> str:
    """Of the set-up with that number."""
    return COLOURS[number % len(COLOURS)]


def shape(number: int) -> str:
    """Of the set-up with that number; with its colour no two alike of the first 56."""
    return SHAPES[number % len(SHAPES)]
