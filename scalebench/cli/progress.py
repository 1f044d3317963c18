"""Progress between launches: a bar with the time left on a terminal, plain lines elsewhere.

Drawn only when a launch has ended, never by a thread: while a round runs, the controller sleeps.
"""

import sys
import time
from types import TracebackType
from typing import Any, Self

from scalebench.errors import brief
from scalebench.launch import Launch
from scalebench.sweep import Entry


class Progress:
    """Counts launches and says how long the rest will take: from the estimate at first, then from what was seen."""

    def __init__(self, launches: int, estimate_s: float) -> None:
        self._launches = launches
        self._estimate_s = estimate_s
        self._done = 0
        self._block = -1
        self._started = time.perf_counter()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(f"about {left(self._estimate_s)} in all", total=self._launches)
            self._bar.refresh()
        else:
            print(f"{self._launches} launches, about {left(self._estimate_s)}", file=sys.stderr, flush=True)
        return self

    def launched(self, entry: Entry, block: int, told: Launch) -> None:
        """One more launch has ended."""
        self._done += 1
        elapsed = time.perf_counter() - self._started
        share = self._done / max(self._launches, self._done)
        # the estimate counts less the more was seen
        remaining = (1 - share) * (share * elapsed / share + (1 - share) * self._estimate_s)
        if told.status != "ok":
            self._say(f"{entry.case.label}: {told.status}: {brief(told.message)}")
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=f"{left(remaining)} left  {entry.case.label}", refresh=True)
        elif block != self._block:
            self._block = block
            self._say(f"block {block}: {self._done - 1} of {self._launches} launches done, {left(remaining)} left")

    def _say(self, line: str) -> None:
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text(line))
        else:
            print(line, file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


def left(seconds: float) -> str:
    """``45 s`` or ``3:20 min``."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60}:{whole % 60:02} min"
