"""Find the checks and make them."""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from scalebench.doctor import checks
from scalebench.doctor.base import STATUSES, Diagnosis, System
from scalebench.errors import ScalebenchError


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One check and what it found."""

    name: str  #: of its file
    title: str
    essential: bool  #: nothing can be measured where it is broken
    diagnosis: Diagnosis


def names() -> list[str]:
    """Of all checks, by the alphabet."""
    return sorted(one.name for one in pkgutil.iter_modules(checks.__path__))


def examine(system: System, *, quick: bool = False, begins: Callable[[str], None] = lambda _: None) -> Iterator[Examined]:
    """Make the checks, one after the other, the slow ones last; ``begins`` is told the title of the next one.

    Args:
        system: What to look at.
        quick: Leave out the slow ones.
    """
    modules = sorted((_load(name) for name in names()), key=_slow)
    for module in modules:
        if quick and _slow(module):
            continue
        begins(module.TITLE)
        name = module.__name__.rpartition(".")[2]
        yield Examined(
            name=name, title=module.TITLE, essential=getattr(module, "ESSENTIAL", False), diagnosis=_made(module, system)
        )


def _load(name: str) -> ModuleType:
    return import_module(f"{checks.__name__}.{name}")


def _slow(module: ModuleType) -> bool:
    return bool(getattr(module, "SLOW", False))


def _made(module: ModuleType, system: System) -> Diagnosis:
    try:
        found: Diagnosis = module.check(system)
    except (ScalebenchError, OSError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        # what is odd about a machine must not hide what the other checks find
        return Diagnosis(status="broken", text=f"could not be looked at: {type(error).__name__}: {error}")
    return found


def worst_first(found: list[Examined]) -> list[Examined]:
    """By status, then in the order given."""
    return sorted(found, key=lambda one: STATUSES.index(one.diagnosis.status))


def measurable(found: list[Examined]) -> bool:
    """Whether anything can be measured here."""
    return not any(one.essential and one.diagnosis.status == "broken" for one in found)
