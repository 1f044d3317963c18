"""A result as a notebook shows it: the answer, doubts, charts, tables; and the same as plain text.

Promises: every text of a result is escaped, so that a name can't run; no script, no link, no request; no colours, so that
the notebook's own hold, dark ones too. Charts are pictures (SVG drawn by vl-convert), which every notebook shows; without
the extra ``report`` there are tables only, and a line says so. Not here: the page that opens in a browser.
"""

import base64
from collections.abc import Iterable
from html import escape
from importlib import import_module
from typing import Any, TypeVar

from scalebench.errors import UsageError, count, printable
from scalebench.report import INSTALL
from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.overview import MOST_RUNS, overview_table
from scalebench.report.recommend import recommend_texts
from scalebench.report.tables import Table, explained_by, findings_by_code, scaling_tables
from scalebench.report.terminal import advice_text, report_text
from scalebench.results.result import Result

GET_CHARTS = f"Charts are drawn where altair is installed: {INSTALL}"

_STYLE = """<style>
.scalebench table { border-collapse: collapse; margin: .4em 0; font-variant-numeric: tabular-nums; }
.scalebench td, .scalebench th { text-align: right; padding: .1em .6em; white-space: nowrap; }
.scalebench td:last-child, .scalebench th:last-child, .scalebench th[scope=rowgroup] { text-align: left; }
.scalebench caption { text-align: left; font-weight: bold; white-space: nowrap; }
.scalebench .charts { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start; }
.scalebench img { max-width: 100%; background: white; }
.scalebench p { margin: .3em 0; max-width: 50em; } .scalebench summary { cursor: pointer; margin: .6em 0; }
</style>"""

T = TypeVar("T")


class Shown(list[T]):
    """What was found, and how it shows itself: sentences and a table each, as the command line prints them."""

    def __init__(self, found: Iterable[T], advice: Iterable[tuple[list[str], Table]]) -> None:
        super().__init__(found)
        self._advice = list(advice)

    def __repr__(self) -> str:
        return advice_text(self._advice).rstrip()

    def _repr_html_(self) -> str:
        return _whole(
            [part for sentences, table in self._advice for part in (*_sentences(table.title, sentences), to_html(table))]
        )


def as_text(result: Result) -> str:
    """The report; of another tool's file, what can be done with it."""
    return "\n".join(_of_another_tool(result)) or report_text(result).rstrip()


def as_html(result: Result, charts: Iterable[str] = ()) -> str:
    """The answer, doubts, charts and tables; of many runs the overview alone."""
    if notes := _of_another_tool(result):
        return _whole(map(_paragraph, notes))
    if result.rounds["run_id"].nunique() > MOST_RUNS:
        return _whole([to_html(overview_table(result))])
    parts = [part for sentences, table in recommend_texts(result) for part in _sentences(table.title, sentences)]
    doubts = findings_by_code(result)
    parts += map(_paragraph, [*(f"{code}  {text}" for code, text in doubts), *explained_by(doubts)])
    parts += charts
    groups = {
        "Scaling": scaling_tables(result),
        "Where the efficiency went": account_tables(result),
        "Granularity": granularity_tables(result),
    }
    parts += [_group(name, map(to_html, tables), opened=name == "Scaling") for name, tables in groups.items() if tables]
    place = "" if result.path is None else f": {result.path}"
    rounds = result.rounds
    parts.append(_paragraph(f"{count(rounds['case_id'].nunique(), 'case')}, {count(len(rounds), 'round')}{place}"))
    return _whole(parts)


def figures(result: Result) -> list[str]:
    """Every chart of the result as a picture with its text alternative; a line on how to get them where they can't be drawn."""
    if _of_another_tool(result) or result.rounds["run_id"].nunique() > MOST_RUNS:
        return []
    try:
        draw = import_module("vl_convert").vegalite_to_svg
        found = import_module("scalebench.report.charts").charts(result)
    except (ImportError, UsageError):
        return [_paragraph(GET_CHARTS)]
    drawn = [_picture(chart, draw(chart.spec)) for chart in found]
    return [_group("Charts", ['<div class="charts">', *drawn, "</div>"], opened=True)] if drawn else []


def _picture(chart: Any, svg: str) -> str:
    # as an image: nothing in a picture can run, whatever a name holds
    data = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="{_text(f"{chart.title}: {chart.alternative}")}" src="data:image/svg+xml;base64,{data}">'


def to_html(table: Table) -> str:
    """One table with its notes; a heading of a section is a row of its own."""
    lines = [f"<caption>{_text(table.title)}</caption>"] if table.title else []
    if table.rows and any(table.head):
        lines.append("<thead><tr>" + "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.head) + "</tr></thead>")
    lines.append("<tbody>")
    for index, row in enumerate(table.rows):
        if index in table.sections:
            heading = _text(table.sections[index])
            lines.append(f'<tr><th scope="rowgroup" colspan="{len(table.head)}">{heading}</th></tr>')
        lines.append("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>")
    return "\n".join(["<table>", *lines, "</tbody>", "</table>", *(_paragraph(note) for note in table.notes if note)])


def _of_another_tool(result: Result) -> list[str]:
    tools = sorted({str(about["tool"]) for about in result.runs if "tool" in about})
    if not tools:
        return []
    return [f"{count(len(result.rounds), 'round')} of {' and '.join(tools)}, in .rounds: {result.path}",
            f"No worker counts stand in them, so there is no scaling to show. Compare: scalebench compare {result.path} OTHER"]  # fmt: skip


def _group(name: str, parts: Iterable[str], *, opened: bool) -> str:
    return "\n".join([f"<details{' open' * opened}><summary><b>{_text(name)}</b></summary>", *parts, "</details>"])


def _sentences(title: str, sentences: list[str]) -> list[str]:
    return [f"<p><b>{_text(title)}</b><br>{_text(' '.join(sentences))}</p>"] if sentences else []


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _text(text: str) -> str:
    """The one way by which text of a result gets into the page."""
    return escape(printable(text)).replace("\n", "<br>")


def _whole(parts: Iterable[str]) -> str:
    return "\n".join(['<div class="scalebench">', _STYLE, *parts, "</div>"])
