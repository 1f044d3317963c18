"""Say what stands in the way of a good measurement here, and what to do about it.

scalebench doctor
scalebench doctor --quick               without the ten seconds of the noise floor
scalebench doctor --json

Each check is ok, a note (good to know), a warning (figures will be worse or wider than they need be) or broken (that part
can't be measured). Nothing is changed or stored.

Exit statuses: 0, also with warnings; 3 nothing can be measured here.
"""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from scalebench.doctor.examine import Examined

_STYLES = {"broken": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}
_INDENT = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="leave out what takes more than a few seconds: the noise floor")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.doctor.base import System
    from scalebench.doctor.examine import examine, measurable, worst_first

    found = worst_first(list(examine(System(), quick=asked.quick, begins=_says)))
    _says("")
    if asked.json:
        _print_json(found)
    else:
        _print(found)
    return cli.OK if measurable(found) else cli.CASES_FAILED


def _says(title: str) -> None:
    """Which check is being made, on a terminal only, in a line that the next one takes."""
    if sys.stderr.isatty():
        print(f"\r\033[K{f'looking at: {title}' if title else ''}", end="", file=sys.stderr, flush=True)


def _print(found: "list[Examined]") -> None:
    from scalebench.doctor.examine import measurable
    from scalebench.report.console import command, console, put

    terminal = console()
    for one in found:
        told = one.diagnosis
        _put_folded(terminal, told.status, f"{one.title}: {told.text}.")
        if told.advice:
            _put_folded(terminal, "", told.advice)
    counts = [f"{number} {status}" for status in _STYLES if (number := sum(one.diagnosis.status == status for one in found))]
    able = measurable(found)
    put(terminal, f"{len(found)} checks: {', '.join(counts)}." + ("" if able else " Nothing can be measured here."))
    following = command("run", "--profile", "quick") if able else command("help", "doctor")
    put(terminal, f"Results: none are stored   Next: {following}", soft_wrap=True)


def _put_folded(terminal: "Console", status: str, text: str) -> None:
    """The status in front of the first line, all others below the text."""
    from rich.text import Text

    from scalebench.cli.parser import wrapped
    from scalebench.errors import printable

    line = Text(printable(wrapped(" ".join(text.split()), _INDENT, status)))
    line.stylize(_STYLES.get(status, ""), 0, len(status))
    terminal.print(line, soft_wrap=True)


def _print_json(found: "list[Examined]") -> None:
    from dataclasses import asdict

    from scalebench.doctor.examine import measurable
    from scalebench.machine import fingerprint
    from scalebench.results.shapes import analysis

    checks = [{"check": one.name, "title": one.title, "essential": one.essential, **asdict(one.diagnosis)} for one in found]
    print(analysis("doctor", machine=fingerprint(), measurable=measurable(found), checks=checks))
