"""Workers on other nodes than the host: how their clocks stand to its own, what CPUs they have, whether they run the same code.

A round's wall time is taken on the host's clock alone. Starts and stops of tasks are taken on the clock of their node, which
began at another moment; here they are brought onto the host's, and how wrong that may be is said. A duration of a task is a
difference on one clock and needs none of it.

How: a worker reads its clock in a call that the host began at ``a`` and had the answer to at ``b``, so that the clock stood at its
reading somewhere between the two. What several such calls allow in common is an interval; its middle is taken, half its width is
the uncertainty (Cristian 1989, doi:10.1007/BF01784024).
"""

import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalebench.backends.base import Pool
from scalebench.host import worker

_CALLS = 5  # before each round: clocks drift apart


@dataclass(frozen=True, slots=True)
class Clocks:
    """Of the workers: by key, seconds to be taken off their clock to have the host's; ``error_s``: how wrong that may be."""

    ahead_s: Mapping[int, float] = field(default_factory=dict)  #: of those on other nodes only
    error_s: float = 0.0


def align(pool: Pool, workers: Sequence[Mapping[str, Any]]) -> Clocks:
    """Compare the clocks of the workers on other nodes with this one's, now.

    Args:
        pool: Its workers are asked, at the same time; outside the clock of a round.
        workers: What they told of themselves.
    """
    others = {one["key"] for one in workers if one["node"] != platform.node()}
    if not others:
        return Clocks()
    calls = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        told = dict(pool.each_worker(worker.read_clock))
        calls.append((began, time.perf_counter(), told))
    found = {key: between((began, ended, told[key]) for began, ended, told in calls) for key in others}
    return Clocks({key: ahead for key, (ahead, _) in found.items()}, max(error for _, error in found.values()))


def between(calls: Iterable[tuple[float, float, float]]) -> tuple[float, float]:
    """How far another clock is ahead of this one, and how wrong that may be, both in seconds.

    Args:
        calls: When each began and ended here, and what was read there in between.

    >>> between([(10.0, 10.4, 25.1), (11.0, 11.2, 26.1)])
    (15.0, 0.1)
    """
    calls = list(calls)
    low, high = max(read - ended for _, ended, read in calls), min(read - began for began, _, read in calls)
    if low > high:  # a clock that was corrected meanwhile: the quickest call is the best that there is
        began, ended, read = min(calls, key=lambda one: one[1] - one[0])
        low, high = read - ended, read - began
    return round((low + high) / 2, 9), round((high - low) / 2, 9)


def cpus_of(workers: Iterable[Mapping[str, Any]]) -> int | None:
    """CPUs that the workers may use, all nodes together: of each node those allowed to any of them, or its quota; None: unknown."""
    allowed: dict[str, int] = {}
    quotas: dict[str, float] = {}
    for one in workers:
        if one["cpu_mask"] is None:
            return None
        allowed[one["node"]] = allowed.get(one["node"], 0) | int(one["cpu_mask"], 16)
        if one["cpu_quota"] is not None:
            quotas[one["node"]] = one["cpu_quota"]
    return sum(max(1, min(mask.bit_count(), int(quotas.get(node, mask.bit_count())))) for node, mask in allowed.items())


def differing_software(pool: Pool) -> str | None:
    """What is not the same on all nodes, by node, in one line; None where all are alike."""
    told = dict(pool.each_worker(worker.software))
    if len(set(map(str, told.values()))) < 2:
        return None
    names = dict.fromkeys(name for software in told.values() for name in software)
    differ = [name for name in names if len({software.get(name) for software in told.values()}) > 1]
    return "; ".join(
        f"{node}: {', '.join(f'{name} {software.get(name)}' for name in differ)}" for node, software in sorted(told.items())
    )
