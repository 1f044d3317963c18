"""``crunch``: a fixed number of turns of pure-Python arithmetic. Holds the GIL, touches no memory."""

from scalebench.workloads.kinds import Kind, parse_count
from scalebench.workloads.work import count_work


def run(n: int, _shape: int, turns: int) -> int:
    """``turns`` steps of a linear congruential generator seeded by ``n``; the answer is its last state."""
    state = n & 0x7FFFFFFF
    for _ in range(turns):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    count_work(turns)
    return state


KIND = Kind(
    name="crunch",
    size_unit="turns",
    default_size="50000",
    work_unit="turns",
    parse=parse_count,
    run=run,
)
