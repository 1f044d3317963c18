"""``multiprocessing``: the standard library's Pool, with any start method."""

import multiprocessing
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

from scalebench.backends import meeting
from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker


class MultiprocessingPool(PlainProcess):
    """A Pool of processes below the host."""

    name: ClassVar[str] = "multiprocessing"
    summary: ClassVar[str] = "multiprocessing.Pool"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {
        "start_method": (multiprocessing.get_all_start_methods()[0],),  # Python's own default stands first
        "chunksize": (None,),
    }

    def open(self, workers: int, job: worker.Job, *, start_method: str, chunksize: int | None) -> "PoolOfProcesses":
        return PoolOfProcesses(multiprocessing, workers, job, start_method, chunksize)


class PoolOfProcesses:
    """The Pool of ``multiprocessing`` or of a module with the same interface."""

    def __init__(self, module: ModuleType, workers: int, job: worker.Job, start_method: str, chunksize: int | None) -> None:
        context = module.get_context(start_method)
        self.chunksize_found: int | None = None
        self._chunksize = chunksize
        self._workers = workers
        self._pool = context.Pool(workers, meeting.install, (job, context.Barrier(workers)))
        self.each_worker(int)  # the constructor does not wait until they are up

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        # Pool.map's own default: four chunks for each worker, the last ones shorter
        self.chunksize_found = self._chunksize or -(-len(items) // (4 * self._workers))
        answers: list[T] = self._pool.map(function, items, self._chunksize)
        return answers

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        answers: list[T] = self._pool.map(meeting.meet, [function] * self._workers, 1)
        return answers

    def close(self) -> None:
        self._pool.close()
        self._pool.join()
