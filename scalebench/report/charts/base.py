"""What a chart is: a specification that draws itself anywhere, what it shows in words, and the data as a table.

The width of a chart is that of the element that it is drawn in, 640 pixels where there is none. The layer that draws the
data is called ``data``, so in SVG its marks are the children of the group of class :data:`MARKS`.
"""

from dataclasses import dataclass
from typing import Any

from scalebench.report.tables import Table

DATA = "data"  #: name of the layer whose marks are counted
MARKS = f"{DATA}_marks"  #: class of its group in SVG


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture, as Vega-Lite."""

    name: str  #: of the chart, unique in a page: ``speedup-strong-1``; letters, digits, hyphens
    section: str  #: ``answer``, ``scaling``, ``losses``, ``threads``, ``timeline``, ``granularity``, ``startup``, ``weak``, ``comparison``
    title: str  #: plain text
    alternative: str  #: what the picture shows, in sentences, for who can't see it
    table: Table  #: the data that is drawn, as text cells
    spec: dict[str, Any]  #: Vega-Lite 6, data inline (values), no URL, no expression made of names in the data
    marks: int  #: how many marks of data the chart draws (points, bars or cells): as it is when it opens
