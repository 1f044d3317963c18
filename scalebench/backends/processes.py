"""``processes``: concurrent.futures.ProcessPoolExecutor, with any start method."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ClassVar

from scalebench.backends import deaths, meeting
from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker


class Processes(PlainProcess):
    """A pool of processes below the host."""

    name: ClassVar[str] = "processes"
    summary: ClassVar[str] = "concurrent.futures.ProcessPoolExecutor"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {
        "start_method": (multiprocessing.get_all_start_methods()[0],),  # Python's own default stands first
        "chunksize": (None,),
    }

    def open(self, workers: int, job: worker.Job, *, start_method: str, chunksize: int | None) -> "_ProcessPool":
        return _ProcessPool(workers, job, start_method, chunksize)


class _ProcessPool:
    def __init__(self, workers: int, job: worker.Job, start_method: str, chunksize: int | None) -> None:
        context = multiprocessing.get_context(start_method)
        self.chunksize_found: int | None = 1 if chunksize is None else chunksize  # Executor.map's own default
        self._workers = workers
        self._executor = ProcessPoolExecutor(
            workers, mp_context=context, initializer=meeting.install, initargs=(job, context.Barrier(workers))
        )
        self._processes: Sequence[Any] = ()
        self.each_worker(int)  # workers start on demand: force them up

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        try:
            return list(self._executor.map(function, items, chunksize=self.chunksize_found or 1))
        except BrokenProcessPool as error:
            raise self._broken(error) from None

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        try:
            futures = [self._executor.submit(meeting.meet, function) for _ in range(self._workers)]
            self._processes = tuple(self._executor._processes.values())  # noqa: SLF001 - the pool forgets those that died
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise self._broken(error) from None

    def close(self) -> None:
        self._executor.shutdown()

    def _broken(self, error: BrokenProcessPool) -> Exception:
        manager = self._executor._executor_manager_thread  # noqa: SLF001
        return deaths.why_broken(error, manager, self._processes, signal.SIGTERM)
