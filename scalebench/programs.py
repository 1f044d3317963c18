"""The programs of a sweep: found before anything is measured, filled for each case, and what a round of one tells.

A variant is the program's: its variables are added to the command's environment, its interpreter is ``{python}``, its name
``{variant}``. The host that starts it is always the same one.
"""

import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalebench.case import Case
from scalebench.command import PROGRAM, Command, Program
from scalebench.errors import StudyError
from scalebench.interpreters import find_python
from scalebench.sweep import Sweep
from scalebench.variants import Start, Variant

_FOR_A_SHELL = re.compile(r"[*?`]|\$[\w({]|^~")  # in an argument that no shell saw


def prepare_programs(sweep: Sweep) -> None:
    """Find the interpreter of each variant, and each program where it would be started.

    Raises:
        StudyError: There is none, or it can't be executed.
    """
    cases = [entry.case for entry in sweep.entries if entry.case.backend == PROGRAM]
    for case in cases:
        if case.variant is not None and case.variant not in sweep.starts:
            sweep.starts[case.variant] = _start(case.variant, sweep.variants[case.variant], case, sweep)
    for case in cases:
        program_request(case, sweep)


def _start(name: str, asked: Variant, case: Case, sweep: Sweep) -> Start:
    program = sweep.programs[case.workload]
    if asked.revision is not None:
        raise StudyError(
            f"variants.{name}.revision", asked.revision, "can't be given to a command: nothing says that it would use it",
            f"Build each into a folder of its own, say {{variant}} in the command, and give --variant {name} alone",
        )  # fmt: skip
    python = sys.executable
    if asked.python is not None:
        try:
            python = find_python(asked.python)
        except StudyError as error:
            raise StudyError(f"variants.{name}.{error.key}", error.value, error.rule, error.way_out) from None
        if "python" not in program.placeholders:
            rule = "the command doesn't say {python}, so it would be the same command"
            raise StudyError(f"variants.{name}.python", asked.python, rule, "For example --command '{python} script.py'")
    return Start(python=python, about=asked.described())


def filled(command: Command, case: Case, sweep: Sweep) -> list[str]:
    """The arguments of a command in one case."""
    python = sys.executable if case.variant is None else sweep.starts[case.variant].python
    return command.fill({
        "workers": case.workers, "blas_threads": case.blas_threads, "size": case.size, "tasks": case.tasks, "seed": case.seed,
        "variant": case.variant, "python": python, "nodes": case.nodes,
    })  # fmt: skip


def filled_text(case: Case, sweep: Sweep) -> str | None:
    """A case's command as it would be typed, its variant's variables before it; None for a case that is no program."""
    if case.backend != PROGRAM:
        return None
    env = sweep.variants[case.variant].env if case.variant is not None else {}
    words = shlex.join(filled(sweep.programs[case.workload].command, case, sweep))
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in env.items()), words])


def program_request(case: Case, sweep: Sweep) -> dict[str, Any]:
    """What the host needs to run a case's command.

    Raises:
        StudyError: There is no such program.
    """
    program = sweep.programs[case.workload]
    env = dict(sweep.variants[case.variant].env) if case.variant is not None else {}

    def found(key: str, command: Command) -> dict[str, Any]:
        arguments = filled(command, case, sweep)
        return {"path": _find(key, arguments[0], env), "arguments": arguments}

    return {
        **found("command", program.command),
        "prepare": None if program.prepare is None else found("prepare", program.prepare),
        "environment": env,
        "figure_of_merit": program.figure_of_merit,
    }


def _find(key: str, name: str, env: Mapping[str, str]) -> str:
    """The path of a program, in the PATH that its command will have."""
    path = env.get("PATH", os.environ.get("PATH", os.defpath))
    if os.sep not in name:
        if (found := shutil.which(name, path=path)) is not None:
            return str(Path(found).absolute())
        here = Path(name)
        if here.is_file():
            raise StudyError(key, name, "is in the working folder, which is not looked in", f"Write ./{name}")
        raise StudyError(key, name, f"no such program in PATH, which is {path}", "Install it, or give its path")
    whole = Path(name).expanduser()
    if not whole.exists():
        raise StudyError(key, name, f"no such file, seen from {Path.cwd()}", "Build it first, or give another path")
    if whole.is_dir():
        raise StudyError(key, name, "is a folder", "Give the path of the program in it")
    if not os.access(whole, os.X_OK) or not stat.S_ISREG(whole.stat().st_mode):
        raise StudyError(key, name, "can't be executed", f"Make it so with chmod +x {name}, or give its interpreter first")
    return str(whole)


def wrong_with(told: Mapping[str, Any], program: Program) -> tuple[str, str, str] | None:
    """Why a round doesn't count: status, message, way out; None where it does.

    Args:
        told: The host's reply.
        program: What was run.
    """
    if told["exit_status"] and not program.ignore_failure:
        status = "crashed" if told["exit_status"] < 0 else "failed"
        filled_in = [one for one in program.command.arguments if not program.command.shell and _FOR_A_SHELL.search(one)]
        hint = f" '{filled_in[0]}' was given to it as it stands: a shell, of --shell, would fill it in." if filled_in else ""
        return status, told["message"], f"Mend the command, or give --ignore-failure.{hint}"
    if told.get("no_figure"):
        return "failed", told["no_figure"], "Mend the expression, or leave --figure-of-merit out."
    return None
