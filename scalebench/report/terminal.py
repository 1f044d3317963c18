"""Tables for a terminal of 80 columns; plain text when piped."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from scalebench.report.tables import Table

if TYPE_CHECKING:
    from rich.console import Console


def print_tables(tables: Iterable[Table], console: "Console") -> None:
    """Draw each table: a heading above each section, notes below. Lines longer than the terminal are folded by it."""
    from rich.text import Text

    for table in tables:
        console.print(Text(table.title, style="bold"))
        for style, line in _lines(table):
            console.print(Text(line, style=style), soft_wrap=True)
        for note in table.notes:
            console.print(Text(note, style="dim"))
        console.print()


def _lines(table: Table) -> Iterable[tuple[str, str]]:
    """``(style, text)`` of each line; all columns right-aligned but the last."""
    widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]

    def join(cells: list[str]) -> str:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return " ".join([*aligned[:-1], cells[-1]]).rstrip()

    yield "bold", join(table.head)
    for index, row in enumerate(table.rows):
        if index in table.sections:
            yield "cyan", table.sections[index]
        yield "", join(row)
