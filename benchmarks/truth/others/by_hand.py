"""The round by hand, for the other tools: the same tasks in the same pool, kept warm."""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from truth_work import TASKS, WORKERS, task


@cache
def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=get_context("fork"))


def one_round() -> list[int]:
    return list(_pool().map(task, range(TASKS)))
