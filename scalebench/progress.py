"""Progress between launches: a bar with the time left on a terminal and in a notebook, plain lines elsewhere.

Drawn only when a launch has ended, never by a thread: while a round runs, the controller sleeps.
"""

import html
import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

from scalebench.errors import brief, count, printable
from scalebench.interruption import whoever_reads
from scalebench.launch import Launch
from scalebench.sweep import Entry


class Drawing(Protocol):
    """Where progress is drawn."""

    def update(self, done: int, text: str, block: int) -> None:
        """So many launches have ended, the last one in this block."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def close(self, text: str) -> None:
        """No more will come; ``text`` says how far it got."""


class Progress:
    """Counts launches and says how long the rest will take: from the estimate at first, then from what was seen."""

    def __init__(self, launches: int, estimate_s: float, stored: int = 0) -> None:
        """``stored``: of the launches, how many were made before the run was resumed."""
        self._launches = max(launches - stored, 0)
        self._estimate_s = estimate_s * self._launches / max(launches, 1)
        self._done = 0
        self._started = time.perf_counter()
        self._drawing: Drawing | None = None

    def __enter__(self) -> Self:
        where = _Cell if in_notebook() else _Terminal if sys.stderr.isatty() else _Lines
        with whoever_reads(sys.stderr):
            self._drawing = where(self._launches, left(self._estimate_s))
        return self

    def launched(self, entry: Entry, block: int, told: Launch) -> None:
        """One more launch has ended."""
        self._done += 1
        if self._drawing is None:  # nobody was there when it began
            return
        elapsed = time.perf_counter() - self._started
        share = self._done / max(self._launches, self._done)
        # what was seen says elapsed / share for the whole, and counts by its share; the estimate counts by the rest
        remaining = (1 - share) * (elapsed + (1 - share) * self._estimate_s)
        with whoever_reads(sys.stderr):
            if told.status != "ok":
                self._drawing.say(printable(f"{entry.case.label}: {told.status}: {brief(told.message)}"))
            self._drawing.update(self._done, f"{left(remaining)} left  {entry.case.label}", block)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._drawing is not None:
            took = left(time.perf_counter() - self._started)
            much = (
                count(self._done, "launch") if kind is None else f"ended after {self._done} of {count(self._launches, 'launch')}"
            )
            with whoever_reads(sys.stderr):
                self._drawing.close(f"{much}, {took}")


class _Lines:
    """A line a block, for a log."""

    def __init__(self, launches: int, estimate: str) -> None:
        self._launches = launches
        self._block = -1
        self.say(f"{count(launches, 'launch')}, about {estimate}")

    def update(self, done: int, text: str, block: int) -> None:
        if block != self._block:
            self._block = block
            self.say(f"block {block}: {done - 1} of {count(self._launches, 'launch')} done, {text.partition('  ')[0]}")

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def close(self, text: str) -> None:
        pass


class _Terminal:
    """A bar that is redrawn in place, and goes at the end."""

    def __init__(self, launches: int, estimate: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(f"about {estimate} in all", total=launches)
        self._bar.refresh()

    def update(self, done: int, text: str, block: int) -> None:
        self._bar.update(self._task, completed=done, description=text, refresh=True)

    def say(self, line: str) -> None:
        from rich.text import Text

        self._bar.console.print(Text(line))

    def close(self, text: str) -> None:
        self._bar.stop()


class _Cell:
    """A bar in the output of a notebook's cell, replaced by how much was done. It needs no widgets to be installed."""

    def __init__(self, launches: int, estimate: str) -> None:
        from IPython import display

        self._launches = launches
        self._shown: Any = display.display(self._drawn(0, f"about {estimate} in all"), raw=True, display_id=True)  # type: ignore[no-untyped-call, unused-ignore]

    def _drawn(self, done: int, text: str) -> dict[str, str]:
        bar = f'<progress value="{done}" max="{self._launches}" aria-label="launches done"></progress>'
        line = f"{done}/{count(self._launches, 'launch')}, {text}"
        return {"text/plain": line, "text/html": f"{bar} {html.escape(line)}"}

    def update(self, done: int, text: str, block: int) -> None:
        self._shown.update(self._drawn(done, text), raw=True)

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def close(self, text: str) -> None:
        self._shown.update({"text/plain": text, "text/html": html.escape(text)}, raw=True)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this: it draws what is displayed, though its error stream is no terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


def wanted() -> bool:
    """Whether progress is drawn where nobody said: for a person who looks, not into a log."""
    return in_notebook() or sys.stderr.isatty()


def left(seconds: float) -> str:
    """``45 s`` or ``3:20 min``."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60}:{whole % 60:02} min"
