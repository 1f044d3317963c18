"""What a run would have stored, made from the few values that a test is about."""

from dataclasses import fields
from pathlib import Path

import pyarrow as pa

from scalebench.case import Case
from scalebench.results.result import Result
from scalebench.results.schema import ROUNDS, TASKS, arrow_schema, to_frame
from scalebench.results.store import write_table
from scalebench.workloads.work import counter

RUN_ID = "20260131T120000-1f3a9c"
_CASE_FIELDS = {one.name for one in fields(Case)}
_USUAL_CASE = {"workload": "really_hard_task", "kind": "crunch", "size": "50000", "imbalance": 0.0, "tasks": 24}
_USUAL_ROW = {
    "run_id": RUN_ID, "machine_id": "test-cpu-2cpu-000000", "study": "study", "suite": "strong", "block": 0, "attempt": 0,
    "round": 0, "warmup": False, "started_at": "2026-01-31T12:00:00.000+00:00",
    "blas_found_min": None, "blas_found_max": None, "gil": True, "cpu_budget": 2, "runnable_threads": 1, "oversubscribed": False,
    "wall_s": 1.0, "startup_s": 0.125, "shutdown_s": 0.0625, "busy_s": 1.0, "busy_max_s": 1.0, "cpu_s": 1.0, "cpu_wait_s": 0.0,
    "cpu_tree_s": 1.0, "canary_s": 0.004, "clock_error_s": 0.0,
    "work_units": 1_200_000, "ctx_involuntary": 0, "rss_peak_bytes": 2**24, "answers_digest": "00ff" * 6, "answers": "same",
    "exit_status": 0, "task_timing": "on", "stop_reason": "planned", "status": "ok", "message": None,
}  # fmt: skip
_NOT_MEASURED = dict.fromkeys(
    ("wall_s", "startup_s", "work_units", "round", "blas_found_min", "blas_found_max", "oversubscribed")
)


def make_case(**asked):
    """A crunch case on one serial worker, but for what is given."""
    return Case(**{**_USUAL_CASE, **asked})


def make_row(**values):
    """One round's row; a status other than ok, mismatch apart, measured nothing."""
    case = make_case(**{name: value for name, value in values.items() if name in _CASE_FIELDS})
    status = values.get("status", "ok")
    missing = {} if status in ("ok", "mismatch") else {**_NOT_MEASURED, "message": "the cause", "stop_reason": status}
    found = {"workers_found": case.workers, "nodes_found": case.nodes, "processes": case.workers + 1}
    return {**_USUAL_ROW, **case.asked(), "case_id": case.case_id, **found, **missing, **values}


def make_rounds(*rows, **common):
    """A schema-complete frame of rounds, one row for each mapping of values; ``common`` holds for all."""
    return to_frame([make_row(**{**common, **row}) for row in rows], ROUNDS)


def make_tasks(rounds):
    """Tasks to go with rounds: two for each counted round."""
    key = ["run_id", "case_id", "block", "attempt", "round"]
    counted = rounds[~rounds["warmup"] & rounds["status"].eq("ok")]
    rows = [
        {
            **one,
            "task": task,
            "worker": 0,
            "node": 0,
            "start_s": task / 3,
            "stop_s": (task + 1) / 3,
            "cpu_s": 0.1,
            "work_units": 7,
        }
        for one in counted[key].to_dict("records")
        for task in range(2)
    ]
    return to_frame(rows, TASKS)


def make_result(rounds, *, path=Path("results") / RUN_ID, **about):
    """A loaded run of these rounds."""
    return Result(rounds, make_tasks(rounds), {"run_id": RUN_ID, "findings": [], **about}, path)


def write_parquet(frame, path, columns):
    """A frame as a table of a finished run."""
    with path.open("wb") as file:
        write_table(pa.Table.from_pandas(frame, arrow_schema(columns), preserve_index=False), file, columns)


def sweep_rows(workers=(1, 2, 4), *, blocks=3, backend="processes", **common):
    """A small run: serial and one backend, every block with its own mood, speedup perfect up to the two CPUs there are."""
    rows = []
    for block in range(blocks):
        mood = 1 + block / 64
        for count in (0, *workers):
            wall_s = mood / min(max(count, 1), 2)
            busy_s = wall_s * max(count, 1)
            times = {"wall_s": wall_s, "busy_s": busy_s, "busy_max_s": wall_s, "cpu_s": mood, "cpu_wait_s": busy_s - mood}
            rows.append({"block": block, **times, **({"backend": backend, "workers": count} if count else {}), **common})
    return rows


def take_work():
    """What was counted in this thread since the last call, as the recorder takes it; None when nothing was."""
    counted = counter()
    units, counted.units = counted.units, None
    return units
