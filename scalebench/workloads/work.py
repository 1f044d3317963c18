"""Count work inside the task that does it.

A busy wait of two seconds takes two seconds however little got done; only a count made *inside* the work
tells. A task calls :func:`count_work`; the worker takes the sum after each task. Per thread, so that
threads of one process don't add up into each other's tasks.
"""

import threading


class Counter(threading.local):
    """The work counted in a thread since ``units`` was last set to None."""

    units: int | None = None


_counter = Counter()


def count_work(units: int) -> None:
    """Add ``units`` of work to the task that runs in this thread. The unit is the workload's own."""
    counted = _counter.units
    _counter.units = units if counted is None else counted + units


def counter() -> Counter:
    """Where :func:`count_work` adds, each thread seeing its own."""
    return _counter
