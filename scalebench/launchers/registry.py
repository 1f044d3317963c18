"""Which launchers there are: entry points of the group ``scalebench.launchers``, so that another package can add one."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from scalebench import axes
from scalebench.errors import StudyError
from scalebench.plugins import named

if TYPE_CHECKING:
    from scalebench.launchers.base import Launcher

_GROUP = "scalebench.launchers"
#: the built-in ones, in the order in which they are shown; they work without installed metadata too
BUILT_IN = {
    "local": "scalebench.launchers.local:Local",
    "mpiexec": "scalebench.launchers.mpiexec:Mpiexec",
    "slurm": "scalebench.launchers.slurm:Slurm",
}


@cache
def references() -> dict[str, str]:
    """``name -> "module:Class"`` of every launcher."""
    return named(_GROUP, BUILT_IN)


def get_launcher(name: str) -> "type[Launcher]":
    """The launcher called ``name``.

    Raises:
        StudyError: There is none, or it can't be loaded.
    """
    axes.parse_name("launcher", name, references(), "launcher")
    try:
        launcher: type[Launcher] = EntryPoint(name, references()[name], _GROUP).load()
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
