"""What of a task's cost falls on a pool's manager when it sends, and what when it takes the answer: ``python benchmarks/scale/manager.py``.

CPU time of the process that has the pool, by two chunks of one task a worker. Tasks sleep for so long that all are sent before any is
answered. The simulation has it that all of it falls due at the answer: docs/simulation.md.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import Pool

from scalebench import machine

COUNTS = (32, 128, 256)
REPEATS = 5
TASK_S = 3.0
SENT_S = 1.5  #: by when all are sent, and none is answered
WARM_S = 0.05


def sent_and_answered(imap: Callable[..., Iterable[None]], workers: int) -> tuple[float, float]:
    """CPU time of this process, s a chunk, until all are sent and from then on."""
    chunks = 2 * workers
    began = time.process_time()
    answers = imap(time.sleep, [TASK_S] * chunks)
    time.sleep(SENT_S)
    between = time.process_time()
    for _ in answers:
        pass
    return (between - began) / chunks, (time.process_time() - between) / chunks


def lines() -> Iterator[str]:
    """The table, medians of the repeats."""
    yield "| pool | workers | to send, us | to take the answer, us |"
    yield "|---|---:|---:|---:|"
    for kind in (ProcessPoolExecutor, Pool):
        for workers in COUNTS:
            with kind(workers) as pool:
                imap = pool.imap if isinstance(pool, Pool) else pool.map
                list(imap(time.sleep, [WARM_S] * 4 * workers))  # all workers are up
                found = [sent_and_answered(imap, workers) for _ in range(REPEATS)]
            send, answer = (statistics.median(one) * 1e6 for one in zip(*found, strict=True))
            yield f"| `{kind.__name__}` | {workers} | {send:.0f} | {answer:.0f} |"


if __name__ == "__main__":
    print(f"`python benchmarks/scale/manager.py` on {machine.fingerprint()['machine_id']}; medians of {REPEATS}.\n")
    print("\n".join(lines()))
