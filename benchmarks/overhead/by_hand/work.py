"""The task that all scripts map, and how they are told to run a round."""

import os
import sys
import time

from scalebench.workloads.crunch import run

# the environment is the one thing that workers of every kind inherit; a chunk size of 0 is the interface's own default
WORKERS, TASKS, TURNS, CHUNKSIZE = map(int, os.environ["BY_HAND"].split())
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
