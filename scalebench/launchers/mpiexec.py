"""The mpiexec that belongs to the libmpi that mpi4py loads: found, checked, and its command line.

A foreign mpiexec starts ranks that each see a world of one. So the library is asked for its file and name in a
process of its own, and an mpiexec is taken only from beside that library or when its version text names the same MPI.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scalebench.errors import BackendUnavailableError

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
_GET_ONE = "python -m pip install mpi4py mpich"


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
        return [self.mpiexec, "-n", str(ranks)]

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


def _family(mpiexec: str) -> str:
    """Which MPI a launcher says it belongs to."""
    try:
        told = subprocess.run([mpiexec, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "an unknown MPI"
    if "Open MPI" in told or "PRRTE" in told or "OpenRTE" in told:
        return "Open MPI"
    return "MPICH" if "HYDRA" in told or "Intel(R) MPI" in told else "an unknown MPI"
