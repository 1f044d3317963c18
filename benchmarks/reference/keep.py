"""Keep a run in results/reference/ in little space: ``python benchmarks/reference/keep.py results/RUN many-pools``.

Rounds as they are; tasks of the median round of each launch, in suites named ``busy...`` of the first blocks alone, their times rounded to
2^-20 s: a million tasks that are over at once say no more than thousands. The pages that show such a run say so.
"""

import shutil
import sys
from pathlib import Path

import pyarrow as pa

from scalebench import load
from scalebench.analysis.scaling import LAUNCH, launches
from scalebench.results.schema import TASKS, stored_schema
from scalebench.results.store import write_table

ROOT = Path(__file__).parents[2]
FINE = 2**20  #: parts of a second
FEW = 2  #: blocks
TIMES = ("start_s", "stop_s", "cpu_s", "cpu_wait_s")


def keep(run: Path, name: str) -> Path:
    """The run's folder there, by the machine that it was measured on."""
    result = load(run)
    machine = result.about["machine"]["machine_id"].rpartition("-")[0]
    target = ROOT / "results" / "reference" / f"{name}-{machine}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in ("run.json", "rounds.parquet"):
        shutil.copyfile(run / file, target / file)
    tasks = result.tasks
    kept = launches(result.rounds)
    kept = kept[~kept["suite"].str.startswith("busy") | (kept["block"] < FEW)]
    few = tasks.merge(kept[[*LAUNCH, "round"]], on=[*LAUNCH, "round"])
    few = few.assign(**{one: (few[one] * FINE).round() / FINE for one in TIMES})
    with (target / "tasks.parquet").open("wb") as file:
        write_table(pa.Table.from_pandas(few, stored_schema(TASKS), preserve_index=False), file, TASKS)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(f"Usage: python benchmarks/reference/keep.py RUN NAME\nGiven: {' '.join(sys.argv[1:]) or 'nothing'}")
    print(keep(Path(sys.argv[1]), sys.argv[2]))
