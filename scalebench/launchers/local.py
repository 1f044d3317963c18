"""``local``: the host starts on this machine, as a plain process or below mpiexec.

Thread variables are set in the environment before the host's first import. Of the rest only what MPI needs to start
as root or to listen on loopback alone, the launch's mark, its own folder for temporary files (not of a program), and what a
variant asks for are added.
"""

import os
from collections.abc import Mapping
from typing import ClassVar

from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.launchers.base import Launcher, host_command, ranks
from scalebench.launchers.mpi import LOOPBACK, find_mpi
from scalebench.launchers.process import HostProcess
from scalebench.variants import HERE, Start


class Local(Launcher):
    """On this machine."""

    name: ClassVar[str] = "local"
    summary: ClassVar[str] = "on this machine"
    here: ClassVar[bool] = True

    def start(self, case: Case, place: Start = HERE) -> HostProcess:
        return start(case, place)


def command(case: Case, place: Start = HERE) -> tuple[list[str], dict[str, str]]:
    """What starts the host of a case, where its variant says: arguments and environment.

    Raises:
        BackendUnavailableError: It needs an MPI that is not here.
    """
    arguments, needed = host_command(case, place)
    usual: Mapping[str, str] = {}
    if (count := ranks(case)) is not None:
        mpi = find_mpi(place.python, place.environment)
        arguments = [*mpi.command(count), *arguments]
        needed |= mpi.environment()
        usual = LOOPBACK
    return arguments, {**usual, **os.environ, **needed}


def start(case: Case, place: Start = HERE) -> HostProcess:
    """Start the host of a case; it is up when it answers its first request."""
    return HostProcess(*command(case, place), own_folder=case.backend != PROGRAM)
