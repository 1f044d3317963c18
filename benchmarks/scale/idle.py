"""What workers of dask take of a CPU with nothing to do: ``python benchmarks/scale/idle.py 16 48``.

As they come, and with what the study ``many-clusters`` turns off: a profiler that looks at a worker's stack a hundred times a second, and
a look at its event loop, fifty times.
"""

import sys
import time
from collections.abc import Sequence

import dask
import psutil
from distributed import LocalCluster

OFF = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "10s"}
SETTLED_S, IDLE_S = 5.0, 10.0


def idle(workers: int) -> tuple[float, float]:
    """Share of a CPU that a worker takes, and that the scheduler does, which is in this process."""
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None):
        time.sleep(SETTLED_S)
        this = psutil.Process()
        both = this.children(recursive=True), [this]
        before = list(map(taken, both))
        time.sleep(IDLE_S)
        theirs, its = ((taken(some) - earlier) / IDLE_S for some, earlier in zip(both, before, strict=True))
    return theirs / workers, its


def taken(processes: Sequence[psutil.Process]) -> float:
    """CPU time so far, s."""
    return sum(one.cpu_times().user + one.cpu_times().system for one in processes)


if __name__ == "__main__":
    print("| workers | profiler, look at the loop | a worker | the scheduler |\n|---:|---|---:|---:|", flush=True)
    for said, settings in (("as they come", {}), ("off", OFF)):
        for count in map(int, sys.argv[1:]):
            with dask.config.set(settings):
                worker, scheduler = idle(count)
            print(f"| {count} | {said} | {worker:.1%} | {scheduler:.0%} |", flush=True)
