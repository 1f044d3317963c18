"""``threads``: concurrent.futures.ThreadPoolExecutor. One process, one GIL, one BLAS."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker


class Threads(PlainProcess):
    """A pool of threads in the host."""

    name: ClassVar[str] = "threads"
    summary: ClassVar[str] = "concurrent.futures.ThreadPoolExecutor"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {}
    threads: ClassVar[bool] = True

    def open(self, workers: int, job: worker.Job) -> "_ThreadPool":
        return _ThreadPool(workers, replace(job, threaded=True))


class _ThreadPool:
    chunksize_found: int | None = None

    def __init__(self, workers: int, job: worker.Job) -> None:
        self._workers = workers
        self._barrier = threading.Barrier(workers)
        self._executor = ThreadPoolExecutor(workers, initializer=worker.install, initargs=(job,))
        self.each_worker(int)  # threads start on demand: force them up

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        return list(self._executor.map(function, items))

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        def meet() -> T:
            self._barrier.wait()
            return function()

        return [future.result() for future in [self._executor.submit(meet) for _ in range(self._workers)]]

    def close(self) -> None:
        self._executor.shutdown()
