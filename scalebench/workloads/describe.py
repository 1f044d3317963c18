"""How a user's function becomes a workload.

A workload is named by reference, ``module:attribute``, and imported in each worker; the attribute is a
function of one item, or a :class:`Workload` that says more about it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A function to be measured, and what is known about it.

    >>> def simulate(item):
    ...     return item ** 2
    >>> Workload(function=simulate).function(3)
    9
    """

    function: Callable[..., Any]  #: ``function(item)``, or ``function(item, shared)`` where ``setup`` is given
    setup: Callable[[], Any] | None = None  #: called once in each worker; its time is part of ``startup_s``
    work_units: Callable[[Any, Any], int] | None = None  #: ``work_units(item, answer)``, >= 0; else 1 per task
    check: Callable[[Any, Any], bool] | None = None  #: ``check(item, answer)``: is the answer right?


def as_workload(value: object, name: str) -> Workload:
    """``value`` as a :class:`Workload`; TypeError, naming ``name``, when it is neither one nor callable."""
    if isinstance(value, Workload):
        return value
    if callable(value):
        return Workload(function=value)
    raise TypeError(f"{name} is of type {type(value).__name__}, not a function of one item nor a scalebench.Workload")
