"""Do the tests notice a changed line? Each module of analysis/ and results/, changed by mutmut, against the tests that mirror it.

``nox -s mutation``; ``-- --only mood`` for some modules. A module at a time, in a copy of the project, since only the tests of its own file
need to be run for each mutant: some a second. Mutants that change the text of a string only are left out of the score. One that no
test reaches counts as survived; one that never ends is killed. Survivors are printed as changes, to be judged: some change nothing.
"""

import argparse
import ast
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
SURVIVED, NOT_COVERED = (0,), (5, 33)  #: what mutmut notes; any other number is a failed test, a crash, or no end
SHOWN = 400  #: letters of a survivor's change


class _WithoutTexts(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def _shape(function: ast.FunctionDef) -> str:
    """What it does, whatever its strings say."""
    function.name = ""
    return ast.dump(_WithoutTexts().visit(function))


def mutants_of(module: Path) -> list[str]:
    """Names of those that change more than a text."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    mutated = mutate_file_contents(str(module), module.read_text(encoding="utf-8"))
    functions = {one.name: one for one in ast.walk(ast.parse(mutated.code)) if isinstance(one, ast.FunctionDef)}
    return [
        get_mutant_name(module, name) for name in mutated.mutant_names
        if _shape(functions[name]) != _shape(functions[name.rpartition("__mutmut_")[0] + "__mutmut_orig"])
    ]  # fmt: skip


def modules() -> Iterator[Path]:
    """All that are to be changed and have tests that mirror them."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]["only_mutate"]
    for path in sorted((ROOT / "scalebench").rglob("*.py")):
        module = path.relative_to(ROOT)
        if any(fnmatch.fnmatch(str(module), one) for one in wanted) and (ROOT / tests_of(module)).exists():
            yield module


def tests_of(module: Path) -> Path:
    """The file of tests that mirrors a module."""
    return Path("tests", *module.parts[1:-1], f"test_{module.name}")


def run(module: Path, copy: Path, processes: int) -> dict[str, int]:
    """What became of each mutant of a module, by its name."""
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    mine = f'only_mutate = ["{module}"]\npytest_add_cli_args_test_selection = ["{tests_of(module)}", "-m", "not long"]'
    settings = re.sub(r"^only_mutate = .*$", mine, settings, flags=re.MULTILINE)
    (copy / "pyproject.toml").write_text(settings, encoding="utf-8")
    shutil.rmtree(copy / "mutants", ignore_errors=True)
    told = subprocess.run(
        ["mutmut", "run", "--max-children", str(processes)], cwd=copy, capture_output=True, text=True, check=False
    )
    meta = copy / "mutants" / f"{module}.meta"
    found = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.exists() else {}
    if told.returncode or any(status is None for status in found.values()):
        lines = [line for line in (told.stdout + told.stderr).replace("\r", "\n").splitlines() if line.strip()]
        print(f"{module}: mutmut ended with {told.returncode}: {' '.join(lines[-2:])[:300]}", file=sys.stderr)
        return {}
    return dict(found)


def change(name: str, copy: Path) -> str:
    """What a mutant changes, in a few lines."""
    told = subprocess.run(["mutmut", "show", name], cwd=copy, capture_output=True, text=True, check=False).stdout
    lines = [line.strip() for line in told.splitlines() if re.match(r"[-+](?![-+])", line)]
    return " / ".join(lines)[:SHOWN]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=["*"], help="modules, by patterns of their paths")
    parser.add_argument("--processes", type=int, default=2, help="that run mutants (default 2)")
    asked = parser.parse_args()
    os.chdir(ROOT)  # names of mutants are those of relative paths
    survivors: list[str] = []
    sums = [0, 0, 0]
    print(f"{datetime.now(UTC):%d %B %Y}\n\n| module | mutants | killed | survived | not covered | score |\n|---|---:|---:|---:|---:|---:|", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "copy")
        ignored = shutil.ignore_patterns(".git", ".nox", "__pycache__", "mutants", ".venv")
        shutil.copytree(ROOT, copy, ignore=ignored)
        for module in modules():
            if not any(fnmatch.fnmatch(str(module), f"*{one}*") for one in asked.only):
                continue
            found = run(module, copy, asked.processes)
            counted = {name: found[name] for name in mutants_of(module) if name in found}
            counts = [0, sum(one in SURVIVED for one in counted.values()), sum(one in NOT_COVERED for one in counted.values())]
            counts[0] = len(counted) - sum(counts)
            sums = [before + now for before, now in zip(sums, counts, strict=True)]
            print(_line(str(module.relative_to("scalebench")), counts), flush=True)
            survivors += [
                f"{name}: {change(name, copy)}" for name, status in counted.items() if status in (*SURVIVED, *NOT_COVERED)
            ]
    print(_line("all", sums))
    print("\n" + "\n".join(survivors))
    return 0


def _line(name: str, counts: list[int]) -> str:
    run_ = sum(counts)
    return f"| {name} | {run_} | {' | '.join(map(str, counts))} | {f'{counts[0] / run_:.0%}' if run_ else '-'} |"


if __name__ == "__main__":
    raise SystemExit(main())
