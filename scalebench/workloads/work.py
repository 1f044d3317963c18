"""Count work inside the task that does it.

A busy wait of two seconds takes two seconds however little got done; only a count made *inside* the work
tells. A task calls :func:`count_work`; the worker takes the sum after each task. Per thread, so that
threads of one process don't add up into each other's tasks.
"""

import threading


class _Counter(threading.local):
    units: int | None = None


_counter = _Counter()


def count_work(units: int) -> None:
    """Add ``units`` of work to the task that runs in this thread. The unit is the workload's own."""
    _counter.units = units if _counter.units is None else _counter.units + units


def take_work() -> int | None:
    """What was counted in this thread since the last call; None when nothing was."""
    units = _counter.units
    _counter.units = None
    return units
