"""Tables for a terminal of 80 columns; plain text when piped."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.overview import MOST_RUNS, overview_table
from scalebench.report.tables import Table, findings_by_code, printable, scaling_tables
from scalebench.results.load import Result

if TYPE_CHECKING:
    from rich.console import Console


def print_report(result: Result, console: "Console | None" = None) -> None:
    """Tables, doubts, and where the files are; of many runs an overview instead of their tables."""
    console = _console() if console is None else console
    if result.rounds["run_id"].nunique() > MOST_RUNS:
        print_tables([overview_table(result)], console)
    else:
        print_tables([*scaling_tables(result), *account_tables(result), *granularity_tables(result)], console)
    for code, text in findings_by_code(result):
        _print(console, f"{code}  {text}", "yellow")
    estimate, actual = result.about.get("estimate_s"), result.about.get("actual_s")
    if isinstance(estimate, float) and isinstance(actual, float):
        console.print(f"Took {actual:.0f} s, estimated {estimate:.0f} s.")
    _print(console, _last_line(result), soft_wrap=True)


def _last_line(result: Result) -> str:
    """Where the results are, and what to type next."""
    if result.path is None:
        runs = [str(about.get("run_id")) for about in result.runs]
        return f"Results: {len(runs)} runs   Next: scalebench compare {' '.join(runs[:2])}"
    return f"Results: {result.path}   Next: scalebench export {result.path} -o run.json"


def print_anywhere(tables: Iterable[Table], notes: Iterable[str] = ()) -> None:
    """Tables on the standard output, with notes that belong to none of them."""
    console = _console()
    print_tables(tables, console)
    for note in notes:
        _print(console, note, "yellow")


def _console() -> "Console":
    """The terminal, or what the output is piped to."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            """The reader has gone, as in ``scalebench report | head``: say no more, and end well."""
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return Piped(highlight=False)


def print_advice(advice: Iterable[tuple[list[str], Table]], console: "Console | None" = None) -> None:
    """What a table says in sentences, first, then the table."""
    console = _console() if console is None else console
    for sentences, table in advice:
        if sentences:
            _print(console, table.title, "bold")
            for sentence in sentences:
                _print(console, sentence)
            table = replace(table, title="")
        print_tables([table], console)


def report_text(result: Result, width: int = 80) -> str:
    """The report as plain text."""
    return _captured(lambda console: print_report(result, console), width)


def advice_text(advice: Iterable[tuple[list[str], Table]], width: int = 80) -> str:
    """The same of what :func:`print_advice` prints."""
    return _captured(lambda console: print_advice(advice, console), width)


def _captured(show: "Callable[[Console], None]", width: int) -> str:
    from rich.console import Console

    # not a notebook's: it would show there what is only to be captured
    console = Console(highlight=False, width=width, no_color=True, force_terminal=False, force_jupyter=False)
    with console.capture() as captured:
        show(console)
    return captured.get()


def print_tables(tables: Iterable[Table], console: "Console") -> None:
    """Draw each table: a heading above each section, notes below. Lines longer than the terminal are folded by it."""
    for table in tables:
        if table.title:
            _print(console, table.title, "bold")
        for style, line in _lines(table) if table.rows else ():
            _print(console, line, style, soft_wrap=True)
        for note in table.notes:
            _print(console, note, "dim")
        console.print()


def _print(console: "Console", text: str, style: str = "", *, soft_wrap: bool = False) -> None:
    """The one way by which text of a result reaches the terminal: as it is, neither markup nor control."""
    from rich.text import Text

    console.print(Text(printable(text), style=style), soft_wrap=soft_wrap)


def _lines(table: Table) -> Iterable[tuple[str, str]]:
    """``(style, text)`` of each line; all columns right-aligned but the last."""
    head = [cell.split("\n") for cell in table.head]
    height = max(map(len, head))
    head = [[""] * (height - len(cell)) + cell for cell in head]  # they stand on the line above the figures
    widths = [max(map(len, [*lines, *column])) for lines, *column in zip(head, *table.rows, strict=True)]

    def join(cells: Sequence[str]) -> str:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return " ".join([*aligned[:-1], cells[-1]]).rstrip()

    for line in zip(*head, strict=True) if any(table.head) else ():
        yield "bold", join(line)
    for index, row in enumerate(table.rows):
        if index in table.sections:
            yield "cyan", table.sections[index]
        yield "", join(row)
