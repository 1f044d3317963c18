"""Record a task: start, stop, CPU time, CPU wait, work. In a microsecond or two, since it stands beside every task.

Reading the CPU clock and the wait of a thread are system calls, each as long as a very short task. So:

- a reading taken at the end of one task serves as the one before the next, if that began within ``BACK_TO_BACK_S``;
- a task of one thread whose CPU time covers its wall time to within ``NO_WAIT_S`` can't have waited for a CPU: its wait
  is 0, unread. One with more CPU time than wall time has more threads, and is read.

Promises: wall times are always read around the task alone; a CPU time or a wait is off by at most those bounds.
Not here: what is done with a task that raises (``worker``).
"""

import os
import time
from collections.abc import Callable
from typing import Any

from scalebench.workloads.work import counter

BACK_TO_BACK_S = 20e-6
NO_WAIT_S = 10e-6

#: answer; start and stop, s on the system's clock, equal in all processes of a machine; CPU s; CPU wait, s, or None where
#: the system doesn't tell; the worker's key; work units. A plain tuple: it is made, pickled and read once for each task.
Record = tuple[Any, float, float, float, float | None, int, int]


def make_recorder(
    task: Callable[[Any], Any],
    work_units: Callable[[Any, Any], int] | None,
    key: int,
    cpu_clock: Callable[[], float],
) -> Callable[[Any], Record]:
    """A function that runs ``task`` and records it; for the thread that calls this, and no other.

    Args:
        task: Function of one item.
        work_units: ``work_units(item, answer)``; None: what the task counted, 1 where it counted nothing.
        key: How the worker names itself.
        cpu_clock: CPU seconds of the worker, ``time.process_time`` or ``time.thread_time``.
    """
    clock = time.perf_counter
    read_wait = _wait_reader()
    counted = counter()
    last_stop = last_cpu = 0.0
    last_wait = 0 if read_wait is None else read_wait()

    def record(item: Any) -> Record:
        nonlocal last_stop, last_cpu, last_wait
        counted.units = None
        start = clock()
        back_to_back = start - last_stop < BACK_TO_BACK_S
        if not back_to_back:
            if read_wait is not None:
                last_wait = read_wait()
            last_cpu = cpu_clock()
            start = clock()
        answer = task(item)
        stop = clock()
        cpu_now = cpu_clock()
        cpu = cpu_now - last_cpu
        wall = stop - start
        if back_to_back and wall < cpu < wall + BACK_TO_BACK_S:
            cpu = wall  # the rest was spent between the tasks
        wait: float | None = None
        if read_wait is not None:
            wait = 0.0
            if not wall - NO_WAIT_S <= cpu <= wall + BACK_TO_BACK_S:
                wait_now = read_wait()
                wait = (wait_now - last_wait) / 1e9
                if cpu < wall:
                    wait = min(wait, wall - cpu)  # readings left out before may have left a rest
                last_wait = wait_now
        last_cpu, last_stop = cpu_now, stop
        if work_units is not None:
            return answer, start, stop, cpu, wait, key, int(work_units(item, answer))
        units = counted.units
        return answer, start, stop, cpu, wait, key, 1 if units is None else units

    return record


def _wait_reader() -> Callable[[], int] | None:
    """Reads the nanoseconds that this thread has waited for a CPU: the second field of ``schedstat``, proc(5)."""
    try:
        descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return None
    read = os.pread
    return lambda: int(read(descriptor, 64, 0).split()[1])
