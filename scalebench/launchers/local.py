"""``local``: the host starts on this machine, as a plain process or below mpiexec.

Thread variables are set in the environment before the host's first import. Of the rest only what MPI needs to start
as root, the launch's mark, its own folder for temporary files (not of a program), and what a variant asks for are added.
"""

import os

from scalebench.backends.base import Backend
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import BackendUnavailableError
from scalebench.launchers.mpiexec import find_mpi
from scalebench.launchers.process import HostProcess
from scalebench.variants import HERE, THREAD_VARIABLES, Start


def options(case: Case, backend: Backend) -> dict[str, object]:
    """The values of the backend's own axes."""
    return {axis: getattr(case, axis) for axis in backend.axes}


def command(case: Case, place: Start = HERE) -> tuple[list[str], dict[str, str]]:
    """What starts the host of a case, where its variant says: arguments and environment.

    Raises:
        BackendUnavailableError: It needs an MPI that is not here.
    """
    backend = get_backend(case.backend)
    own = options(case, backend)
    arguments = [place.python, *place.arguments, "-m", "scalebench.host", *backend.host_arguments(own)]
    environment = {**os.environ, **dict(place.environment), **dict.fromkeys(THREAD_VARIABLES, str(case.blas_threads or 1))}
    if (ranks := backend.ranks(case.workers, own)) is not None:
        mpi = find_mpi(place.python, place.environment)
        arguments = [*mpi.command(ranks), *arguments]
        environment |= mpi.environment()
    return arguments, environment


def start(case: Case, place: Start = HERE) -> HostProcess:
    """Start the host of a case; it is up when it answers its first request."""
    return HostProcess(*command(case, place), own_folder=case.backend != PROGRAM)


def unavailable(name: str, place: Start = HERE) -> str | None:
    """Why a backend can't run there, in one line with the command that would fix it; None when it can."""
    backend = get_backend(name)
    if reason := backend.unavailable() if place is HERE else place.missing.get(name):
        return reason
    defaults = {axis: values[0] for axis, values in backend.axes.items()}
    if backend.ranks(1, defaults) is not None:
        try:
            find_mpi(place.python, place.environment)
        except BackendUnavailableError as error:
            return str(error)
    return None
