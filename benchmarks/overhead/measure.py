"""Is the harness out of its own way? Figures, limits, met or missed: ``nox -s overhead``.

Ratios are taken against code written by hand for the same pool (``by_hand/``), in one run: both are kept warm, their
rounds alternate in random order, and the one that is not measured is stopped (SIGSTOP), so that ranks that poll while
they are idle don't disturb the other. Whatever else runs on the machine only ever slows a round, by far more than the
harness does, so a launch gives the ratio of the two lower quartiles. Where memory comes to lie makes one process 5%
faster than the next, so a figure is of several launches: their geometric mean and its 95% interval (``over_blocks``).
What no noise hides is told by tasks without work: the wall time that a task takes more than by hand.
Single figures are medians, with their interval by order statistics.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil
from scipy.stats import binom

from scalebench import Study
from scalebench.analysis.granularity import metg
from scalebench.analysis.statistics import over_blocks
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.launchers import local
from scalebench.launchers.mpi import find_mpi
from scalebench.plan import open_request
from scalebench.sweep import Sweep, expand
from scalebench.variants import THREAD_VARIABLES

BY_HAND = Path(__file__).parent / "by_hand"
SCRIPTS = {
    "serial": "serial.py", "processes": "processes.py", "multiprocessing": "multiprocessing_pool.py",
    "multiprocess": "multiprocess_pool.py", "joblib": "joblib_parallel.py", "threads": "threads.py", "mpi-pool": "mpi_pool.py",
    "mpi": "mpi.py",
}  # fmt: skip
WORKERS = 2
TURNS_PER_MS = 1_700  # of digest, about, on the machine of the reference run
#: those that send tasks to workers; two threads under one GIL keep half of a serial rate at best, at any size
METG_BACKENDS = ("processes", "multiprocessing", "multiprocess", "joblib", "mpi-pool", "mpi")
METG_STEPS = (0.25, 0.5, 0.8, 1.25, 2.0, 4.0)  # sizes of the METG sweep, around the size where it is expected
METG_ROUND_S = 0.15  # a round of that sweep, about


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    limit: float
    low: float | None = None
    high: float | None = None
    least: float | None = None  #: a limit from below, for what should be neither more nor less

    @property
    def shown(self) -> str:
        """The value and its interval."""
        unknown = self.low is None or self.low != self.low
        return f"{self.value:.3f}" + ("" if unknown else f" [{self.low:.3f}, {self.high:.3f}]")

    @property
    def met(self) -> str:
        """``met`` or ``MISSED``; with a question mark where the interval holds the limit."""
        limits = [self.limit] if self.least is None else [self.least, self.limit]
        word = "met" if self.value <= self.limit and (self.least is None or self.value >= self.least) else "MISSED"
        if self.low is None or self.high is None or self.low != self.low:
            return f"{word} ?"
        return word + " ?" * any(self.low <= limit <= self.high for limit in limits)


class Hand:
    """The hand-written script of an interface, waiting to be told to run a round."""

    def __init__(self, backend: str) -> None:
        command = [sys.executable, str(BY_HAND / SCRIPTS[backend])]
        if backend == "mpi-pool":
            command[1:1] = ["-m", "mpi4py.futures"]
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
        if backend in ("mpi", "mpi-pool"):
            mpi = find_mpi()
            command = [*mpi.command(WORKERS + (backend == "mpi-pool")), *command]
            environment |= mpi.environment()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.pid = self.process.pid

    def round(self) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


class Harness:
    """A host of scalebench that runs the same round."""

    def __init__(self, case: Case, sweep: Sweep, task_timing: str) -> None:
        self.host = local.start(case)
        self.pid = self.host._process.pid  # noqa: SLF001 - to stop it
        self.host.ask(open_request(case, sweep), 60)
        self.request = {"do": "round", "task_timing": task_timing}

    def round(self) -> float:
        return float(self.host.ask(self.request, 600)["wall_s"])

    def end(self) -> None:
        self.host.ask({"do": "close"}, 30)
        self.host.end(patience=30)


def tree(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def pairs(
    backend: str, task: str, turns: int, *, tasks: int, count: int, chunksize: int = 0, task_timing: str = "on"
) -> npt.NDArray[np.float64]:
    """Wall times in s, shape ``(count, 2)``: harness and by hand.

    Args:
        backend: Which interface.
        task: Of ``by_hand/work.py``: ``crunch`` or ``digest``; both sides run that very function on the same items.
        turns: Of each task.
        tasks: Of a round.
        count: Pairs of rounds.
        chunksize: 0: the interface's own default.
        task_timing: Of the harness.
    """
    workers = 1 if get_backend(backend).only_one_worker else WORKERS
    os.environ["BY_HAND"] = f"{task} {workers} {tasks} {turns} {chunksize}"
    items = [(n, 0, turns) for n in range(tasks)]
    study = Study(workload=f"work:{task}", backend=backend, workers=workers, items=items, chunksize=chunksize or None)
    sweep = expand(study)
    case = next(one.case for one in sweep.entries if one.case.backend == backend and one.case.workers == workers)
    sides = (Harness(case, sweep, task_timing), Hand(backend))
    order = random.Random(0)
    found = np.empty((count, 2))
    try:
        for side in sides:  # one warm-up each
            side.round()
        trees = {side: tree(side.pid) for side in sides}
        for pair in found:
            for index in order.sample((0, 1), 2):
                for process in trees[sides[1 - index]]:
                    process.suspend()
                pair[index] = sides[index].round()
                for process in trees[sides[1 - index]]:
                    process.resume()
    finally:
        for side in sides:
            side.end()
    return found


def median_interval(values: list[float]) -> tuple[float, float, float]:
    """Median and its 95% interval by order statistics (David and Nagaraja 2003, section 7.1)."""
    ordered = sorted(values)
    lowest = int(binom.ppf(0.025, len(ordered), 0.5))
    return statistics.median(ordered), ordered[max(0, lowest - 1)], ordered[min(len(ordered) - 1, len(ordered) - lowest)]


def lower_quartiles(walls: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Harness and by hand, in s."""
    return np.quantile(walls, 0.25, axis=0)


