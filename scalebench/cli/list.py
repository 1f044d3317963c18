"""List the runs below a results folder, oldest first.

scalebench list
scalebench list results/reference
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalebench.cli.parser import add_limit
from scalebench.errors import ResultsError, count, printable, shortened
from scalebench.interruption import say

_LONGEST = 200  # characters of a fact


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="?", metavar="DIR", default="results", help="where to look (default: results)")
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.results.load import find_runs, read_about
    from scalebench.results.shapes import analysis

    runs: list[tuple[Path, dict[str, Any]]] = []
    status = cli.OK
    for folder in find_runs(asked.results):
        try:
            runs.append((folder, read_about(folder)))
        except ResultsError as error:  # one that is damaged hides no other
            say(f"scalebench: {printable(str(error))}")
            status = cli.WRONG_USE
    if asked.json:
        print(analysis("list", asked.results, runs=[{"path": folder, **about} for folder, about in runs]))
        return status
    if not runs:
        print(f"no runs in {asked.results}; measure one: scalebench run --profile quick")
        return status
    from scalebench.report.console import command, console, last_line, put

    terminal = console()
    for folder, about in runs:
        put(terminal, "  ".join([str(folder), *(shortened(one, _LONGEST) for one in _facts(about))]), soft_wrap=True)
    last_line(terminal, asked.results, command("report", runs[-1][0]))
    return status


def _facts(about: Mapping[str, Any]) -> list[str]:
    actual = about.get("actual_s")
    took = f"{actual:.0f} s" if isinstance(actual, float) else "-"
    cases = count(about.get("cases", "-"), "case")
    facts = about.get("study", {}).get("name"), cases, took, about.get("status"), about.get("machine", {}).get("machine_id")
    return list(map(str, facts))
