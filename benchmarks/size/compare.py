"""How long ``scalebench compare`` takes, by rounds a side: figures, no limits. ``python benchmarks/size/compare.py [ROUNDS ...]``

Generated: two runs of 100 cases in ten blocks. Intervals are closed forms, so nothing is resampled and the time does
not depend on how finely they are wanted; beside it, for scale, 10,000 hierarchical resamples of the same rounds
(blocks, then rounds, of both sides) by NumPy alone.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from data import write_parquet

from scalebench.analysis.comparison import comparison
from scalebench.case import Case
from scalebench.results.load import load
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, to_frame

CASES, BLOCKS, RESAMPLES = 100, 10, 10_000


def generate(folder: Path, rounds: int, seed: int) -> Path:
    """A run of that many rounds, with a mood of each block and a right tail."""
    generator = np.random.default_rng(seed)
    each = rounds // (CASES * BLOCKS)
    cases = [Case(workload="really_hard_task", kind="crunch", size=str(1000 + number // 10), backend="processes", workers=1 + number % 10, tasks=24)
             for number in range(CASES)]  # fmt: skip
    asked = pd.DataFrame([{"case_id": case.case_id, **case.asked()} for case in cases])
    whole = asked.loc[np.repeat(np.arange(CASES), BLOCKS * each)].reset_index(drop=True)
    whole["block"] = np.tile(np.repeat(np.arange(BLOCKS), each), CASES)
    whole["round"] = np.tile(np.arange(each), CASES * BLOCKS)
    moods = generator.normal(0, 0.02, BLOCKS)[whole["block"]]
    whole["wall_s"] = 0.02 * np.exp(moods + 0.02 * generator.pareto(3, len(whole)))
    whole = whole.assign(
        run_id=folder.name, machine_id="generated", attempt=0, warmup=False, status="ok", suite="size", cpu_budget=2
    )
    folder.mkdir()
    write_parquet(to_frame(whole, ROUNDS), folder / "rounds.parquet", ROUNDS)
    (folder / "run.json").write_text(f'{{"run_id": "{folder.name}", "schema_version": {SCHEMA_VERSION}}}')
    return folder


def resample(rounds: pd.DataFrame) -> float:
    """Seconds for the hierarchical resamples of one side, case by case, vectorised over resamples."""
    generator = np.random.default_rng(0)
    logs = np.log(rounds["wall_s"].to_numpy()).reshape(CASES, BLOCKS, -1)
    start = time.perf_counter()
    for case in logs:
        blocks = generator.integers(0, BLOCKS, (RESAMPLES, BLOCKS))
        within = generator.integers(0, logs.shape[2], (RESAMPLES, BLOCKS, logs.shape[2]))
        np.median(case[blocks[:, :, None], within], axis=2).mean(axis=1)
    return time.perf_counter() - start


def main() -> None:
    sizes = [int(text) for text in sys.argv[1:]] or [1_000, 3_000, 10_000]
    print(f"{'rounds a side':>14} {'command s':>10} {'read s':>7} {'compare s':>10} {'resampled s':>12}")
    for rounds in sizes:
        with tempfile.TemporaryDirectory() as place:
            sides = [generate(Path(place) / name, rounds, seed) for seed, name in enumerate(("a", "b"))]
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "scalebench", "compare", *map(str, sides), "--json"], check=True, stdout=subprocess.DEVNULL
            )
            command = time.perf_counter() - start
            start = time.perf_counter()
            results = [(str(side), load(side)) for side in sides]
            read = time.perf_counter() - start
            start = time.perf_counter()
            comparison(results)
            compared = time.perf_counter() - start
            drawn = sum(resample(result.rounds) for _, result in results)
        print(f"{rounds:>14} {command:>10.2f} {read:>7.2f} {compared:>10.2f} {drawn:>12.2f}", flush=True)
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB")


if __name__ == "__main__":
    main()
