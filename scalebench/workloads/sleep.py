"""``sleep``: waits a fixed time. No CPU, no answer: what is left is the interface's own cost."""

import time

from scalebench.workloads.kinds import Kind, parse_milliseconds
from scalebench.workloads.work import count_work


def run(_n: int, _shape: int, microseconds: int) -> None:
    """Wait; the work counted is the microseconds asked for."""
    time.sleep(microseconds / 1e6)
    count_work(microseconds)


KIND = Kind(
    name="sleep",
    size_unit="milliseconds",
    default_size="5",
    work_unit="microseconds",
    parse=parse_milliseconds,
    run=run,
    fixed_time=True,
    cpu_bound=False,
    holds_gil=False,
)
