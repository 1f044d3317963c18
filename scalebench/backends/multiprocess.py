"""``multiprocess``: the fork of multiprocessing that pickles with dill."""

from importlib.util import find_spec

from scalebench.backends.multiprocessing import MultiprocessingPool, PoolOfProcesses
from scalebench.host import worker


class MultiprocessPool(MultiprocessingPool):
    """A Pool of processes below the host; also takes functions that only dill can pickle."""

    name = "multiprocess"
    summary = "multiprocess.Pool (pickles with dill)"

    @staticmethod
    def unavailable() -> str | None:
        return None if find_spec("multiprocess") else "multiprocess is not installed: python -m pip install multiprocess"

    def open(self, workers: int, job: worker.Job, *, start_method: str, chunksize: int | None) -> PoolOfProcesses:
        import multiprocess

        return PoolOfProcesses(multiprocess, workers, job, start_method, chunksize)
