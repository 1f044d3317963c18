"""Measure the runs of results/reference/ that the pages show, on a quiet machine: ``python benchmarks/reference/measure.py tutorial starts``.

A run takes its place only when it came to its end with every row well; ``python docs/update_readme.py`` then writes the pages. The
commands are those that the pages tell a reader to type.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scalebench import load

ROOT = Path(__file__).parents[2]
#: run -> arguments of ``scalebench run``
RUNS = {
    "default": [],
    "tutorial": ["benchmarks/reference/tutorial.toml"],
    "starts": ["--kind", "crunch", "--tasks", "24", "--imbalance", "1", "--backend", "processes,mpi-pool,mpi", "--workers", "2",
               "--start-method", "fork,forkserver,spawn", "--mpi-mode", "world,spawn", "--distribution", "block,cyclic"],
    "my-function": ["primes:primes_below", "--items", "range(1000, 9000, 400)", "--backend", "processes,threads", "--workers", "1..2x"],
}  # fmt: skip


def measure(name: str) -> None:
    """One run, from the repository's folder: so it knows its commit."""
    with tempfile.TemporaryDirectory() as place:
        page = (ROOT / "docs" / "how-to" / "my-function.md").read_text(encoding="utf-8")
        (Path(place) / "primes.py").write_text(page.partition('```python title="primes.py"\n')[2].partition("```")[0])
        command = [sys.executable, "-m", "scalebench", "run", *RUNS[name], "--results", f"{place}/results"]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": place}, check=True)
        (run,) = Path(place, "results").iterdir()
        result = load(run)
        if result.about["status"] != "finished" or set(result.rounds["status"]) != {"ok"}:
            raise SystemExit(f"{name}: not every row is well; the run of before stays")
        machine = result.about["machine"]["machine_id"].rpartition("-")[0]
        target = ROOT / "results" / "reference" / (machine if name == "default" else f"{name}-{machine}")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(run, target)
        doubts = ", ".join(sorted({finding["code"] for finding in result.findings} & {"SB120", "SB121", "SB122"})) or "none"
        print(f"{target.relative_to(ROOT)}: load average {result.about['load_average']:.2f}, doubts about the machine: {doubts}")


if __name__ == "__main__":
    asked = sys.argv[1:]
    if not asked or not set(asked) <= RUNS.keys():
        raise SystemExit(f"Usage: python benchmarks/reference/measure.py RUN...\nThere are: {', '.join(RUNS)}")
    for one in asked:
        measure(one)
