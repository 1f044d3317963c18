"""Which launchers there are: entry points of the group ``scalebench.launchers``, so that another package can add one."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from scalebench import axes
from scalebench.errors import StudyError

if TYPE_CHECKING:
    from scalebench.launchers.base import Launcher

#: the built-in ones, in the order in which they are shown; they work without installed metadata too
BUILT_IN = {
    "local": "scalebench.launchers.local:Local",
    "mpiexec": "scalebench.launchers.mpiexec:Mpiexec",
    "slurm": "scalebench.launchers.slurm:Slurm",
}


@cache
def references() -> dict[str, str]:
    """``name -> "module:Class"`` of every launcher, built-in ones first; a built-in name can't be taken over."""
    found = dict(BUILT_IN)
    for point in sorted(entry_points(group="scalebench.launchers"), key=lambda one: one.name):
        found.setdefault(point.name, point.value)
    return found


def get_launcher(name: str) -> "type[Launcher]":
    """The launcher called ``name``.

    Raises:
        StudyError: There is none, or it can't be loaded.
    """
    axes.parse_name("launcher", name, references(), "launcher")
    try:
        launcher: type[Launcher] = EntryPoint(name, references()[name], "scalebench.launchers").load()
    except Exception as error:  # noqa: BLE001 - a broken plug-in must say which it is
        raise StudyError("launcher", name, f"{references()[name]} can't be loaded: {error}", "Mend it, or name another") from None
    return launcher


def make_launcher(name: str, options: Mapping[str, str]) -> "Launcher":
    """A launcher with its options.

    Raises:
        StudyError: There is no such launcher, it has no such option, or the option no such value.
    """
    kind = get_launcher(name)
    for key in options:
        if not kind.options:
            raise StudyError(f"launcher_options.{key}", options[key], f"launcher {name!r} has no options", "Leave it out")
        axes.parse_name(f"launcher_options of {name}", key, kind.options, "option")
    return kind(options)
