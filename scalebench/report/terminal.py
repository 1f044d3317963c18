"""Tables for a terminal of 80 columns; plain text when piped."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scalebench.report.console import command, last_line
from scalebench.report.console import console as _console
from scalebench.report.console import put as _print
from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.overview import MOST_RUNS, overview_table
from scalebench.report.state import unfinished
from scalebench.report.tables import Table, explained_by, findings_by_code, scaling_tables
from scalebench.results.result import Result

if TYPE_CHECKING:
    from rich.console import Console


def print_report(result: Result, console: "Console | None" = None) -> None:
    """Tables, doubts, and where the files are; of many runs an overview instead of their tables."""
    console = _console() if console is None else console
    if result.rounds["run_id"].nunique() > MOST_RUNS:
        print_tables([overview_table(result)], console)
    else:
        print_tables([*scaling_tables(result), *account_tables(result), *granularity_tables(result)], console)
    doubts = findings_by_code(result)
    for line in [*(f"{code}  {text}" for code, text in doubts), *explained_by(doubts)]:
        _print(console, line, "yellow")
    for sentence in unfinished(result):
        _print(console, sentence, "bold yellow")
    estimate, actual = result.about.get("estimate_s"), result.about.get("actual_s")
    if isinstance(estimate, float) and isinstance(actual, float):
        console.print(f"Took {actual:.0f} s, estimated {estimate:.0f} s.")
    if result.path is None:  # several, read as one
        runs = [str(about.get("run_id")) for about in result.runs]
        last_line(console, f"{len(runs)} runs", command("compare", *runs[:2]))
    elif result.rounds["variant"].nunique() > 1:
        last_line(console, result.path, command("compare", result.path))
    else:
        last_line(console, result.path, command("recommend", result.path))


def print_anywhere(tables: Iterable[Table], notes: Iterable[str] = (), *, end: tuple[object, str] | None = None) -> None:
    """Tables on the standard output, with notes that belong to none of them; ``end``: where results are, and what to type next."""
    console = _console()
    print_tables(tables, console)
    for note in notes:
        _print(console, note, "yellow")
    if end is not None:
        last_line(console, *end)


def print_advice(
    advice: Iterable[tuple[list[str], Table]], console: "Console | None" = None, *, end: tuple[object, str] | None = None
) -> None:
    """What a table says in sentences, first, then the table; ``end`` as for :func:`print_anywhere`."""
    console = _console() if console is None else console
    for sentences, table in advice:
        if sentences:
            _print(console, table.title, "bold")
            for sentence in sentences:
                _print(console, sentence)
            table = replace(table, title="")
        print_tables([table], console)
    if end is not None:
        last_line(console, *end)


def report_text(result: Result) -> str:
    """The report as plain text."""
    return _captured(lambda console: print_report(result, console))


def advice_text(advice: Iterable[tuple[list[str], Table]]) -> str:
    """The same of what :func:`print_advice` prints."""
    return _captured(lambda console: print_advice(advice, console))


def _captured(show: "Callable[[Console], None]") -> str:
    from rich.console import Console

    # not a notebook's: it would show there what is only to be captured
    console = Console(highlight=False, width=80, no_color=True, force_terminal=False, force_jupyter=False)
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
