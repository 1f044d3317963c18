"""One round of a pool as a queue: a manager that does one thing at a time, and workers that take what it sends.

The manager sends chunks of tasks and takes their answers back, each at a cost of its own; a worker runs one chunk at a time.
As many chunks as there are workers, and ``ahead`` more, may be on their way; when that many are, an answer is awaited before
the next one is sent. So the order of what the manager does is given (sends, then an answer and a send in turn, then answers)
and only the moments depend on the costs: no task may end sooner because another takes longer.

Promises: never faster than :func:`bounds` say; later, or as late, when any duration or cost grows.
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
    send_s: float = 0.0  #: per chunk, of the manager
    answer_s: float = 0.0  #: per chunk, of the manager
    turn_s: float = 0.0  #: per chunk, of its worker: between the last task's end and the next one's start
    tail_s: float = 0.0  #: per round, after the last answer
    ahead: int = 0  #: chunks that may wait for a worker, besides the one in each


def simulate_round(chunks: Sequence[float] | Floats, workers: int, costs: Costs) -> float:
    """Wall time of a round, s.

    Args:
        chunks: How long each chunk takes its worker, in the order in which they are sent, s; shape ``(n,)``, each >= 0.
        workers: >= 1.
        costs: At that many workers.

    Eight tasks of 1 s on four workers, sent and answered in no time; then each sent in a second:

    >>> simulate_round([1.0] * 8, 4, Costs())
    2.0
    >>> simulate_round([1.0] * 8, 4, Costs(send_s=1.0))
    9.0
    """
    waiting = chunks.tolist() if isinstance(chunks, np.ndarray) else list(chunks)
    send_s, answer_s, turn_s = costs.send_s, costs.answer_s, costs.turn_s
    count = len(waiting)
    first = min(count, workers + costs.ahead)
    free = [0.0] * min(workers, count)  # when each worker has nothing to do: a heap, as it stands
    coming: list[float] = []  # when answers reach the manager: a heap
    clock = costs.lead_s
    for place, lasts in enumerate(waiting):
        if place >= first:
            ready = heappop(coming)
            clock = max(clock, ready) + answer_s
        clock += send_s
        begin = max(free[0], clock) + turn_s
        heapreplace(free, begin + lasts)
        heappush(coming, begin + lasts)
    for ready in sorted(coming):
        clock = max(clock, ready) + answer_s
    return clock + costs.tail_s


def bounds(
    count: int, workers: int, total_s: npt.ArrayLike, longest_s: npt.ArrayLike, *, lead_s: npt.ArrayLike, send_s: npt.ArrayLike,
    answer_s: npt.ArrayLike, turn_s: npt.ArrayLike, tail_s: npt.ArrayLike,
) -> Floats:  # fmt: skip
    """What no round can be faster than, s: the manager's work, the workers' work, the longest way through both.

    All arguments but the first two may be arrays of one shape, which is that of the result.

    Args:
        count: Chunks.
        workers: >= 1.
        total_s: Sum of the chunks' times.
        longest_s: The longest of them.
        lead_s: As in :class:`Costs`, and the others too.
    """
    total, longest, lead, send, answer, turn, tail = (
        np.asarray(one, dtype=np.float64) for one in (total_s, longest_s, lead_s, send_s, answer_s, turn_s, tail_s)
    )
    if not count:
        return np.asarray(lead + tail)
    busy = min(workers, count)
    manager = count * (send + answer)
    # on average the workers get their first chunk after (busy + 1) / 2 sends
    work = send * (busy + 1) / 2 + (total + count * turn) / busy + answer
    way = send + turn + longest + answer
    return np.asarray(lead + np.maximum.reduce([manager, work, way]) + tail)
