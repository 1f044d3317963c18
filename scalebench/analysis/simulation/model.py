"""One round of a pool as a queue: a manager that does one thing at a time, and workers that take what it sends.

Workers are woken one after another; each then takes chunks of tasks as they lie there, one at a time. As many chunks as there are
workers, and ``ahead`` more, may be on their way; when that many are, the manager awaits an answer before it sends the next one. All
that a chunk costs the manager falls due when its answer comes: the first chunks, which it sends before there is an answer, cost it
next to nothing beside that (docs/simulation.md has the measurement). So the order of what the manager does is given and only the
moments depend on the costs: no task may end sooner because another takes longer.

Promises: never faster than any of its :func:`bounds`; later, or as late, when any duration or cost grows.
Not here: where the costs come from (``parts``); processors that workers share (``predict``).
Sources: a closed queue of one dispatcher and P servers; the bounds are those of asymptotic analysis, Lazowska, Zahorjan,
Graham and Sevcik 1984, "Quantitative System Performance", chapter 5; the greedy schedule is Graham 1969,
doi:10.1137/0117039.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace

import numpy as np
import numpy.typing as npt

from scalebench.analysis.statistics import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a round takes besides its tasks, at one worker count. Seconds, each >= 0."""

    lead_s: float = 0.0  #: per round, before anything is sent
    wake_s: float = 0.0  #: per worker, once a round: from one worker's being woken to the next one's
    manager_s: float = 0.0  #: per chunk, of the manager: its answer taken, the next one sent
    turn_s: float = 0.0  #: per chunk, of its worker: between the last task's end and the next one's start
    tail_s: float = 0.0  #: per round, after the last answer
    ahead: int = 0  #: chunks that may wait for a worker, besides the one in each


def simulate_round(chunks: Sequence[float] | Floats, workers: int, costs: Costs) -> float:
    """Wall time of a round, s.

    Args:
        chunks: How long each chunk takes its worker, in the order in which they are sent, s; shape ``(n,)``, each >= 0.
        workers: >= 1.
        costs: At that many workers.

    Eight tasks of 1 s on four workers, managed in no time; then with 1 s of the manager's for each:

    >>> simulate_round([1.0] * 8, 4, Costs())
    2.0
    >>> simulate_round([1.0] * 8, 4, Costs(manager_s=1.0))
    9.0
    """
    waiting = chunks.tolist() if isinstance(chunks, np.ndarray) else list(chunks)
    turn_s, manager_s = costs.turn_s, costs.manager_s
    count = len(waiting)
    first = min(count, workers + costs.ahead)
    # when each worker has nothing to do: a heap, as it stands
    free = [costs.lead_s + place * costs.wake_s for place in range(1, min(workers, count) + 1)]
    coming: list[float] = []  # when answers reach the manager: a heap
    clock = costs.lead_s
    for place, lasts in enumerate(waiting):
        if place >= first:
            clock = max(clock, heappop(coming)) + manager_s
        begin = max(free[0], clock) + turn_s
        heapreplace(free, begin + lasts)
        heappush(coming, begin + lasts)
    for ready in sorted(coming):
        clock = max(clock, ready) + manager_s
    return clock + costs.tail_s


def bounds(
    count: int, workers: int, total_s: npt.ArrayLike, shortest_s: npt.ArrayLike, longest_s: npt.ArrayLike, *, lead_s: npt.ArrayLike,
    wake_s: npt.ArrayLike, manager_s: npt.ArrayLike, turn_s: npt.ArrayLike, tail_s: npt.ArrayLike,
) -> Floats:  # fmt: skip
    """What no round can be faster than, s: the manager's work, the workers' work, the longest way through both.

    All arguments but the first two may be arrays of one shape; the result has it too, behind those three.

    Args:
        count: Chunks.
        workers: >= 1.
        total_s: Sum of the chunks' times.
        shortest_s: The shortest of them.
        longest_s: The longest of them.
        lead_s: As in :class:`Costs`, and the others too.
    """
    total, shortest, longest, lead, wake, manager, turn, tail = (
        np.asarray(one, dtype=np.float64) for one in (total_s, shortest_s, longest_s, lead_s, wake_s, manager_s, turn_s, tail_s)
    )
    if not count:
        return np.stack([lead + tail] * 3)
    busy = min(workers, count)
    managed = wake + turn + shortest + count * manager
    # k workers are woken after (k + 1) / 2 wakes on average; no k of them are done sooner than those for which that is least
    theirs = total + count * turn
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.clip(np.where(wake > 0, np.sqrt(2 * theirs / wake), busy), 1, busy)  # where the derivative by k is 0
    work = wake * (used + 1) / 2 + theirs / used + manager
    way = wake + turn + longest + manager
    return np.stack(np.broadcast_arrays(managed, work, way)) + lead + tail
