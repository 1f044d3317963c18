"""Which backends there are: entry points of the group ``scalebench.backends``, so that another package can add one."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from scalebench.backends.base import Backend

#: the built-in ones, in the order in which they are shown; they work without installed metadata too
BUILT_IN = {
    "serial": "scalebench.backends.serial:Serial",
    "processes": "scalebench.backends.processes:Processes",
    "threads": "scalebench.backends.threads:Threads",
    "mpi-pool": "scalebench.backends.mpi_pool:MPIPool",
    "mpi": "scalebench.backends.mpi:MPIClassic",
}


@cache
def references() -> dict[str, str]:
    """``name -> "module:Class"`` of every backend, built-in ones first; a built-in name can't be taken over."""
    found = dict(BUILT_IN)
    for point in sorted(entry_points(group="scalebench.backends"), key=lambda one: one.name):
        found.setdefault(point.name, point.value)
    return found


@cache
def get_backend(name: str) -> Backend:
    """The backend called ``name``; KeyError for an unknown one."""
    backend: Backend = EntryPoint(name, references()[name], "scalebench.backends").load()()
    return backend
