"""``mpi-pool``: mpi4py.futures.MPIPoolExecutor.

``mpi_mode`` ``world``: started as ``mpiexec -n P+1 ... -m mpi4py.futures``; rank 0 is the host, the others are the
workers, and ``max_workers`` is ignored by mpi4py, so the size is checked. ``spawn``: one host rank starts P
workers by MPI_Comm_spawn. Both run below ``scalebench.host``, so that a worker's print can't reach the protocol.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from scalebench.backends.base import T, Usual
from scalebench.host import worker


class BelowMpiexec(Usual):
    """Mixin: the host is a rank, started by mpiexec."""

    @staticmethod
    def unavailable() -> str | None:
        return None if find_spec("mpi4py") else "mpi4py is not installed: python -m pip install mpi4py mpich"


class MPIPool(BelowMpiexec):
    """A pool of MPI ranks that take tasks as they come."""

    name: ClassVar[str] = "mpi-pool"
    summary: ClassVar[str] = "mpi4py.futures.MPIPoolExecutor"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {"mpi_mode": ("world",), "chunksize": (None,)}

    @staticmethod
    def ranks(workers: int, options: dict[str, Any]) -> int | None:
        return workers + 1 if options["mpi_mode"] == "world" else 1

    @staticmethod
    def host_arguments(options: dict[str, Any]) -> list[str]:
        return ["-m", "mpi4py.futures", "-m", "scalebench.host.serve"] if options["mpi_mode"] == "world" else []

    def open(self, workers: int, job: worker.Job, *, mpi_mode: str, chunksize: int | None) -> "_Executor":
        return _Executor(workers, job, mpi_mode, chunksize)


class _Executor:
    def __init__(self, workers: int, job: worker.Job, mpi_mode: str, chunksize: int | None) -> None:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor

        if mpi_mode == "world" and workers + 1 != (size := MPI.COMM_WORLD.Get_size()):
            raise RuntimeError(world_mismatch(MPI, size, workers + 1))
        self.chunksize_found: int | None = 1 if chunksize is None else chunksize  # MPIPoolExecutor.map's own default
        self._workers = workers
        self._executor = MPIPoolExecutor(
            workers,
            initializer=worker.install,
            initargs=(job,),
            main=False,  # nothing of the host's __main__ is needed there
            python_args=["-m", "scalebench.host"],  # spawned workers: descriptors first, then mpi4py's own server
        )
        self._executor.bootup(wait=True)
        if (found := self._executor.num_workers) != workers:
            raise RuntimeError(f"mpi4py.futures started {found} of {workers} workers")

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        return list(self._executor.map(function, items, chunksize=self.chunksize_found or 1))

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        futures = [self._executor.submit(_meet, function) for _ in range(self._workers)]
        return [future.result() for future in futures]

    def close(self) -> None:
        self._executor.shutdown()


def _meet(function: Callable[[], T]) -> T:
    """Wait until every worker has taken one call, so that none takes two."""
    from mpi4py.futures import get_comm_workers

    get_comm_workers().Barrier()
    return function()


def world_mismatch(mpi: Any, found: int, asked: int) -> str:
    """What a world of the wrong size means."""
    library = mpi.Get_library_version().split("\n")[0].strip("\0 ")
    return (
        f"the MPI world holds {found} ranks, {asked} were started: the mpiexec that started them belongs to "
        f"another MPI than the one mpi4py loaded ({library})"
    )
