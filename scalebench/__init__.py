"""How does this code scale, where does it stop, and why?

The public API: :class:`Study` says what to sweep, :func:`run` measures it, :func:`load` reads results back;
:class:`Workload` and :func:`count_work` describe code to be measured. Names resolve on first use, so that
``import scalebench`` costs nothing in a measured process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebench.api import Result, load, run
    from scalebench.study import Study
    from scalebench.workloads.describe import Workload
    from scalebench.workloads.work import count_work

__version__ = "0.1.0"
__all__ = ["Result", "Study", "Workload", "count_work", "load", "run"]

_HOMES = {
    "Result": "scalebench.api",
    "Study": "scalebench.study",
    "Workload": "scalebench.workloads.describe",
    "count_work": "scalebench.workloads.work",
    "load": "scalebench.api",
    "run": "scalebench.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
