"""Do the tests notice a changed line? Each module of analysis/ and results/, changed by mutmut, against the tests of the two.

``nox -s mutation``; ``-- --only mood`` for some modules, ``-- --sample 40`` for so many mutants of each at most, drawn with a fixed
seed. All runs in a copy of the project, in one process that has run the tests once and knows which of them reach a function: it forks for
each mutant. A mutant meets the tests that mirror its module, then those of other modules of the two while they take a few seconds in all;
quick ones first, until one fails. Tests elsewhere (reports, commands, pages) are not run, so a score is the least that can be said.

Mutants that change the text of a string only are left out. What runs at import (tables of columns, constants) and functions
below a decorator (but class and static methods) are not changed by mutmut. One that no test reaches counts as not covered,
one that does not end as killed. Survivors are printed as changes to the error stream, to be judged: some change nothing.
"""

import argparse
import ast
import contextlib
import difflib
import fnmatch
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS_S = 5.0  #: of tests that don't mirror the module, for each mutant
ROOM = 4 * 2**30  #: bytes that a mutant may take besides what the process has
STEP_S = 0.02  #: between two looks at the mutants that are running
SHOWN = 500  #: letters of a survivor's change
HEAD = "| module | mutants | killed | of them without end | survived | not covered | score |\n|---|---:|---:|---:|---:|---:|---:|"


class _WithoutTexts(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def _read(function: ast.FunctionDef) -> tuple[list[str], str]:
    """Its lines below the first, and what it does whatever its strings say."""
    lines = ast.unparse(function).splitlines()[1:]
    function.name = ""
    return lines, ast.dump(_WithoutTexts().visit(function))


@dataclass(frozen=True)
class Module:
    """A module, changed."""

    path: Path
    code: str  #: with all of its mutants, one of which can be switched on
    changes: Mapping[str, str]  #: by the name of a mutant that changes more than a text: what it changes

    @property
    def mirror(self) -> str:
        """The file of tests that mirrors it."""
        return str(Path("tests", *self.path.parts[1:-1], f"test_{self.path.name}"))


def changed(path: Path) -> Module:
    """A module with its mutants."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    mutated = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
    functions = {one.name: one for one in ast.walk(ast.parse(mutated.code)) if isinstance(one, ast.FunctionDef)}
    originals: dict[str, tuple[list[str], str]] = {}
    changes = {}
    for name in mutated.mutant_names:
        original = name.rpartition("__mutmut_")[0] + "__mutmut_orig"
        if original not in originals:
            originals[original] = _read(functions[original])
        lines, shape = _read(functions[name])
        if shape != originals[original][1]:
            changes[get_mutant_name(path, name)] = _change(originals[original][0], lines)
    return Module(path, mutated.code, changes)


def _change(before: list[str], after: list[str]) -> str:
    told = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    return " / ".join(f"{line[0]} {line[1:].strip()}" for line in told)[:SHOWN] or "the arguments of the function"


def paths(only: Sequence[str]) -> Iterator[Path]:
    """The modules that are wanted."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]["only_mutate"]
    for path in sorted((ROOT / "scalebench").rglob("*.py")):
        module = path.relative_to(ROOT)
        if any(fnmatch.fnmatch(str(module), one) for one in known) and any(
            fnmatch.fnmatch(str(module), f"*{one}*") for one in only
        ):
            yield module


@dataclass
class Mutants:
    """As a plugin of pytest: in place of the tests, all mutants against them."""

    modules: Sequence[Module]
    most: int | None  #: mutants of a module
    again: frozenset[str] | None  #: names of those that are wanted; None: all
    processes: int
    items: list[pytest.Item] = field(default_factory=list)
    took: list[float] = field(default_factory=list)  #: s, by item
    reached: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  #: by function: items
    rows: list[list[int]] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        self._look()
        print(f"{datetime.now(UTC):%d %B %Y}, {len(self.items)} tests\n\n{HEAD}", flush=True)
        for module in self.modules:
            names = sorted(name for name in module.changes if self.again is None or name in self.again)
            random.Random(str(module.path)).shuffle(names)
            self._row(module, self._run(module, names[: self.most]))
        if len(self.rows) > 1:
            print(_line("all", [sum(column) for column in zip(*self.rows, strict=True)]))
        return True

    def _look(self) -> None:
        """Which tests reach a function, and how long each takes; one that fails without any change tells nothing."""
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        set_mutant_under_test("stats")
        hits = state()._stats  # noqa: SLF001 - mutmut notes there which functions were reached
        for place, item in enumerate(self.items):
            hits.clear()
            began = time.perf_counter()
            well = _passes(item, self.items[place + 1] if place + 1 < len(self.items) else None)
            self.took.append(time.perf_counter() - began)
            if not well:
                print(f"fails without a change: {item.nodeid}", file=sys.stderr, flush=True)
            for function in hits if well else ():
                self.reached[function].add(place)
        set_mutant_under_test("")

    def _tests(self, module: Module, name: str) -> list[int]:
        """Places of the tests that a mutant meets, in their order."""
        reaching = self.reached[name.rpartition("__mutmut_")[0]]
        quick = sorted(reaching, key=lambda place: self.took[place])
        mirror = [place for place in quick if self.items[place].nodeid.startswith(module.mirror + "::")]
        others, left = [], OTHERS_S
        for place in quick:
            if place not in mirror and (left := left - self.took[place]) > 0:
                others.append(place)
        return mirror + others

    def _run(self, module: Module, names: Sequence[str]) -> dict[str, str]:
        """What became of each mutant: ``killed``, ``without end``, ``survived`` or ``not covered``."""
        found: dict[str, str] = {}
        running: dict[int, tuple[str, float]] = {}  # by process: the mutant, and seconds that are left to it
        waiting = list(names)
        while waiting or running:
            while waiting and len(running) < self.processes:
                name = waiting.pop()
                if tests := self._tests(module, name):
                    limit = 10 + 10 * sum(self.took[place] for place in tests)
                    running[self._start(name, tests, int(limit))] = (name, 2 * limit)
                else:
                    found[name] = "not covered"
            time.sleep(STEP_S)  # seconds of ours: a mutant that is stopped together with this process does not run out of them
            for pid, (name, left) in list(running.items()):
                running[pid] = (name, left - STEP_S)
                if left < 0:
                    os.killpg(pid, signal.SIGKILL)
                ended, status = os.waitpid(pid, 0 if left < 0 else os.WNOHANG)
                if ended:
                    del running[pid]
                    with contextlib.suppress(ProcessLookupError):  # what it started
                        os.killpg(pid, signal.SIGKILL)
                    late = left < 0 or status == signal.SIGXCPU
                    found[name] = "without end" if late else "survived" if status == 0 else "killed"
                    if found[name] == "survived":
                        print(f"survived: {name}: {module.changes[name]}", file=sys.stderr, flush=True)
        for name, what in found.items():
            if what == "not covered":
                print(f"not covered: {name}: {module.changes[name]}", file=sys.stderr, flush=True)
        return found

    def _start(self, name: str, tests: Sequence[int], cpu_s: int) -> int:
        """A process in which one mutant is on; it ends with 0 if no test fails."""
        from mutmut.mutation.trampoline import set_mutant_under_test

        if pid := os.fork():
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            return pid
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
            size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, size + ROOM))
            set_mutant_under_test(name)
            following = [*tests[1:], None]
            for place, after in zip(tests, following, strict=True):
                if not _passes(self.items[place], None if after is None else self.items[after]):
                    os._exit(1)
            os._exit(0)
        finally:
            os._exit(2)

    def _row(self, module: Module, found: Mapping[str, str]) -> None:
        told = list(found.values())
        counts = [len(told), *(told.count(what) for what in ("killed", "without end", "survived", "not covered"))]
        if told:
            self.rows.append(counts)
            print(_line(str(module.path.relative_to("scalebench")), counts, len(module.changes)), flush=True)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    from _pytest.runner import runtestprotocol

    return not any(report.failed for report in runtestprotocol(item, nextitem=following, log=False))


