"""What workers of dask take of a CPU with nothing to do: ``python benchmarks/scale/idle.py 16 48``.

As they come, and with what the study ``many-clusters`` turns off: a profiler that looks at a worker's stack a hundred times a second, and
a look at its event loop, fifty times.
"""

import os
import sys
import time

import psutil

OFF = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "10s"}
SETTLED_S, IDLE_S = 5.0, 10.0


def idle(workers: int) -> tuple[float, float]:
    """Share of a CPU that a worker takes, and that the scheduler does, which is in this process."""
    from distributed import LocalCluster

    def taken(processes: list[psutil.Process]) -> float:
        return sum(one.cpu_times().user + one.cpu_times().system for one in processes)

    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None):
        time.sleep(SETTLED_S)
        this = psutil.Process()
        theirs = this.children(recursive=True)
        before = taken(theirs), taken([this])
        time.sleep(IDLE_S)
        after = taken(theirs), taken([this])
    return (after[0] - before[0]) / workers / IDLE_S, (after[1] - before[1]) / IDLE_S


if __name__ == "__main__":
    if "--here" in sys.argv:
        for count in (int(word) for word in sys.argv[1:] if word != "--here"):
            worker, scheduler = idle(count)
            print(f"| {count} | {'off' if OFF.keys() <= os.environ.keys() else 'as it comes'} | {worker:.2%} | {scheduler:.0%} |")
    else:  # dask reads its settings once, when it is loaded
        import subprocess

        print("| workers | profiler, look at the loop | a worker | the scheduler |\n|---:|---|---:|---:|", flush=True)
        for settings in ({}, OFF):
            subprocess.run([sys.executable, __file__, "--here", *sys.argv[1:]], env={**os.environ, **settings}, check=True)
