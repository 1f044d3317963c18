"""A data set of many runs, in our schema, with the spread that runs have: no measurement, but the size of a fleet's worth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from scalebench.case import Case
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, TASKS, Column, arrow_schema, to_frame
from scalebench.results.store import write_atomically, write_table

BLOCKS, ROUNDS_OF_A_LAUNCH, TASKS_OF_A_ROUND = 4, 5, 125  # the first round is the warm-up, whose tasks are not stored
WORKERS = (1, 2, 4, 8)
ROUNDS_OF_A_RUN = (len(WORKERS) + 1) * BLOCKS * ROUNDS_OF_A_LAUNCH  # 100
TASKS_OF_A_RUN = (len(WORKERS) + 1) * BLOCKS * (ROUNDS_OF_A_LAUNCH - 1) * TASKS_OF_A_ROUND  # 10,000
TASK_S = 5e-3
UNITS = 50_000


def write_runs(folder: Path, runs: int, *, blocks: int = BLOCKS, seed: int = 0) -> None:
    """``runs`` run folders below ``folder``, each one strong scaling of two interfaces."""
    generator = np.random.default_rng(seed)
    for number in range(runs):
        run_id = f"20260101T{number:06d}-{number:09x}"
        here = folder / run_id
        here.mkdir(parents=True)
        rounds = _rounds(run_id, generator, blocks)
        write_parquet(rounds, here / "rounds.parquet", ROUNDS)
        write_parquet(_tasks(rounds, generator), here / "tasks.parquet", TASKS)
        about = f'{{"run_id": "{run_id}", "schema_version": {SCHEMA_VERSION}, "study": {{"suites": {{"strong": {{}}}}}}, "findings": []}}'
        write_atomically(here / "run.json", about.encode())


def write_parquet(frame: pd.DataFrame, path: Path, columns: tuple[Column, ...]) -> None:
    """As the store writes a table."""
    with path.open("wb") as file:
        write_table(pa.Table.from_pandas(frame, arrow_schema(columns), preserve_index=False), file, columns)


def _rounds(run_id: str, generator: np.random.Generator, blocks: int) -> pd.DataFrame:
    common = {"workload": "really_hard_task", "kind": "crunch", "size": str(UNITS), "imbalance": 0.0, "tasks": TASKS_OF_A_ROUND}
    cases = [Case(**common), *(Case(**common, backend="processes", start_method="fork", workers=count) for count in WORKERS)]
    launches = pd.DataFrame([
        {**case.asked(), "case_id": case.case_id, "workers_found": case.workers, "processes": case.workers + 1,
         "oversubscribed": case.workers > 4, "runnable_threads": case.workers, "block": block}
        for block in range(blocks) for case in cases
    ])  # fmt: skip
    rows = launches.loc[launches.index.repeat(ROUNDS_OF_A_LAUNCH)].reset_index(drop=True)
    mood = generator.normal(0, 0.05, blocks)[rows["block"]]
    slow = generator.exponential(0.03, len(rows))
    busy_s = TASK_S * TASKS_OF_A_ROUND * np.exp(mood + slow)
    workers = rows["workers"].to_numpy(dtype=float)
    launch = np.arange(len(rows)) // ROUNDS_OF_A_LAUNCH
    rows = rows.assign(
        run_id=run_id, machine_id="generated-4cpu", study="size", suite="strong", attempt=0,
        round=np.arange(len(rows)) % ROUNDS_OF_A_LAUNCH, started_at="2026-01-01T00:00:00.000+00:00",
        gil=True, cpu_budget=4, wall_s=busy_s / np.minimum(workers, 4) + 1e-3 * workers,
        startup_s=generator.lognormal(-4.5, 0.2, launch.max() + 1)[launch], shutdown_s=1e-3,
        busy_s=busy_s, busy_max_s=busy_s / workers, cpu_s=busy_s * 0.98, cpu_wait_s=busy_s * 0.01, cpu_tree_s=busy_s * 1.05,
        canary_s=4e-3, clock_error_s=0.0, work_units=UNITS * TASKS_OF_A_ROUND, ctx_involuntary=3, rss_peak_bytes=2**25,
        answers_digest="00ff" * 6, answers="same", exit_status=0, task_timing="on", stop_reason="planned", status="ok",
    )  # fmt: skip
    rows["warmup"] = rows["round"].eq(0)
    return to_frame(rows, ROUNDS)


def _tasks(rounds: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    counted = rounds[~rounds["warmup"]]
    rows = counted.loc[counted.index.repeat(TASKS_OF_A_ROUND), ["run_id", "case_id", "block", "attempt", "round", "workers"]]
    task = np.tile(np.arange(TASKS_OF_A_ROUND), len(counted))
    workers = rows["workers"].to_numpy(dtype=np.int64)
    start_s = task // workers * TASK_S
    cpu_s = TASK_S * np.exp(generator.exponential(0.03, len(rows)))
    rows = rows.assign(task=task, worker=task % workers, node=0, start_s=start_s, stop_s=start_s + cpu_s * 1.02, cpu_s=cpu_s,
                       cpu_wait_s=cpu_s * 0.01, work_units=UNITS)  # fmt: skip
    return to_frame(rows, TASKS)
