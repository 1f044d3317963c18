"""``multiprocessing``: the standard library's Pool, with any start method."""

import multiprocessing
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

from scalebench.backends import deaths, meeting
from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker

_LOOK_S = 0.5  # between two looks whether a worker has died, in a round that lasts longer


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
        self._processes = tuple(self._pool._pool)  # noqa: SLF001 - the pool replaces those that died, and says nothing
        self.each_worker(int)  # the constructor does not wait until they are up

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        # Pool.map's own default: four chunks for each worker, the last ones shorter
        self.chunksize_found = self._chunksize or -(-len(items) // (4 * self._workers))
        answers: list[T] = self._wait(self._pool.map_async(function, items, self._chunksize))
        return answers

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        answers: list[T] = self._wait(self._pool.map_async(meeting.meet, [function] * self._workers, 1))
        return answers

    def close(self) -> None:
        self._pool.close()
        self._pool.join()

    def _wait(self, asked: Any) -> Any:
        """The answers; what a worker had that died is answered by nobody, and what can't be read ends the pool's own thread."""
        asked.wait(_LOOK_S)
        while not asked.ready():
            replaced = [one for one in self._processes if one not in self._pool._pool]  # noqa: SLF001
            if (death := deaths.first_death(replaced)) is not None:
                raise death
            if not self._pool._result_handler.is_alive():  # noqa: SLF001
                raise RuntimeError("an answer can be pickled, but not unpickled")
            asked.wait(_LOOK_S)
        return asked.get()
