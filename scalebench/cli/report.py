"""Show a run: what to use, the scaling tables, where the efficiency went; as a page, text, data or pictures.

scalebench report                                     the latest run, in the terminal
scalebench report results/20260131T120000-1f3a95c0e
scalebench report --format html                       one page that opens offline: report.html in the run's folder
scalebench report RUN OTHER --format html -o both.html      several runs in one page, compared
scalebench report run.json --format markdown
scalebench report --format svg -o pictures            a file for each chart; one of them: --chart NAME
"""

import argparse
from pathlib import Path

from scalebench.cli.parser import add_limit
from scalebench.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="a run's folder or id, latest, a folder of runs, parquet or JSON (default: the latest)",
    )
    parser.add_argument(
        "--format", metavar="NAME", default="terminal", help="terminal, html, markdown, json, csv, latex, png or svg"
    )
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("-o", "--output", metavar="PATH", help="the file to write (png, svg: a folder, with --chart a file)")
    parser.add_argument("--chart", metavar="NAME", help="of png and svg, this one alone")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.report.formats import get_format
    from scalebench.results.load import load_many

    chosen = get_format(asked.format)
    pictures = asked.format in ("png", "svg")
    if asked.chart is not None and not pictures:
        raise UsageError(f"--chart {asked.chart}: only --format png and svg draw single charts.\nLeave it out")
    result = load_many(asked.runs, foreign=False)
    if asked.output is None and chosen.PRINTED:
        if asked.format == "terminal":
            from scalebench.report.terminal import print_report

            print_report(result)
        else:
            print(chosen.render(result), end="")
        return cli.OK
    from scalebench.report.files import check, default_path, write

    folder = pictures and asked.chart is None
    path = default_path(result, chosen, folder=folder) if asked.output is None else Path(asked.output)
    check(path, force=asked.force, folder=folder)
    content = chosen.render(result)
    if asked.chart is not None and isinstance(content, dict):
        if asked.chart not in content:
            raise UsageError(f"--chart {asked.chart}: no such chart.\nThere are: {', '.join(content)}")
        content = content[asked.chart]
    size = write(path, content, chosen.SUFFIX, force=asked.force)
    print(f"Report: {path} ({_size(size)})   Next: {_next(path, asked.format)}")
    return cli.OK


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _next(path: Path, format_: str) -> str:
    """A command to type."""
    import shlex

    quoted = shlex.quote(str(path))
    return f"python -m webbrowser {quoted}" if format_ in ("html", "svg", "png") else f"less {quoted}"
