"""How help reads and how wrong use is told: argparse with examples, the terminal's width, and the nearest name.

A command's help is its module's docstring. Lines that begin with ``scalebench`` are examples, two blanks or more before
what they do; the other paragraphs are text. Nothing is coloured, so help is plain wherever it goes.
"""

import argparse
import difflib
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import NoReturn

from scalebench.errors import UsageError

_WIDEST = 100  #: columns; longer lines are hard to read
_EXAMPLE = re.compile(r"(?P<command>scalebench\b.*?)(?:\s{2,}(?P<text>\S.*))?$")


def examples(docstring: str | None) -> list[tuple[str, str]]:
    """The examples in a command's docstring: what to type, and what that does (may be empty)."""
    lines = [line.strip() for line in (docstring or "").splitlines() if line.startswith("scalebench")]
    found = [match for line in lines if (match := _EXAMPLE.match(line))]
    return [(match["command"], match["text"] or "") for match in found]


def width() -> int:
    """Columns of the terminal; 80 where the output is none and ``COLUMNS`` says nothing."""
    return max(40, min(shutil.get_terminal_size().columns, _WIDEST))


def wrapped(text: str, indent: int = 0, first: str = "") -> str:
    """Text in the terminal's width; ``first`` stands before it, and its further lines begin after ``indent`` blanks."""
    start = first.ljust(indent)
    return textwrap.fill(text, width(), initial_indent=start, subsequent_indent=" " * indent, break_on_hyphens=False,
                         break_long_words=False)  # fmt: skip


class Formatter(argparse.HelpFormatter):
    """Paragraphs and examples in the terminal's width; usage without the list of all flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=width() - 2)

    def add_usage(self, usage, actions, groups, prefix=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        shown = [one for one in actions if not one.option_strings or one.required]
        if len(shown) < len(list(actions)):
            self._prog += " [options]"
        super().add_usage(usage, shown, (), prefix)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action.choices, dict):  # commands are indented once more, which argparse forgets to count
            self._action_max_length += self._indent_increment

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = []
        for paragraph in text.strip().split("\n\n"):
            if found := examples(paragraph):
                paragraphs.append("examples:\n" + "\n".join(_examples(found, width)))
            else:
                paragraphs.append(textwrap.fill(" ".join(paragraph.split()), width, break_on_hyphens=False))
        return "\n\n".join(paragraphs)


def _examples(found: list[tuple[str, str]], width: int) -> Iterable[str]:
    """What they do stands beside short ones, and below those that leave no room for it."""
    column = max((len(command) for command, _ in found if len(command) <= width // 2), default=0) + 4
    for command, text in found:
        lines = [f"  {line}" for line in _folded(command, width - 2)]
        beside = len(lines) == 1 and len(lines[0]) + 2 <= column
        start = lines.pop().ljust(column) if beside and text else " " * 6
        if text:
            lines += textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * len(start))
        yield from lines


def _folded(command: str, width: int) -> list[str]:
    """A command as it may be typed, over several lines where it is longer than one."""
    lines = [""]
    for part in re.split(r" (?=-)", command):
        if lines[-1] and len(lines[-1]) + len(part) + 3 > width:
            lines[-1] += " \\"
            lines.append("    ")
        lines[-1] += part if not lines[-1].strip() else f" {part}"
    return lines


class Parser(argparse.ArgumentParser):
    """Wrong use is one message with the way out, as everywhere in scalebench."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        print(f"{self.prog}: {message}\nSee: scalebench help{f' {command}' if command else ''}", file=sys.stderr)
        raise SystemExit(2)


def refuse_unknown(name: str, commands: Iterable[str]) -> None:
    """Raise UsageError where ``name`` is no command; what looks like something to measure is told so."""
    known = list(commands)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if ":" in name or name.endswith((".toml", ".py")):
        way_out = f"To measure it: scalebench run {name}"
    elif near:
        way_out = f"Did you mean: scalebench {near[0]}"
    else:
        way_out = f"There are: {', '.join(known)}"
    raise UsageError(f"{name!r} is no command.\n{way_out}")


def refuse_left_over(left: list[str], parser: argparse.ArgumentParser) -> None:
    """Raise UsageError where arguments are left that no flag and no place of the command takes."""
    if not left:
        return
    name = next((one for one in left if one.startswith("-")), None)
    if name is None:
        raise UsageError(f"{left[0]!r} is one argument too many for '{parser.prog}'.\nSee: {_help_of(parser)}")
    flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]  # noqa: SLF001  # no public list of them
    near = _nearest(name.partition("=")[0], flags)
    hint = f"Did you mean {near}? " if near else ""
    raise UsageError(f"'{parser.prog}' has no flag {name}.\n{hint}See: {_help_of(parser)}")


def _nearest(name: str, flags: list[str]) -> str | None:
    """The flag that is likely meant: one more letter or less, one that is a part of the other, or what other tools call it."""
    if name.startswith("--out") and "--results" in flags:
        return "--results"
    words = [flag.removeprefix("--") for flag in flags]
    asked = name.lstrip("-")
    parts = [one for one in words if asked in one.split("-") or one in asked.split("-")]
    near = difflib.get_close_matches(asked, words, n=1, cutoff=0.7) or parts  # letters without dashes, which all share
    return f"--{near[0]}" if near else None


def _help_of(parser: argparse.ArgumentParser) -> str:
    return " ".join(["scalebench help", *parser.prog.split()[1:]])


def add_run(parser: argparse.ArgumentParser) -> None:
    """What a command reads that has one thing to say of it."""
    parser.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help="a run's folder or id, latest, a folder of runs, parquet or JSON (default: the latest)",
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """The flag of all commands that read results: how much of them."""
    parser.add_argument(
        "--limit", metavar="N", help="read files N times as large as usual, if you trust them; SCALEBENCH_LIMIT says it too"
    )
