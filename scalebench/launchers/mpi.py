"""The mpiexec that belongs to the libmpi that mpi4py loads: found, checked, and its command line.

A foreign mpiexec starts ranks that each see a world of one. So the library is asked for its file and name in a
process of its own, and an mpiexec is taken only from beside that library or when its version text names the same MPI.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scalebench.errors import BackendUnavailableError
from scalebench.host.endings import ending

_PROBE = """
import json
from mpi4py import MPI
path = None
try:
    with open('/proc/self/maps') as maps:
        path = next((line.split()[-1] for line in maps if '/libmpi.' in line or '/libmpi_abi.' in line), None)
except OSError:
    pass
print(json.dumps([MPI.Get_library_version().split(chr(10))[0].strip(chr(0) + ' '), path]))
"""
_ABORT = re.compile(r"^Abort\((?P<code>\d+)\) on node \d+ \(rank (?P<rank>\d+) in comm", re.MULTILINE)  # of MPICH
_EXIT_CODES = re.compile(r"\[[^\]]*\] (\d+(?:,\d+)*)$", re.MULTILINE)  # of Hydra, by node, as wait(2) has them
_GET_ONE = "python -m pip install mpi4py mpich"


#: has ranks of MPICH's family that are all on one machine listen there alone, with UCX and with libfabric
LOOPBACK = {"UCX_NET_DEVICES": "lo", "FI_TCP_IFACE": "lo", "FI_SOCKETS_IFACE": "lo"} if sys.platform == "linux" else {}


@dataclass(frozen=True, slots=True)
class MPI:
    """An MPI that works here."""

    library: str  #: what the library calls itself
    mpiexec: str  #: path of its launcher
    open_mpi: bool  #: Open MPI, which needs its own options; else of MPICH's family

    def command(self, ranks: int) -> list[str]:
        """What starts ``ranks`` processes on this machine; more than it has CPUs, too."""
        if self.open_mpi:
            return [self.mpiexec, "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]
        return [self.mpiexec, "-print-all-exitcodes", "-n", str(ranks)]

    def environment(self) -> dict[str, str]:
        """Variables that its launcher needs."""
        if self.open_mpi and hasattr(os, "geteuid") and os.geteuid() == 0:
            return {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                    "PRTE_ALLOW_RUN_AS_ROOT": "1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # fmt: skip
        return {}


@cache
def find_mpi(python: str = sys.executable, environment: tuple[tuple[str, str], ...] = ()) -> MPI:
    """The MPI of an interpreter's mpi4py.

    Args:
        python: The interpreter.
        environment: Variables on top of this process's: they may choose another MPI.
    Raises:
        BackendUnavailableError: No mpi4py, no MPI library, or no mpiexec of the same MPI.
    """
    whole = {**os.environ, **dict(environment)}
    try:
        asked = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False, env=whole)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailableError(f"mpi4py can't be asked for its MPI ({error}): {_GET_ONE}") from None
    if asked.returncode or not asked.stdout.strip():
        cause = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackendUnavailableError(f"mpi4py can't load an MPI ({cause}): {_GET_ONE}")
    library, path = json.loads(asked.stdout.splitlines()[-1])
    open_mpi = "Open MPI" in library
    beside = [Path(path).resolve().parent.parent / "bin", Path(path).parent.parent / "bin"] if path else []
    folders = [*beside, Path(python).parent, *map(Path, whole.get("PATH", "").split(os.pathsep))]
    seen: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        for name in ("mpiexec.openmpi", "mpiexec") if open_mpi else ("mpiexec.hydra", "mpiexec"):
            if (found := shutil.which(name, path=str(folder))) and found not in seen:
                seen[found] = _family(found)
                if seen[found] == ("Open MPI" if open_mpi else "MPICH"):
                    return MPI(library, found, open_mpi)
    others = ", ".join(f"{path} of {family}" for path, family in seen.items()) or "no mpiexec at all"
    raise BackendUnavailableError(f"mpi4py loaded {library}, but there is {others}; they must be the same MPI: {_GET_ONE}")


def how_ranks_ended(printed: str) -> str | None:
    """The cause, of what mpiexec printed when a rank had died: the others it kills. None where it does not say.

    >>> how_ranks_ended("[mpiexec@node] Exit codes: [node] 9,768")
    'an MPI rank ended with exit status 3'
    """
    if abort := _ABORT.search(printed):
        return f"rank {abort['rank']} called MPI_Abort with error code {abort['code']}"
    told = [int(status) for codes in _EXIT_CODES.findall(printed.partition("Exit codes:")[2]) for status in codes.split(",")]
    ended = [os.waitstatus_to_exitcode(status) for status in told if status]
    own = [status for status in ended if status != -signal.SIGKILL] or ended
    if told == [signal.SIGKILL]:
        return "the MPI rank was killed by SIGKILL, or one that it spawned died (mpiexec does not say which)"
    return f"an MPI rank {ending(own[0])}" if own else None


def _family(mpiexec: str) -> str:
    """Which MPI a launcher says it belongs to."""
    try:
        told = subprocess.run([mpiexec, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "an unknown MPI"
    if "Open MPI" in told or "PRRTE" in told or "OpenRTE" in told:
        return "Open MPI"
    return "MPICH" if "HYDRA" in told or "Intel(R) MPI" in told else "an unknown MPI"
