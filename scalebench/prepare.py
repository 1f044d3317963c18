"""Make the variants of a sweep ready to start, and prove it, before anything is measured.

Every variant runs this scalebench's host: a copy of the package, put first on the path in a folder of its own, so that
the interpreter needs no scalebench and sees nothing else of the controller's packages. (A revision of scalebench
itself brings its own.) The host is started once in each and says what is there.
"""

import os
import shutil
import subprocess
import sys
import weakref
from collections.abc import Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scalebench import machine
from scalebench.backends.registry import references
from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import HostError, StudyError, WorkloadError, brief
from scalebench.interpreters import find_python
from scalebench.launchers import worktree
from scalebench.launchers.leftovers import temporary_folder
from scalebench.programs import prepare_programs
from scalebench.sweep import Sweep, as_serial, job_and_items
from scalebench.variants import Start, Variant
from scalebench.workloads.family import NAME

_LEAST_PYTHON = (3, 11)
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"  # any Python can run this
_START_TIMEOUT_S = 120.0


def prepare(sweep: Sweep) -> None:
    """Fill ``sweep.starts``. What was made for it is removed by :func:`clear`, or at the interpreter's end.

    Raises:
        StudyError: No such interpreter or revision, or the host can't run there.
        WorkloadError: A variant can't import its workload.
    """
    cases: dict[str, list[Case]] = {}
    for entry in sweep.entries:
        if entry.case.variant is not None and entry.case.backend != PROGRAM:
            cases.setdefault(entry.case.variant, []).append(entry.case)
    prepare_programs(sweep)
    if not cases:
        return
    folder = Path(temporary_folder())
    trees: list[tuple[Path, Path]] = []
    sweep.prepared = weakref.finalize(sweep, _remove, folder, trees)
    try:
        light = _copy_package(folder)
        for name in [name for name in sweep.variants if name in cases]:
            try:
                sweep.starts[name] = _start(name, sweep.variants[name], cases[name], sweep, light, trees)
            except StudyError as error:
                key = error.key if error.key.startswith("variants.") else f"variants.{name}.{error.key}"
                raise StudyError(key, error.value, error.rule, error.way_out) from None
    except BaseException:
        clear(sweep)
        raise


def clear(sweep: Sweep) -> None:
    """Remove what :func:`prepare` made; no host can start any more."""
    if sweep.prepared is not None:
        sweep.prepared()


def _remove(folder: Path, trees: list[tuple[Path, Path]]) -> None:
    for top, tree in trees:
        worktree.remove(top, tree)
    shutil.rmtree(folder, ignore_errors=True)


