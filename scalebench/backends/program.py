"""``program``: what stands for the interface where the workload is a whole program, which brings its own.

It is in no list of backends and can't be asked for by name: a study with a ``command`` has it and no other. There is no
function to map over workers, so there is no pool; ``scalebench.host.program`` runs the command.
"""

import os
from typing import Any, ClassVar, NoReturn

from scalebench.backends.base import PlainProcess
from scalebench.command import PROGRAM


class Program(PlainProcess):
    """The program itself: its workers are its own."""

    name: ClassVar[str] = PROGRAM
    summary: ClassVar[str] = "a command, with workers of its own"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {}

    @staticmethod
    def unavailable() -> str | None:
        return None if hasattr(os, "posix_spawn") else "a command is started by posix_spawn, which this system lacks"

    @staticmethod
    def host_arguments(options: dict[str, Any]) -> list[str]:
        return ["-m", "scalebench.host.program"]

    def open(self, workers: int, job: object, **options: Any) -> NoReturn:
        raise TypeError("a program has no pool to open: scalebench.host.program runs it")
