"""What a launcher is: how the host of a case starts, on this machine or on others. One file each, and an entry point.

What all share stands here: the command of a host, and the environment that it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from scalebench.backends.base import Backend
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.errors import BackendUnavailableError
from scalebench.launchers.mpi import find_mpi
from scalebench.launchers.process import HostProcess
from scalebench.variants import HERE, THREAD_VARIABLES, Start


def never() -> bool:
    """Nobody asks for an end."""
    return False


class Launcher:
    """Starts hosts. A subclass brings ``start`` and what of the rest it needs.

    The order of calls: the constructor, when a study is read; ``prepare``, before anything is measured; ``begin_run``; ``wait`` and
    ``start`` for each launch; ``block_ended``; ``close``, whatever happened.
    """

    name: ClassVar[str]
    summary: ClassVar[str]  #: in a few words, for ``scalebench backends``
    options: ClassVar[Mapping[str, str]] = {}  #: keys of ``launcher_options`` -> what each means
    here: ClassVar[bool] = False  #: hosts start on this machine and on no other

    def __init__(self, options: Mapping[str, str]) -> None:
        """Check ``options``, without a look at the machine.

        Raises:
            StudyError: A value that can't be.
        """

    def prepare(self, cases: Sequence[Case]) -> None:
        """Look whether these cases can be started.

        Raises:
            StudyError: They can't; nothing was measured.
        """

    def machine(self) -> dict[str, Any] | None:
        """The fingerprint of the machine that hosts start on, once it is prepared; None: this one."""

    def cpus(self, count: int) -> int | None:
        """CPUs that processes on so many of its nodes may use, whichever these are, as the nodes told; None: not known."""

    def unavailable(self, backend: str, place: Start = HERE) -> str | None:
        """Why a backend can't run there, in one line with the command that would fix it; None when it can."""
        return unavailable(backend, place)

    def planned(self, cases: Sequence[Case]) -> list[str]:
        """What a block of these cases would submit, as it would be typed: for a dry run."""
        return []

    def begin_run(self, run_id: str) -> None:
        """What is started from now on belongs to this run."""

    def wait(self, ends: Callable[[], bool]) -> None:
        """Return when a host can be started, which a queue may put off.

        Raises:
            KeyboardInterrupt: ``ends`` said so.
            LauncherError: It will not be.
        """

    def start(self, case: Case, place: Start = HERE) -> HostProcess:
        """Start the host of a case; it is up when it answers its first request.

        Raises:
            BackendUnavailableError: It needs an MPI that is not here.
        """
        raise NotImplementedError

    def block_ended(self) -> None:
        """Each case of a block was launched, or will not be."""

    def close(self) -> None:
        """No further host will be started; what was taken is given back."""


def options(case: Case, backend: Backend) -> dict[str, object]:
    """The values of the backend's own axes."""
    return {axis: getattr(case, axis) for axis in backend.axes}


def has_ranks(backend: Backend) -> bool:
    """Whether its host comes up as MPI ranks."""
    return backend.ranks(1, {axis: values[0] for axis, values in backend.axes.items()}) is not None


def ranks(case: Case) -> int | None:
    """MPI processes that the host of a case comes up as; None for a plain process."""
    backend = get_backend(case.backend)
    return backend.ranks(case.workers, options(case, backend))


def host_command(case: Case, place: Start) -> tuple[list[str], dict[str, str]]:
    """The command of one process of a host, and what its environment needs beyond the controller's."""
    backend = get_backend(case.backend)
    arguments = [place.python, *place.arguments, "-m", "scalebench.host", *backend.host_arguments(options(case, backend))]
    return arguments, {**dict(place.environment), **dict.fromkeys(THREAD_VARIABLES, str(case.blas_threads or 1))}


def unavailable(name: str, place: Start = HERE) -> str | None:
    """Why a backend can't run on this machine, in one line with the command that would fix it; None when it can."""
    backend = get_backend(name)
    if reason := backend.unavailable() if place is HERE else place.missing.get(name):
        return reason
    if has_ranks(backend):
        try:
            find_mpi(place.python, place.environment)
        except BackendUnavailableError as error:
            return str(error)
    return None
