"""``spin``: a busy wait of a fixed time that counts its turns. The trap of the family.

In seconds it scales perfectly to any number of workers, since it always lasts as long as asked; its turns
per second tell how much work was really done.
"""

import time

from scalebench.workloads.kinds import Kind, parse_milliseconds
from scalebench.workloads.work import count_work

_STEPS = 100  # of arithmetic in a turn: about ten times the cost of reading the clock


def run(_n: int, _shape: int, microseconds: int) -> None:
    """Turn until the time is over; the work counted is the turns made."""
    clock = time.perf_counter
    end = clock() + microseconds / 1e6
    turns = 0
    state = 1
    while clock() < end:
        for _ in range(_STEPS):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        turns += 1
    count_work(turns)


KIND = Kind(
    name="spin",
    size_unit="milliseconds",
    default_size="5",
    work_unit="turns",
    parse=parse_milliseconds,
    run=run,
    fixed_time=True,
)
