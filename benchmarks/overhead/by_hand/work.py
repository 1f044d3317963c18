"""The tasks that all scripts and the harness map, and how a script is told to run a round."""

import hashlib
import os
import sys
import time

from scalebench.workloads.crunch import run

# the environment is the one thing that workers of every kind inherit; a chunk size of 0 is the interface's own default
WHICH, *NUMBERS = os.environ["BY_HAND"].split()
WORKERS, TASKS, TURNS, CHUNKSIZE = map(int, NUMBERS)
ITEMS = [(n, 0, TURNS) for n in range(TASKS)]


def crunch(item):
    """Can be as short as 0.1 us; but a loop of Python's is 5% faster or slower with where its frame comes to lie."""
    return run(*item)


def digest(item):
    """One call of C, the same wherever it is called from; without the GIL."""
    return hashlib.pbkdf2_hmac("sha256", b"scalebench", b"", item[2])


task = {"crunch": crunch, "digest": digest}[WHICH]


def serve(one_round):
    """A line on the standard input: run a round, print its seconds."""
    for _ in sys.stdin:
        start = time.perf_counter()
        answers = one_round()
        print(repr(time.perf_counter() - start), flush=True)
        assert len(answers) == TASKS
