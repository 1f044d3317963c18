"""``joblib``: Parallel over loky's processes.

With one job joblib runs the calls in the parent; here a pool of one is a pool, or one worker would be compared with
none. Its batches adapt to how long the tasks take unless ``chunksize`` fixes them; ``chunksize_found`` is where it was at
the end of the round.
"""

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from importlib.util import find_spec
from typing import Any, ClassVar

from scalebench.backends import deaths, meeting
from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker

_LOOK_S = 0.5  # between two looks whether a worker has died on its way


class Joblib(PlainProcess):
    """joblib.Parallel with its default backend."""

    name: ClassVar[str] = "joblib"
    summary: ClassVar[str] = "joblib.Parallel (loky)"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {"chunksize": (None,)}
    pool_s: ClassVar[tuple[float, float]] = (0.6, 0.5)

    @staticmethod
    def unavailable() -> str | None:
        return None if find_spec("joblib") else "joblib is not installed: python -m pip install joblib"

    def open(self, workers: int, job: worker.Job, *, chunksize: int | None) -> "_Parallel":
        return _Parallel(workers, job, chunksize)


class _Parallel:
    def __init__(self, workers: int, job: worker.Job, chunksize: int | None) -> None:
        from joblib import Parallel, delayed
        from joblib.externals.loky.backend.context import get_context

        self.chunksize_found: int | None = None
        self._chunksize = chunksize
        self._workers = workers
        self._delayed = delayed
        context = get_context("loky")
        self._gate = _Gate(context.Semaphore(0), context.Semaphore(0))
        self._backend = _loky(initializer=meeting.install, initargs=(job, self._gate))
        self._parallel = Parallel(workers, backend=self._backend, batch_size="auto" if chunksize is None else chunksize)
        self._parallel.__enter__()
        self._processes: Sequence[Any] = ()
        self.each_worker(int)  # workers start on demand: force them up

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        task = self._delayed(function)
        try:
            answers: list[T] = self._parallel(task(item) for item in items)
        except BrokenExecutor as error:
            raise self._broken(error) from None
        self.chunksize_found = self._chunksize or self._backend._effective_batch_size  # noqa: SLF001 - told nowhere else
        return answers

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        executor = self._backend._workers  # noqa: SLF001 - Parallel offers no call per worker
        try:
            futures = [executor.submit(meeting.meet, function) for _ in range(self._workers)]
            self._processes = tuple(executor._processes.values())  # noqa: SLF001 - loky forgets those that died
            self._gate.open_for(futures)
            return [future.result() for future in futures]
        except BrokenExecutor as error:
            raise self._broken(error) from None

    def _broken(self, error: BrokenExecutor) -> Exception:
        manager = self._backend._workers._executor_manager_thread  # noqa: SLF001
        return deaths.why_broken(error, manager, self._processes, signal.SIGKILL)

    def close(self) -> None:
        executor = self._backend._workers  # noqa: SLF001
        self._parallel.__exit__(None, None, None)
        executor.shutdown(wait=True)


class _Gate:
    """What a barrier is elsewhere, whose memory loky's processes can't be given: the host counts them in and lets them go."""

    def __init__(self, arrived: Any, leave: Any) -> None:
        self._arrived = arrived
        self._leave = leave

    def wait(self) -> None:
        """In a worker: come to the gate, wait until it opens."""
        self._arrived.release()
        self._leave.acquire()

    def open_for(self, futures: Sequence[Any]) -> None:
        """In the host: wait until as many have come as there are futures, then let all of them go."""
        for _ in futures:
            while not self._arrived.acquire(timeout=_LOOK_S):
                for future in futures:
                    if future.done():
                        future.result()  # raises: its worker died before it came
        for _ in futures:
            self._leave.release()


def _loky(**options: Any) -> Any:
    """joblib's loky backend, with a pool for one job too."""
    from joblib._parallel_backends import LokyBackend
    from joblib.executor import get_memmapping_executor

    class Loky(LokyBackend):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))  # told that there is one, Parallel runs the calls itself

        def configure(self, n_jobs: int = 1, parallel: Any = None, **others: Any) -> int:
            if n_jobs != 1:
                return int(super().configure(n_jobs, parallel, **others))
            environment = self._prepare_worker_env(n_jobs=1)
            self._workers = get_memmapping_executor(1, env=environment, context_id=parallel._id, **self.backend_kwargs)  # noqa: SLF001
            self.parallel = parallel
            return 1

    return Loky(**options)
