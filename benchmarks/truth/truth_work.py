"""The workload whose truth is known: ``TRUTH_TURNS`` turns a task, the answer always that of the first ``TURNS``."""

import os

from scalebench.workloads.crunch import run

TURNS = 50_000  # eight of them in a pool of two: a round of about 20 ms
TASKS = 8
WORKERS = 2
ASKED = int(os.environ.get("TRUTH_TURNS", TURNS))


def task(item: int) -> int:
    answer = run(item, 0, TURNS)
    if ASKED > TURNS:
        run(item, 0, ASKED - TURNS)
    return answer
