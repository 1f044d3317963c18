"""The page: what a report has to say, section by section, in one file that opens offline.

Promises: no request, of the network or of files; nothing runs but the scripts of this package and Vega's, told by their
digests in the Content-Security-Policy, and none of them evaluates text as code (Vega's expressions are interpreted).
All text of a result passes Jinja's autoescape, or JSON with ``<``, ``>``, ``&`` escaped.
Not here: what is said (``content``), how a chart looks (``report.charts``).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from scalebench.errors import printable, shortened
from scalebench.report.charts.base import Chart
from scalebench.report.html.content import page_title, sections
from scalebench.report.tables import LONGEST_TEXT, Table
from scalebench.results.result import Result

_HERE = Path(__file__).parent
_LONG = 8  #: rows, from which on a table has a filter
#: ``203 [180,229]``, ``~84``, ``4.60 us``, ``1e+06``
_FIGURE = re.compile(r"[~+-]?\d+(\.\d+)?(e[+-]?\d+)?%?( ?(ns|us|ms|s))?( \[[^\]]*\])?")
_OPTION = re.compile(r"--[a-z]+(-[a-z]+)*( \d+)?", re.ASCII)
_NO_FIGURE = ("", "-", "never", "~never")


def to_html(result: Result) -> str:
    """The page of a result, of one run or several."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"spec": _spec, "note": chart_note, "numeric": numeric_columns, "options": _options}
    result = _with_short_texts(result)
    found = sections(result)
    style = _file("page.css")
    # without a chart there is nothing that Vega would draw
    scripts = [*([vega()] if any(section.charts for section in found) else []), _file("page.js")]
    return environment.get_template("page.html.j2").render(
        title=page_title(result),
        policy=policy(scripts, [style]),
        style=Markup(style),  # noqa: S704  files of this package, and Vega's
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        sections=[section for section in found if section.has_content],
        missing=[section.title for section in found if not section.has_content],
        long=_LONG,
    )


def _with_short_texts(result: Result) -> Result:
    """A name of a million characters would stand in dozens of places of a page, and in its charts."""
    rounds = result.rounds.copy(deep=False)
    for name in rounds.columns[rounds.dtypes == "string"]:
        if any(len(one) > LONGEST_TEXT for one in rounds[name].dropna().unique()):
            rounds[name] = rounds[name].map(_short, na_action="ignore").astype("string")
    return Result(rounds, lambda: result.tasks, _short(result.about), result.path)


def _short(value: Any) -> Any:
    """A text, or the texts in a JSON value."""
    if isinstance(value, dict):
        return {_short(key): _short(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(map(_short, value))
    return shortened(value, LONGEST_TEXT) if isinstance(value, str) else value


def _shown(value: object) -> object:
    """What any ``{{ }}`` of the template shows: no control character, no bidirectional override. Markup is of this package."""
    return printable(value) if type(value) is str else value


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """The Content-Security-Policy under which exactly these run and nothing is fetched."""
    allowed = {"script-src": scripts, "style-src": styles}
    told = [f"{name} {' '.join(map(_digest, texts))}" for name, texts in allowed.items()]
    return "; ".join(["default-src 'none'", *told, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script: it takes vl-convert seconds to put together."""
    import vl_convert

    script: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub lacks its default
    # an HTML parser must not see an end or a comment in it, nor change its line ends: the digest is of what it reads
    ended = re.sub("</(script)", r"<\\/\1", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")
    return ended.replace("\r\n", "\n").replace("\r", "\n")


def _spec(chart: Chart) -> Any:
    """A chart as JSON that can stand in a script element; its title and notes are headings and text of the page."""
    from jinja2.utils import htmlsafe_json_dumps

    drawn = {name: value for name, value in chart.spec.items() if name not in ("title", "description")}
    return htmlsafe_json_dumps(drawn, partial(json.dumps, allow_nan=False, separators=(",", ":")))


def _options(text: str) -> Any:
    """Text with each option, as ``--blocks 15``, in an element of its own: a browser would break the line behind its hyphens."""
    from markupsafe import Markup, escape

    return Markup(_OPTION.sub(r'<span class="option">\g<0></span>', str(escape(printable(text)))))  # noqa: S704  escaped, then a span


def chart_note(chart: Chart) -> str:
    """What its subtitle says."""
    title = chart.spec.get("title")
    lines = title.get("subtitle", []) if isinstance(title, dict) else []
    return lines if isinstance(lines, str) else " ".join(lines)


def numeric_columns(table: Table) -> list[bool]:
    """By column, whether it holds figures: they are aligned to the right."""
    if not table.rows:
        return [False] * len(table.head)
    return [any(map(_FIGURE.fullmatch, column)) and all(_FIGURE.fullmatch(cell) or cell in _NO_FIGURE for cell in column)
            for column in zip(*table.rows, strict=True)]  # fmt: skip
