"""What the charts have in common: numbers and names as data, wrapped titles, the legend, the finished specification."""

import itertools
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from scalebench.errors import count, printable
from scalebench.report.charts.base import Chart
from scalebench.report.charts.theme import CONFIG, HEIGHT, colour, shape
from scalebench.report.tables import Row, Table, interface

#: what the names of :func:`place` hold
SHORT = "w: workers, b: BLAS threads of each, c: chunksize."
_TITLE, _SUBTITLE = 42, 54  #: characters that fit a telephone


def figure(value: Any, digits: int = 4) -> float | None:
    """A number with as many digits as can be seen; None where it is null."""
    return None if pd.isna(value) else float(f"{float(value):.{digits}g}")


def unique(names: Iterable[str]) -> list[str]:
    """The same names, those that come again with a number: a band of an axis is one case."""
    found: dict[str, None] = {}
    for name in names:
        free = (f"{name} ({number})" for number in itertools.count(2))
        found[name if name not in found else next(one for one in free if one not in found)] = None
    return list(found)


def setup(case: Row) -> str:
    """What a curve is of, without its BLAS threads: ``processes fork``; with its nodes where as many workers were on more, too."""
    apart = case.get("_nodes_apart", False)
    return interface(case) + (f", {count(case['nodes'], 'node')}" if apart else "")


def place(case: Row, *, threads: bool) -> str:
    """A case of a table, short: ``processes fork w2``, ``processes fork w2 b1 c16``; see :data:`SHORT`."""
    parts = [setup({**case, "chunksize": None}), f"w{case['workers']}"]
    parts += [f"b{case['blas_threads']}"] if threads and not pd.isna(case["blas_threads"]) else []
    return " ".join([*parts, *([] if pd.isna(case["chunksize"]) else [f"c{case['chunksize']}"])])


def several_threads(cases: Sequence[Row]) -> bool:
    """Whether cases differ in their BLAS threads."""
    return len({case["blas_threads"] for case in cases if not pd.isna(case["blas_threads"])}) > 1


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as data of the specification.

    In a tuple, since Altair copies lists, each time that a layer is added to another; unchecked, as in :func:`finished`.
    """
    with debug_mode(False):
        return alt.InlineData(values=tuple(dict(row) for row in rows))


def decades(values: Iterable[float]) -> list[float]:
    """Where a logarithmic axis has its ticks: powers of ten, and numbers between where those are few."""
    known = list(values)
    low, high = min(known), max(known)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = ("1",) if high / low > 300 else ("1", "2", "5") if high / low > 12 else ("1", "1.5", "2", "3", "4", "5", "7")
    ticks = [found for power in powers for step in steps if low <= (found := float(f"{step}e{power}")) <= high]
    return ticks if len(ticks) > 1 else [float(f"{low:.3g}"), float(f"{high:.3g}")]


def coloured(names: Sequence[str]) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape of each set-up, in one legend; the order is that of ``names``. Sorted by nothing: that would be an expression."""
    columns = alt.ExprRef(expr="width < 420 ? 1 : width < 560 ? 2 : 3")
    legend = alt.Legend(title=None, columns=columns)
    numbers = range(len(names))
    domain = list(names)
    return (
        alt.Color("setup:N", legend=legend, scale=alt.Scale(domain=domain, range=[colour(one) for one in numbers])),
        alt.Shape("setup:N", legend=legend, scale=alt.Scale(domain=domain, range=[shape(one) for one in numbers])),
    )


def layered(layers: Iterable[alt.Chart]) -> alt.LayerChart:
    """The first is drawn first. (A chart of layers can be one of facets by its type, not with these.)"""
    return cast("alt.LayerChart", alt.layer(*layers))


def finished(
    drawn: alt.LayerChart | alt.Chart, *, name: str, section: str, title: str, notes: Sequence[str], alternative: str, table: Table,
    marks: int, height: float | dict[str, float] = HEIGHT,
) -> Chart:  # fmt: skip
    """A chart of its layers: self-contained, as wide as the element that it is drawn in."""
    title, alternative = printable(title), printable(alternative)
    text = alt.TitleParams(text=wrapped(title, _TITLE), subtitle=wrapped(printable(" ".join(notes)), _SUBTITLE))
    whole = drawn.properties(
        width="container",
        height=alt.Step(height["step"]) if isinstance(height, dict) else height,
        title=text,
        description=alternative,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    with alt.data_transformers.enable(consolidate_datasets=False):
        spec: dict[str, Any] = whole.to_dict(validate=False)  # the tests do, of every chart: it takes a tenth of a second each
    spec["config"] = CONFIG
    spec["padding"] = {"left": 5, "right": 12, "top": 5, "bottom": 5}
    return Chart(name=name, section=section, title=title, alternative=alternative, table=table, spec=spec, marks=marks)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of a title, which Vega does not break."""
    return textwrap.wrap(text, width) or [""]