def _line(name: str, counts: Sequence[int], whole: int | None = None) -> str:
    run, killed, without_end, survived, not_covered = counts
    mutants = str(run) if whole in (None, run) else f"{run} of {whole}"
    good = killed + without_end
    return f"| {name} | {mutants} | {good} | {without_end} | {survived} | {not_covered} | {good / run:.0%} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=["*"], help="modules, by patterns of their paths")
    parser.add_argument("--sample", type=int, help="mutants of each module, at most, drawn with a fixed seed (default: all)")
    parser.add_argument("--again", type=Path, help="only the mutants that are named in a file, as those that survived")
    parser.add_argument("--processes", type=int, default=2, help="that run mutants (default 2)")
    asked = parser.parse_args()
    again = (
        None
        if asked.again is None
        else frozenset(re.findall(r"scalebench\.\S+__mutmut_\d+", asked.again.read_text(encoding="utf-8")))
    )
    os.chdir(ROOT)  # names of mutants are those of relative paths
    wanted = [
        path
        for path in paths(asked.only)
        if again is None or any(one.startswith(".".join(path.with_suffix("").parts) + ".x") for one in again)
    ]
    with ProcessPoolExecutor(asked.processes) as pool:
        modules = list(pool.map(changed, wanted))
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "copy")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".nox", "__pycache__", ".venv", "site"))
        for module in modules:
            (copy / module.path).write_text(module.code, encoding="utf-8")
        os.chdir(copy)
        sys.path.insert(0, str(copy))  # before the installed one, here and in what tests start
        os.environ["PYTHONPATH"] = str(copy)
        pytest.main(["-qq", "-s", "-p", "no:cacheprovider", "-m", "not long and not alone", "--hypothesis-profile=mutation",
                     "tests/analysis", "tests/results"], plugins=[Mutants(modules, asked.sample, again, asked.processes)])  # fmt: skip
        os.chdir(ROOT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