def of_launches(name: str, ratios: list[float], limit: float, least: float | None = None) -> Figure:
    """Harness over by hand, one ratio a launch."""
    found = over_blocks(pd.Series(ratios), [pd.Series([name] * len(ratios))]).iloc[0]
    return Figure(name, found["value"], "x by hand", limit, found["low"], found["high"], least)


def rounds(launches: int) -> Iterator[Figure]:
    """A round of every interface: its wall over by hand, and what a task without work takes more."""
    for backend in SCRIPTS:
        for name, tasks, turns, count, limit in (
            ("100 ms", 4, 100 * TURNS_PER_MS, 5, 1.02),
            ("1 ms", 100, TURNS_PER_MS, 15, 1.05),
        ):
            found = [lower_quartiles(pairs(backend, "digest", turns, tasks=tasks, count=count)) for _ in range(launches)]
            yield of_launches(f"{backend}, {name} tasks", [float(harness / hand) for harness, hand in found], limit)
        empty = [lower_quartiles(pairs(backend, "crunch", 0, tasks=500, count=15)) for _ in range(max(6, launches))]
        more = [float(harness - hand) / 500 * 1e6 for harness, hand in empty]
        # of the wall of a 1 ms task on two workers, 5%
        yield Figure(f"{backend}, a task without work, more than by hand", *placed(more, "us", 25.0))


def metg_ratio(backend: str, launches: int) -> Figure:
    """METG(50%) at chunk size 1, harness over by hand, both from the same sizes.

    The sizes lie around the one whose work takes as long as the interface takes for a task: there half is kept.
    """
    turns = 120_000
    turn_s = lower_quartiles(pairs("serial", "crunch", turns, tasks=4, count=15))[1] / (4 * turns)
    tasks, overhead_s = 200, 0.0
    for _ in range(2):  # then with as many tasks: what a round costs by itself must not stand for what a task costs
        empty = pairs(backend, "crunch", 0, tasks=tasks, count=3, chunksize=1, task_timing="off")
        overhead_s = lower_quartiles(empty)[1] * WORKERS / tasks
        tasks = round(min(20_000, max(40, METG_ROUND_S / overhead_s)))
    sizes = sorted({max(1, round(overhead_s * step / turn_s)) for step in METG_STEPS})
    useful_s = np.array(sizes) * turn_s
    found = []
    for _ in range(launches):
        walls = [
            lower_quartiles(pairs(backend, "crunch", size, tasks=tasks, count=7, chunksize=1, task_timing="off"))
            for size in sizes
        ]
        granularity_s = np.array(walls).T * WORKERS / tasks
        found.append([metg(side, useful_s / side).metg_s for side in granularity_s])
    known = [(harness, hand) for harness, hand in found if harness > 0 and hand > 0]  # null: no size of these kept half
    if not known:
        return Figure(f"METG(50%) of {backend}: no size kept half", float("nan"), "x by hand", 1.1, least=0.9)
    hand = statistics.median(hand for _, hand in known)
    name = f"METG(50%) of {backend}; by hand {hand * 1e6:.3g} us; {len(known)} of {launches} sweeps"
    return of_launches(name, [harness / hand for harness, hand in known], 1.1, 0.9)


