"""Where text goes: a terminal of any width, a pipe, a file. Light, so that commands without tables load no table.

Colour only where it is read: not in a pipe or file, nor with ``NO_COLOR``; ``FORCE_COLOR`` has it everywhere (both are
rich's: no-color.org, force-color.org). With ``NO_COLOR`` nothing is sent but text, neither bold nor dim.
"""

import os
import shlex
import sys
from typing import TYPE_CHECKING

from scalebench.errors import printable

if TYPE_CHECKING:
    from rich.console import Console


def console() -> "Console":
    """The terminal, or what the output is piped to."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            """The reader has gone, as in ``scalebench report | head``: say no more, and end well."""
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return Piped(highlight=False, color_system=None) if os.environ.get("NO_COLOR") else Piped(highlight=False)


def put(console: "Console", text: str, style: str = "", *, soft_wrap: bool = False) -> None:
    """The one way by which text of a result reaches the terminal: as it is, neither markup nor control."""
    from rich.text import Text

    console.print(Text(printable(text), style=style), soft_wrap=soft_wrap)


def command(*words: object) -> str:
    """A command of scalebench as it may be typed, quoted where it must be."""
    return shlex.join(["scalebench", *map(str, words)])


def last_line(console: "Console", where: object, following: str) -> None:
    """Where the results are, and the next command to type. Never folded, so that both can be copied."""
    put(console, f"Results: {where}   Next: {following}", soft_wrap=True)
