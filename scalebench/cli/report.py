"""Print the strong and weak scaling tables of a run.

scalebench report                                     the latest run
scalebench report results/20260131T120000-1f3a9c
scalebench report run.json --format markdown
"""

import argparse
from typing import TYPE_CHECKING

from scalebench.errors import UsageError

if TYPE_CHECKING:
    from scalebench.results.load import Result

_FORMATS = ("terminal", "markdown", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="a run's folder or id, a folder of runs, parquet or JSON (default: the latest)"
    )
    parser.add_argument("--format", metavar="NAME", default="terminal", help="terminal, markdown or json")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.results.load import load

    if asked.format not in _FORMATS:
        raise UsageError(f"--format {asked.format}: no such format.\nThere are: {', '.join(_FORMATS)}")
    result = load(asked.run, foreign=False)
    if asked.format == "json":
        print(as_json(result))
    elif asked.format == "markdown":
        from scalebench.report.markdown import to_markdown

        print(to_markdown(result))
    else:
        from scalebench.report.terminal import print_report

        print_report(result)
    return cli.OK


def as_json(result: "Result") -> str:
    """The scaling table with its account and verdicts as rows, with what is known about the run."""
    from scalebench.analysis.efficiency import account
    from scalebench.analysis.granularity import granularity
    from scalebench.report.efficiency import verdicts
    from scalebench.results.shapes import analysis

    scaling = account(result.rounds)
    rows = {"scaling": scaling.assign(verdict=verdicts(scaling)), "granularity": granularity(result.rounds)}
    return analysis("report", result.path, about=result.about, **rows)