_TASK_TIMING = """
import sys, time, types
from scalebench.host import worker
module = types.ModuleType("noop"); module.noop = lambda item: item; sys.modules["noop"] = module
worker.install(worker.Job(workload="noop:noop", threaded=sys.argv[1] == "threads"))
items, clock = range(20_000), time.perf_counter
for _ in range(15):
    a = clock(); [module.noop(item) for item in items]
    b = clock(); [worker.run_plainly(item) for item in items]
    c = clock(); [worker.run_task(item) for item in items]
    d = clock(); print(((d - c) - (b - a)) / len(items), ((c - b) - (b - a)) / len(items))
"""


def task_timing() -> list[Figure]:
    """Cost of recording a task, and of not recording it, over a plain call."""
    figures = []
    for clock in ("processes", "threads"):
        told = subprocess.run([sys.executable, "-c", _TASK_TIMING, clock], capture_output=True, text=True, check=True).stdout
        costs = [[float(cost) * 1e6 for cost in line.split()] for line in told.splitlines()]
        for name, limit, values in zip(("timing one task", "task_timing=off"), (2.0, 0.2), zip(*costs, strict=True), strict=True):
            figures.append(Figure(f"{name} ({clock})", *placed(list(values), "us", limit)))
    return figures


def placed(values: list[float], unit: str, limit: float) -> tuple[float, str, float, float, float]:
    """What a :class:`Figure` of several looks holds after its name."""
    middle, low, high = median_interval(values)
    return middle, unit, limit, low, high


def launches(count: int, results: Path) -> list[Figure]:
    """Seconds of a launch that are neither rounds, warm-up nor start-up."""
    from scalebench.forecast import forecast
    from scalebench.runner import Runner

    figures = []
    for kind, limit in (("crunch", 0.25), ("blas", 0.45)):
        study = Study(kind=kind, backend="processes", workers=2, tasks=4, rounds=5)
        runner = Runner(study, forecast(study), results)
        entry = runner.ahead.sweep.entries[0]
        values = []
        for block in range(count):
            start = time.perf_counter()
            told = runner.launch(entry, block)
            values.append(time.perf_counter() - start - told.found["startup_s"] - sum(one["wall_s"] for one in told.rounds))
        figures.append(Figure(f"launch, {'without' if kind == 'crunch' else 'with'} NumPy", *placed(values, "s", limit)))
    return figures


def commands(count: int, reference: Path) -> list[Figure]:
    """Whole processes of the command line."""
    figures = []
    for name, arguments, limit in (
        ("scalebench --help", ["--help"], 0.3),
        ("scalebench report, reference run", ["report", str(reference)], 3.0),
    ):
        values = []
        for _ in range(count):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "scalebench", *arguments], capture_output=True, check=True)
            values.append(time.perf_counter() - start)
        figures.append(Figure(name, *placed(values, "s", limit)))
    return figures


def main() -> None:
    # both sides import the tasks
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(BY_HAND), os.environ.get("PYTHONPATH")]))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer launches (default 1, about 20 minutes)")
    parser.add_argument("--output", type=Path, default=Path("results/overhead.json"))
    asked = parser.parse_args()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    reference = min(Path("results/reference").glob("*/"))
    repeats = max(5, round(11 * asked.scale))
    figures: list[Figure] = []
    metgs = (metg_ratio(backend, max(3, round(6 * asked.scale))) for backend in METG_BACKENDS)
    for one in itertools.chain(
        task_timing(), launches(repeats, asked.output.parent), commands(repeats, reference),
        rounds(max(3, round(10 * asked.scale))), metgs,
    ):  # fmt: skip
        figures.append(one)
        rows = [{**asdict(figure), "met": figure.met} for figure in figures]
        plain = [{key: None if value != value else value for key, value in row.items()} for row in rows]  # JSON has no NaN
        asked.output.write_text(json.dumps(plain, indent=1, allow_nan=False))
        asked.output.with_suffix(".md").write_text(markdown(figures))
        print(f"{one.name:60} {one.shown:26} {one.unit:10} <= {one.limit:<6} {one.met}", flush=True)
    print(f"{sum(one.met.startswith('met') for one in figures)} of {len(figures)} met; {asked.output}")


def markdown(figures: list[Figure]) -> str:
    """The figures as a pipe table."""
    lines = ["| figure | measured [95%] | unit | limit | |", "|---|---|---|---|---|"]
    for one in figures:
        limit = f"{one.least} to {one.limit}" if one.least else str(one.limit)
        lines.append(f"| {one.name} | {one.shown} | {one.unit} | {limit} | {one.met} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
