"""Measure rounds whose truth is known, in the blocks of real runs: the same code twice, and with 5% and 10% more work.

Everything that is judged afterwards is judged on these rounds. Runs add up: what was measured before is kept, and an
interrupted run counts as far as it came.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import truth_work

from scalebench import Study
from scalebench.forecast import forecast
from scalebench.launch import Launch
from scalebench.results.load import find_runs, load
from scalebench.runner import Runner
from scalebench.sweep import Entry

#: how much more work than ``same``
MORE = {"same": 0.0, "again": 0.0, "five": 0.05, "ten": 0.10}
ROUNDS = 15  # a launch; what fewer would have told is seen by leaving the last ones out


def study(seconds: float) -> Study:
    turns = {name: round(truth_work.TURNS * (1 + more)) for name, more in MORE.items()}
    return Study(
        name="truth", workload="truth_work:task", items=range(truth_work.TASKS), backend="processes", start_method="fork",
        workers=truth_work.WORKERS, rounds=ROUNDS, blocks=1_000_000, budget=seconds, seed=int(time.time()), baselines=False,
        variants={name: {"env": {"TRUTH_TURNS": count}} for name, count in turns.items()},
    )  # fmt: skip


def collect(seconds: float, results: Path) -> None:
    """Measure for so long, and print now and then what has come in."""
    asked = study(seconds)
    runner = Runner(asked, forecast(asked), results)
    started = last = time.monotonic()
    launches = 0

    def observe(entry: Entry, block: int, told: Launch) -> None:
        nonlocal last, launches
        launches += 1
        if told.status != "ok":
            print(f"{entry.case.label}: {told.status}: {told.message}", flush=True)
        if time.monotonic() - last > 30:
            last = time.monotonic()
            print(f"{last - started:5.0f} of {seconds:.0f} s: {launches} launches, block {block}", flush=True)

    status = "interrupted"
    try:
        runner.run(observe)
        status = "finished"
    finally:
        runner.finish(status)


def collected_s(results: Path) -> float:
    """Seconds that the runs in a folder have measured."""
    return sum(_seconds(load(run).rounds) for run in find_runs(results))


def _seconds(rounds: pd.DataFrame) -> float:
    starts = pd.to_datetime(rounds["started_at"])
    return float((starts.max() - starts.min()).total_seconds()) if len(starts) else 0.0


def counted_rounds(runs: Iterable[Path]) -> tuple[pd.DataFrame, float]:
    """The counted rounds of the blocks that have all of all variants, in the order of the blocks, as they are stored; and
    the cost of a launch beside its rounds (s, median over launches)."""
    tables, costs = [], []
    for run in runs:
        rounds = load(run).rounds
        good = rounds[rounds["status"].eq("ok").groupby([rounds["case_id"], rounds["block"], rounds["attempt"]]).transform("all")]
        launches = good.groupby("started_at")["wall_s"].sum().sort_index()
        lasted = pd.to_datetime(launches.index).to_series().diff().shift(-1).dt.total_seconds()
        costs += list((lasted.to_numpy() - launches.to_numpy())[:-1])
        counted = good[~good["warmup"] & good["workers"].eq(truth_work.WORKERS)]
        whole = counted.groupby("block")["wall_s"].transform("size") == ROUNDS * len(MORE)
        tables.append(counted[whole].sort_values("block", kind="stable"))
    return pd.concat(tables, ignore_index=True), float(np.median(costs))


def by_variant(rounds: pd.DataFrame) -> dict[str, np.ndarray]:
    """Wall times (s) of shape (blocks, rounds)."""
    table = rounds.pivot_table(index=["run_id", "block"], columns=["variant", "round"], values="wall_s")
    return {name: table[name].to_numpy() for name in MORE}
