"""What a kind of ``really_hard_task`` is, and which there are.

A kind does a fixed amount of work, never calibrated to the machine, else two machines could not be compared.
Its size is text, as it stands in studies, flags and columns: ``"50000"`` turns, ``"400x8"`` products of order
400. A size is read into ``(shape, units)``: ``units`` is what an imbalance spreads over tasks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

MOST_UNITS = 2**53  # below it floats are exact, and the work of many tasks fits 64 bits
#: one file each, holding a ``KIND``
KINDS = ("sleep", "spin", "crunch", "blas", "stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of really hard task."""

    name: str
    size_unit: str  #: what a size counts, e.g. ``"turns"``
    default_size: str
    work_unit: str  #: what ``work_units`` counts, e.g. ``"turns"``
    parse: Callable[[str], tuple[int, int]]  #: text -> ``(shape, units)``; ValueError with the rule
    run: Callable[[int, int, int], object]  #: ``(n, shape, units)`` -> the answer; None where there is none
    fixed_time: bool = False  #: lasts as long as asked, whatever got done (``sleep``, ``spin``)
    cpu_bound: bool = True  #: keeps a CPU busy while it runs
    holds_gil: bool = True  #: only one thread of a process runs it at a time
    uses_blas: bool = False  #: has a ``blas_threads`` axis
    bytes_needed: Callable[[int, int], int] | None = None  #: ``(shape, units)`` -> bytes held by one task


def get_kind(name: str) -> Kind:
    """The kind called ``name``; KeyError for an unknown one."""
    if name not in KINDS:
        raise KeyError(name)
    kind: Kind = import_module(f"scalebench.workloads.{name}").KIND
    return kind


def parse_count(text: str) -> tuple[int, int]:
    """A size that is one count: ``"50_000"`` or ``"5e4"`` -> ``(0, 50000)``."""
    value = float(text.replace("_", ""))
    if not value.is_integer() or not 1 <= value < MOST_UNITS:
        raise ValueError("a whole number, 1 or more")
    return 0, int(value)


def parse_milliseconds(text: str) -> tuple[int, int]:
    """A size in milliseconds, kept in whole microseconds: ``"2.5"`` -> ``(0, 2500)``."""
    milliseconds = float(text)
    microseconds = round(milliseconds * 1000) if 0 < milliseconds < MOST_UNITS / 1000 else 0
    if microseconds < 1:
        raise ValueError("a number of milliseconds, 0.001 or more")
    return 0, microseconds
