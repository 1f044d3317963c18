"""Which backends there are: entry points of the group ``scalebench.backends``, so that another package can add one."""

from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, cast

from scalebench.backends.base import OWN_AXES, Backend, PlainProcess
from scalebench.backends.program import Program
from scalebench.command import PROGRAM
from scalebench.plugins import named

_GROUP = "scalebench.backends"
#: the built-in ones, in the order in which they are shown; they work without installed metadata too
BUILT_IN = {
    "serial": "scalebench.backends.serial:Serial",
    "processes": "scalebench.backends.processes:Processes",
    "multiprocessing": "scalebench.backends.multiprocessing:MultiprocessingPool",
    "multiprocess": "scalebench.backends.multiprocess:MultiprocessPool",
    "joblib": "scalebench.backends.joblib:Joblib",
    "threads": "scalebench.backends.threads:Threads",
    "mpi-pool": "scalebench.backends.mpi_pool:MPIPool",
    "mpi": "scalebench.backends.mpi:MPIClassic",
    "dask": "scalebench.backends.dask:Dask",
    "ray": "scalebench.backends.ray:Ray",
}


@cache
def references() -> dict[str, str]:
    """``name -> "module:Class"`` of every backend."""
    return {name: reference for name, reference in named(_GROUP, BUILT_IN).items() if name != PROGRAM}


@cache
def get_backend(name: str) -> Backend:
    """The backend called ``name``; one that can't be used is unavailable, with the reason. KeyError for an unknown name."""
    if name == PROGRAM:
        return Program()
    point = EntryPoint(name, references()[name], _GROUP)
    try:
        backend: Backend = point.load()()
        foreign = sorted(backend.axes.keys() - OWN_AXES)
    except Exception as error:  # noqa: BLE001 - a broken plug-in must not stop the others
        return _broken(name, f"{point.value} can't be loaded: {type(error).__name__}: {error}")
    if foreign:
        return _broken(name, f"{point.value} has axes that no study knows: {', '.join(foreign)}; there are {', '.join(OWN_AXES)}")
    return backend


def _broken(name: str, reason: str) -> Backend:
    """Stands for a backend that can't be used: it has no axes and says why."""

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError(reason)

    members = {"name": name, "summary": "can't be used", "axes": {}, "unavailable": staticmethod(lambda: reason), "open": refuse}
    return cast("Backend", type("Broken", (PlainProcess,), members)())
