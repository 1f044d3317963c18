"""Do the tests notice a changed line? A seeded sample of the mutants of each module, run by mutmut: ``nox -s mutation -- --sample 20``.

All mutants of ``[tool.mutmut]``'s modules take hours. Of each module so many are drawn, those left out that change the text of a
string only. The score is the share of killed ones; its interval is Wilson's, of a sample from all mutants of that module. A mutant
that no test reaches counts as survived; one that never ends is killed. Survivors are printed as changes, to be judged: some change nothing.
"""

import argparse
import ast
import fnmatch
import json
import math
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

KILLED = {
    1: "killed",
    3: "killed",
    36: "killed",
    24: "killed",
    -24: "killed",
    152: "killed",
    255: "killed",
}  # the last ones: no end
OTHERS = {0: "survived", 5: "not covered", 33: "not covered"}


class _WithoutTexts(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def _shape(function: ast.FunctionDef) -> str:
    """What it does, whatever its strings say."""
    function.name = ""
    return ast.dump(_WithoutTexts().visit(function))


def mutants_of(module: Path) -> tuple[list[str], int]:
    """Names of those that change more than a text, and how many there are in all."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    mutated = mutate_file_contents(str(module), module.read_text(encoding="utf-8"))
    functions = {one.name: one for one in ast.walk(ast.parse(mutated.code)) if isinstance(one, ast.FunctionDef)}
    kept = []
    for name in mutated.mutant_names:
        original = functions[name.rpartition("__mutmut_")[0] + "__mutmut_orig"]
        if _shape(functions[name]) != _shape(original):
            kept.append(get_mutant_name(module, name))
    return kept, len(mutated.mutant_names)


def modules() -> Iterator[Path]:
    """All that are to be changed."""
    with open("pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["tool"]["mutmut"]["only_mutate"]
    for path in sorted(Path("scalebench").rglob("*.py")):
        if any(fnmatch.fnmatch(str(path), one) for one in wanted):
            yield path


def wilson(killed: int, run: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share. Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    if not run:
        return 0.0, 1.0
    share, spread = killed / run, z * z / run
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / run + spread / 4 / run)
    return max(0.0, middle - half), min(1.0, middle + half)


def outcomes(module: Path, names: list[str]) -> dict[str, str]:
    """What became of some mutants of a module."""
    known = json.loads((Path("mutants") / f"{module}.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
    return {name: KILLED.get(known[name]) or OTHERS.get(known[name], "not run") for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module (default 20)")
    parser.add_argument("--seed", default="scalebench")
    parser.add_argument("--only", nargs="*", default=["*"], help="modules, by patterns of their paths")
    parser.add_argument("--processes", type=int, default=1, help="that run mutants (default 1)")
    asked = parser.parse_args()
    drawn: dict[Path, tuple[list[str], int, int]] = {}
    for module in modules():
        if any(fnmatch.fnmatch(str(module), f"*{one}") for one in asked.only):
            kept, count = mutants_of(module)
            sample = random.Random(f"{asked.seed}-{module}").sample(kept, min(asked.sample, len(kept)))
            drawn[module] = sample, len(kept), count
    every = [name for sample, _, _ in drawn.values() for name in sample]
    print(f"{len(every)} mutants of {len(drawn)} modules", flush=True)
    status = subprocess.run(["mutmut", "run", "--max-children", str(asked.processes), *every], check=False).returncode
    if status:
        return status
    print(f"\nSeed {asked.seed!r}, {datetime.now(UTC):%d %B %Y}; in brackets: with those that change a text only.\n")
    print("| module | mutants | run | killed | survived | not covered | score | 95% |\n|---|---:|---:|---:|---:|---:|---:|---|")
    survivors, sums = [], dict.fromkeys(("killed", "survived", "not covered"), 0)
    for module, (sample, kept, count) in drawn.items():
        told = outcomes(module, sample)
        counts = {name: list(told.values()).count(name) for name in sums}
        sums = {name: sums[name] + counts[name] for name in sums}
        survivors += [name for name, outcome in told.items() if outcome != "killed"]
        _line(str(module.relative_to("scalebench")), f"{kept} ({count})", counts)
    _line("all", str(sum(kept for _, kept, _ in drawn.values())), sums, interval=False)  # not one sample of all mutants
    for name in survivors:
        print(f"\n{name}")
        sys.stdout.flush()
        subprocess.run(["mutmut", "show", name], check=False)
    return 0


def _line(name: str, mutants: str, counts: dict[str, int], *, interval: bool = True) -> None:
    run = sum(counts.values())
    low, high = wilson(counts["killed"], run)
    shown = f"{counts['killed'] / run:.0%} | {f'{low:.0%} to {high:.0%}' if interval else '-'}" if run else "- | -"
    print(f"| {name} | {mutants} | {run} | {' | '.join(str(one) for one in counts.values())} | {shown} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