def _copy_package(folder: Path) -> Path:
    """A folder that holds scalebench and nothing else, whatever the controller's own copy becomes meanwhile."""
    light = folder / "light"
    package = light / "scalebench"
    shutil.copytree(Path(__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    # for an interpreter that has a BLAS and no threadpoolctl to count its threads; under another name, so that it hides none
    if (found := find_spec("threadpoolctl")) is not None and found.origin is not None:
        shutil.copy(found.origin, package / "host" / "_threadpoolctl.py")
    return light


def _start(name: str, asked: Variant, cases: Sequence[Case], sweep: Sweep, light: Path, trees: list[tuple[Path, Path]]) -> Start:
    python = sys.executable if asked.python is None else find_python(asked.python)
    if asked.python is not None:
        _check_version(asked, python)
    inherited = [one for one in asked.env.get("PYTHONPATH", os.environ.get("PYTHONPATH", "")).split(os.pathsep) if one]
    path = [str(light), str(Path.cwd()), *inherited]
    facts: dict[str, Any] = dict(asked.described())
    tree = None
    if asked.revision is not None:
        tree = light.parent / "trees" / name
        top = _repository(asked.revision, cases, sweep, path[1:])
        facts["commit"] = worktree.commit_of(top, asked.revision)
        trees.append((top, tree))
        worktree.check_out(top, facts["commit"], tree)
        path = [*worktree.inside(top, tree, [*path[1:], *sys.path, str(top), str(top / "src")]), *path]
    start = Start(
        python=python,
        arguments=("-P",),  # else the working folder would come before the path
        environment=tuple({**asked.env, "PYTHONPATH": os.pathsep.join(path)}.items()),
    )
    told = _ask(name, start, cases, sweep)
    _check_told(name, told, cases, sweep)
    if tree is not None and not any(Path(file).resolve().is_relative_to(tree.resolve()) for file in told["files"]):
        raise StudyError(
            "revision", asked.revision, f"{_names(cases)} imports nothing of it, so it would change nothing",
            "Name a workload of that repository, which imports what it calls at the top of its module",
        )  # fmt: skip
    facts |= {"python": told["python"], "packages": told["packages"]}
    return Start(
        python=python, arguments=start.arguments, environment=start.environment, missing=_in(name, told["missing"]), about=facts
    )


def _names(cases: Sequence[Case]) -> str:
    return ", ".join(dict.fromkeys(case.workload for case in cases))


def _in(name: str, missing: dict[str, str]) -> dict[str, str]:
    return {backend: f"in the environment of variant {name!r}: {reason}" for backend, reason in missing.items()}


def _check_version(asked: Variant, python: str) -> None:
    try:
        told = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, timeout=60, check=True, env={**os.environ, **asked.env},
            stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
        version = tuple(map(int, told.split()[-1].split(".")))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        raise StudyError(
            "python", asked.python, "not a Python that runs", "Try it: PATH -c 'import sys; print(sys.version)'"
        ) from None
    if version < _LEAST_PYTHON:
        found, least = ".".join(map(str, version)), ".".join(map(str, _LEAST_PYTHON))
        raise StudyError("python", asked.python, f"is Python {found}, hosts need {least} or later", "Give a later one")


def _repository(revision: str, cases: Sequence[Case], sweep: Sweep, path: Sequence[str]) -> Path:
    """The one repository that the workloads are in; for those that are in none, that of the working folder."""
    tops = {worktree.repository(_home(case, sweep, path)) or worktree.repository(Path.cwd()) for case in cases}
    found = [top for top in tops if top is not None]
    if not found:
        raise StudyError(
            "revision", revision, f"neither {_names(cases)} nor the working folder is in a git repository",
            "Go to the repository first; is git installed?",
        )  # fmt: skip
    if len(found) > 1:
        many = ", ".join(map(str, found))
        raise StudyError("revision", revision, f"the workloads are in several repositories: {many}", "Give each its own study")
    return found[0]


def _home(case: Case, sweep: Sweep, path: Sequence[str]) -> Path:
    """The folder that a workload's package or module is in, found without importing it."""
    top = "scalebench" if case.workload == NAME else case.workload.partition(":")[0].partition(".")[0]
    module = sys.modules.get(top) if sweep.functions.get(case.workload) is None else None
    if (file := getattr(module, "__file__", None)) is not None:
        return Path(file).resolve().parent
    spec = PathFinder.find_spec(top, [*path, *sys.path])
    if spec is None or spec.origin is None or not Path(spec.origin).exists():
        return Path.cwd()
    return Path(spec.origin).resolve().parent


def _ask(name: str, start: Start, cases: Sequence[Case], sweep: Sweep) -> dict[str, Any]:
    """Start the host of a variant and let it say what is there."""
    jobs = {case.workload + str(case.kind): job_and_items(case, sweep)[0] for case in cases}
    used = {case.backend for case in cases}
    backends = {backend: reference for backend, reference in references().items() if backend in used}
    request = {"do": "about", "packages": machine.PACKAGES, "backends": backends, "jobs": list(jobs.values())}
    host = sweep.launcher.start(as_serial(cases[0]), start)
    try:
        return host.ask(request, _START_TIMEOUT_S)
    except HostError as error:
        cause = str(error).strip().splitlines()[-1]
        raise StudyError(
            f"variants.{name}", start.python, f"the host can't run there: {cause}",
            "It needs the standard library, and what the workload and the backends are made of",
        ) from None  # fmt: skip
    finally:
        host.end()


def _check_told(name: str, told: dict[str, Any], cases: Sequence[Case], sweep: Sweep) -> None:
    by_value = [case.workload for case in cases if sweep.functions.get(case.workload) is not None]
    version = ".".join(map(str, told["version"]))
    if by_value and tuple(told["version"]) != sys.version_info[:2]:
        own = ".".join(map(str, sys.version_info[:2]))
        raise StudyError(
            f"variants.{name}", version, f"{by_value[0]} is sent by value, which Python {own} can't do to Python {version}",
            "Put the function into a module that both can import",
        )  # fmt: skip
    if failed := [failure for failure in told["failures"] if failure is not None]:
        raise WorkloadError(
            f"variants.{name}: the workload can't be set up there: {brief(failed[0])}.\n"
            "Install what it imports into that environment, or name another revision"
        )
