"""Keep a run in results/reference/ in little space: ``python benchmarks/reference/keep.py results/RUN many-pools``.

Rounds as they are; task times rounded to 2^-20 s, of suites named ``busy...`` the tasks of one round of each launch: a million tasks that
are over at once say no more than thousands. The pages that show such a run say so.
"""

import shutil
import sys
from pathlib import Path

import pyarrow as pa

from scalebench import load
from scalebench.results.schema import TASKS, stored_schema
from scalebench.results.store import write_table

ROOT = Path(__file__).parents[2]
FINE = 2**20  #: parts of a second
LAUNCH = ["case_id", "block", "attempt"]


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
    busy = set(result.rounds.loc[result.rounds["suite"].str.startswith("busy"), "case_id"])
    first = tasks["round"] == tasks.groupby(LAUNCH)["round"].transform("min")
    few = tasks[first | ~tasks["case_id"].isin(busy)]
    few = few.assign(**{one: (few[one] * FINE).round() / FINE for one in ("start_s", "stop_s")})
    with (target / "tasks.parquet").open("wb") as file:
        write_table(pa.Table.from_pandas(few, stored_schema(TASKS), preserve_index=False), file, TASKS)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(f"Usage: python benchmarks/reference/keep.py RUN NAME\nGiven: {' '.join(sys.argv[1:]) or 'nothing'}")
    print(keep(Path(sys.argv[1]), sys.argv[2]))
