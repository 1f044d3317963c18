"""Is the harness out of its own way? Figures, limits, met or missed: ``nox -s overhead``.

Ratios are taken against code written by hand for the same pool (``by_hand/``), in one run: both are kept warm, their
rounds alternate in random order, and the one that is not measured is stopped (SIGSTOP), so that ranks that poll while
they are idle don't disturb the other. A ratio is the median over pairs; in brackets the 95% interval of that median by
order statistics.
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

import psutil
from scipy.stats import binom

from scalebench import Study
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.launchers import local
from scalebench.launchers.mpiexec import find_mpi
from scalebench.plan import open_request
from scalebench.sweep import Sweep, expand

BY_HAND = Path(__file__).parent / "by_hand"
SCRIPTS = {
    "serial": "serial.py", "processes": "processes.py", "multiprocessing": "multiprocessing_pool.py",
    "multiprocess": "multiprocess_pool.py", "joblib": "joblib_parallel.py", "threads": "threads.py", "mpi-pool": "mpi_pool.py",
    "mpi": "mpi.py",
}  # fmt: skip
TURNS_PER_MS = 12_000  # of crunch, about, on the machine of the reference run
METG_SIZES = (30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    limit: float
    low: float | None = None
    high: float | None = None

    @property
    def met(self) -> bool:
        return self.value <= self.limit


class Hand:
    """The hand-written script of an interface, waiting to be told to run a round."""

    def __init__(self, backend: str, workers: int, tasks: int, turns: int) -> None:
        command = [sys.executable, str(BY_HAND / SCRIPTS[backend])]
        if backend == "mpi-pool":
            command[1:1] = ["-m", "mpi4py.futures"]
        environment = {**os.environ, **dict.fromkeys(local.THREAD_VARIABLES, "1"), "BY_HAND": f"{workers} {tasks} {turns}"}
        if backend in ("mpi", "mpi-pool"):
            mpi = find_mpi()
            command = [*mpi.command(workers + (backend == "mpi-pool")), *command]
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


def pairs(backend: str, tasks: int, turns: int, count: int, task_timing: str = "on") -> list[tuple[float, float]]:
    """``count`` pairs of wall times, harness and by hand, in s."""
    workers = 1 if get_backend(backend).only_one_worker else 2
    study = Study(backend=backend, workers=workers, tasks=tasks, size=turns)
    sweep = expand(study)
    case = next(one.case for one in sweep.entries if one.case.backend == backend and one.case.workers == workers)
    sides = (Harness(case, sweep, task_timing), Hand(backend, workers, tasks, turns))
    order = random.Random(0)
    found = []
    try:
        for side in sides:  # one warm-up each
            side.round()
        trees = {side: tree(side.pid) for side in sides}
        for _ in range(count):
            walls = {}
            for side in order.sample(sides, 2):
                other = sides[1 - sides.index(side)]
                for process in trees[other]:
                    process.suspend()
                walls[side] = side.round()
                for process in trees[other]:
                    process.resume()
            found.append((walls[sides[0]], walls[sides[1]]))
    finally:
        for side in sides:
            side.end()
    return found


def median_interval(values: list[float]) -> tuple[float, float, float]:
    """Median and its 95% interval by order statistics (David and Nagaraja 2003, section 7.1)."""
    ordered = sorted(values)
    lowest = int(binom.ppf(0.025, len(ordered), 0.5))
    return statistics.median(ordered), ordered[max(0, lowest - 1)], ordered[min(len(ordered) - 1, len(ordered) - lowest)]


def ratio(name: str, found: list[tuple[float, float]], limit: float) -> Figure:
    middle, low, high = median_interval([harness / hand for harness, hand in found])
    return Figure(name, middle, "x by hand", limit, low, high)


def rounds(scale: float) -> Iterator[Figure]:
    """Wall of a round, harness over by hand, for every interface."""
    for backend in SCRIPTS:
        long = pairs(backend, tasks=4, turns=100 * TURNS_PER_MS, count=round(16 * scale))
        short = pairs(backend, tasks=100, turns=TURNS_PER_MS, count=round(60 * scale))
        yield from (ratio(f"{backend}, 100 ms tasks", long, 1.02), ratio(f"{backend}, 1 ms tasks", short, 1.05))


def metg_ratio(backend: str, count: int) -> Figure:
    """METG(50%) through the harness over the same by hand, at chunk size 1; the distance from 1 is what is limited."""
    import numpy as np

    from scalebench.analysis.granularity import metg

    serial = {turns: statistics.median(hand for _, hand in pairs("serial", 2_000, turns, 3)) / 2_000 for turns in METG_SIZES[-2:]}
    best = max(turns / seconds for turns, seconds in serial.items())
    curves: tuple[list[tuple[float, float]], ...] = ([], [])
    for turns in METG_SIZES:
        tasks = max(40, min(2_000, 400_000 // turns))
        found = pairs(backend, tasks, turns, count, task_timing="off")
        for side, curve in enumerate(curves):
            wall = statistics.median(pair[side] for pair in found)
            curve.append((wall * 2 / tasks, turns * tasks / wall / 2 / best))
    harness, hand = (metg(*np.array(curve).T)[0] for curve in curves)
    return Figure(
        f"METG(50%) of {backend}, by hand {hand * 1e6:.0f} us: distance from 1", abs(harness / hand - 1), "x by hand", 0.10
    )


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
            figures.append(Figure(f"{name} ({clock})", *_placed(list(values), "us", limit)))
    return figures


def _placed(values: list[float], unit: str, limit: float) -> tuple[float, str, float, float, float]:
    middle, low, high = median_interval(values)
    return middle, unit, limit, low, high


def launches(count: int, results: Path) -> list[Figure]:
    """Seconds of a launch that are neither rounds, warm-up nor start-up."""
    from scalebench.runner import Runner, forecast

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
        figures.append(Figure(f"launch, {'without' if kind == 'crunch' else 'with'} NumPy", *_placed(values, "s", limit)))
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
        figures.append(Figure(name, *_placed(values, "s", limit)))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer pairs (default 1, about ten minutes)")
    parser.add_argument("--output", type=Path, default=Path("results/overhead.json"))
    asked = parser.parse_args()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    reference = min(Path("results/reference").glob("*/"))
    repeats = max(5, round(11 * asked.scale))
    figures = []
    metgs = (metg_ratio(backend, max(3, round(9 * asked.scale))) for backend in ("processes", "multiprocessing", "mpi-pool"))
    for one in itertools.chain(
        task_timing(), launches(repeats, asked.output.parent), commands(repeats, reference), rounds(asked.scale), metgs
    ):
        figures.append(one)
        asked.output.write_text(json.dumps([{**asdict(figure), "met": figure.met} for figure in figures], indent=1))
        interval = "" if one.low is None else f"[{one.low:.3f}, {one.high:.3f}]"
        print(
            f"{one.name:60} {one.value:8.3f} {interval:18} {one.unit:10} <= {one.limit:<6} {'met' if one.met else 'MISSED'}",
            flush=True,
        )
    print(f"{sum(one.met for one in figures)} of {len(figures)} met; {asked.output}")


if __name__ == "__main__":
    main()
