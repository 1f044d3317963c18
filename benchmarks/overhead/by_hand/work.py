"""The task that all scripts map, and how they are told to run a round."""

import sys
import time

from scalebench.workloads.crunch import run

WORKERS, TASKS, TURNS = map(int, sys.argv[1:4])
ITEMS = [(n, 0, TURNS) for n in range(TASKS)]


def task(item):
    return run(*item)


def serve(one_round):
    """A line on the standard input: run a round, print its seconds."""
    for _ in sys.stdin:
        start = time.perf_counter()
        answers = one_round()
        print(repr(time.perf_counter() - start), flush=True)
        assert len(answers) == TASKS
