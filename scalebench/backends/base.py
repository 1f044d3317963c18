"""The contract of a backend: a way to run one function on many workers. It measures nothing and prints nothing.

``__all__`` is what a backend of another package is made of, and is as public as the names of the package itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from scalebench.host.worker import Job, install

__all__ = ["Backend", "Job", "OpenError", "PlainProcess", "Pool", "install"]

T = TypeVar("T")

#: axes that a backend may have of its own: keys of a study and columns of a row
OWN_AXES = ("start_method", "mpi_mode", "distribution", "chunksize")


class OpenError(Exception):
    """The pool could not be made ready; the message is for the row, ``brief`` for somebody who waits at a terminal."""

    def __init__(self, message: str, brief: str | None = None) -> None:
        super().__init__(message)
        self.brief = brief


class Pool(Protocol):
    """Workers that are up. Used by one thread; all methods may raise what the interface itself raises."""

    chunksize_found: int | None  #: tasks that reached a worker at a time in the last map; None where it has none

    def before_round(self, function: Callable[[Any], Any]) -> None:
        """Bring the workers to the start line; called outside the clock, before each :meth:`map`."""

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        """``[function(item) for item in items]``, in item order, on the workers. This is what is timed.

        Raises:
            concurrent.futures.BrokenExecutor: A worker died.
            Exception: Whatever the interface raises, for an item or an answer that can't be pickled, say.
        """

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        """Call ``function()`` exactly once in every worker, at the same time; the answers in any fixed order."""

    def close(self) -> None:
        """End the workers; none is left when this returns."""


class Backend(Protocol):
    """A parallel interface. Importing its module imports nothing that ``open`` doesn't need."""

    name: ClassVar[str]  #: in studies, columns and reports
    summary: ClassVar[str]  #: the interface in a few words, for ``scalebench backends``
    #: axes of its own, each with the values to sweep when a study names none; an axis not listed collapses to null
    axes: ClassVar[dict[str, tuple[Any, ...]]]
    threads: ClassVar[bool]  #: workers are threads of one process and share its BLAS
    only_one_worker: ClassVar[bool]  #: it has no workers to sweep: ``serial``
    #: workers are up before they are given anything: the host sends each the job, by ``each_worker``; else ``open`` has installed it
    broadcasts: ClassVar[bool]
    #: what the address looks like at which it finds workers that are there; None where it starts its own in any case
    scheduler: ClassVar[str | None]
    #: queue -> the module that starts workers in jobs of it, used at the address that it then has; ``{}`` but for scalebench's own
    jobs: ClassVar[Mapping[str, str]]
    #: roughly the seconds that a pool of its own takes to start and end, and the CPU seconds that each worker adds; for estimates only
    pool_s: ClassVar[tuple[float, float]]

    @staticmethod
    def unavailable() -> str | None:
        """Why it can't run here, in one line with the command that would fix it; None when it can."""

    @staticmethod
    def ranks(workers: int, options: dict[str, Any]) -> int | None:
        """MPI processes to start the host as; None for a plain process."""

    @staticmethod
    def host_arguments(options: dict[str, Any]) -> list[str]:
        """What follows ``python -m scalebench.host``: nothing, or ``["-m", MODULE, ...]`` to be run there."""

    def open(self, workers: int, job: Job, **options: Any) -> Pool:
        """Start the workers and, unless it ``broadcasts``, call ``install(job)`` once in each, before any task.

        All are up when this returns, so that start-up is never timed by accident.

        Args:
            workers: How many, >= 1; never rounded down in silence.
            job: To be installed.
            **options: The axes of the backend, as asked for; ``scheduler``, where it takes one and the study gives one.
        Raises:
            OpenError: They can't be had; the message says what, where, and the way out.
        """


class Usual:
    """What most backends say of themselves."""

    threads: ClassVar[bool] = False
    only_one_worker: ClassVar[bool] = False
    broadcasts: ClassVar[bool] = False
    scheduler: ClassVar[str | None] = None
    jobs: ClassVar[Mapping[str, str]] = {}
    pool_s: ClassVar[tuple[float, float]] = (0.0, 0.0)


class PlainProcess(Usual):
    """Mixin of a backend whose host is a plain process, without MPI: all of ``Backend`` but name, summary, axes and ``open``."""

    @staticmethod
    def unavailable() -> str | None:
        return None

    @staticmethod
    def ranks(workers: int, options: dict[str, Any]) -> int | None:
        return None

    @staticmethod
    def host_arguments(options: dict[str, Any]) -> list[str]:
        return []
