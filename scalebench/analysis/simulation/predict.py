"""Simulate the curves of a run at other worker counts, from its parts; refused, with the reason, where the run lacks one.

Assumed, and told with each result (docs/simulation.md): a line over worker counts holds beyond the data; tasks at other counts last
as they did here; each worker has a CPU of its own unless the tasks need one, which then share the CPUs that there are.

The interval is that of the parts, from draws of whole blocks; how far the model itself is off is in no interval: ``holdout`` tells it.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scalebench.analysis.laws.curves import IDENTITY, plain
from scalebench.analysis.scaling import work_of
from scalebench.analysis.simulation.model import Costs, bounds, simulate_round
from scalebench.analysis.simulation.parts import (
    CALLED_ONCE,
    INTERFACE,
    LEAST_COUNTS,
    LEAST_CROWD,
    LEAST_ROUND_S,
    MANAGER_BOUND,
    Line,
    chunksizes,
    durations,
    figures,
    line,
    without_call,
    without_lead,
)
from scalebench.analysis.statistics import Floats, of_draws
from scalebench.errors import UsageError, count
from scalebench.workloads.kinds import KINDS, get_kind

#: what is the same along a simulated curve: on another number of nodes all parts are others
CURVE = [*(name for name in IDENTITY if name != "_nodes"), "nodes"]

MOST_CHUNKS = 4_000_000  #: of one round; a million take two seconds
MOST_TASKS = 20_000_000  #: of one round: 8 bytes each, some times
CPU_BOUND = 0.5  #: share of a task's time on a CPU from which on it is taken to need one
#: interfaces that send a task only to a worker that has none; all others let as many wait as there are workers, or more
HAND_TO_HAND = ("mpi-pool",)
#: interfaces whose workers take CPU time while they wait, from the others where it is scarce, and how much of a CPU each: those of MPI
#: poll, those of dask look at their own stack and at their event loop as they come (docs/many-workers.md)
RESTLESS = {"mpi": 1.0, "mpi-pool": 1.0, "dask": 0.03}
#: interfaces that hand out tasks in another way than any that is simulated: an actor is free when its answer's turn has come
IN_ORDER = ("ray",)
#: what each part is, for people
MEANINGS = {
    "startup_s": "start-up, its broadcast with it",
    "up_s": "start-up, until all workers are started",
    "call_s": "a call to all of them, each worker's share; the broadcast is one",
    "first_s": "until the first task starts",
    "wake_s": "from one worker's first start to the next one's",
    "manager_s": "manager, to send and take an answer",
    "turn_s": "worker, between two",
    "tail_s": "from the last task to the round's end",
    "task_s": "a task",
}


class Refused(Exception):  # noqa: N818 - it is an answer
    """Why a curve can't be simulated, and what to measure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """One curve of a run at other worker counts."""

    identity: Mapping[str, Any]  #: column -> value, as of ``laws.curves``
    reason: str | None = None  #: why it was refused
    #: ``workers``, ``tasks``, ``wall_s`` and ``launch_s`` (start-up and one round) with ``_low`` and ``_high``, ``startup_s``
    #: and how much of it is ``broadcast_s`` (null: not told apart), ``waits_for`` (the manager or the workers), ``beyond``
    #: (times the largest count measured)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    #: ``part``, ``counts`` (text), ``at_one_s``, ``per_worker_s``, and ``at_most_s`` (at the largest count measured) with ``_low``, ``_high``
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)
    keeps_busy: float | None = None  #: workers, with such tasks; None where the tasks are dealt out
    assumed: tuple[str, ...] = ()


def simulate(
    rounds: pd.DataFrame,
    tasks: pd.DataFrame,
    workers: Sequence[int],
    *,
    cpus: int | None = None,
    of: Collection[str] | None = None,
) -> list[Simulation]:
    """Every curve of some runs, simulated or refused.

    Args:
        rounds: As loaded.
        tasks: As loaded.
        workers: Counts, >= 1.
        cpus: That workers share whose tasks need one; None: the CPU budget of the run.
        of: Which cases' curves; the others give parts only. None: all.
    Raises:
        UsageError: A round of more than :data:`MOST_CHUNKS` chunks.
    """
    known = figures(rounds, tasks)
    known = known.assign(_work=work_of(known))
    found = []
    for key, rows in known.groupby(CURVE, dropna=False):
        if rows["workers"].nunique() < 2 or (of is not None and not rows["case_id"].isin(of).any()):
            continue
        identity = {name: plain(value) for name, value in zip(CURVE, key, strict=True)}
        identity["tasks_per_worker" if identity["scaling"] == "weak" else "tasks"] = int(identity.pop("_work"))
        same = known[having(known, {name: identity[name] for name in (*INTERFACE, "nodes")})]
        try:
            found.append(_Curve(identity, rows, same, tasks, cpus).at(workers))
        except Refused as reason:
            found.append(Simulation(identity=identity, reason=str(reason)))
    return found


def having(rows: pd.DataFrame, values: Mapping[str, Any]) -> pd.Series:
    """Which rows have these values in their columns; None: null."""
    mine = pd.Series(data=True, index=rows.index)
    for name, value in values.items():
        mine &= rows[name].isna() if value is None else rows[name].eq(value).fillna(value=False)
    return mine


class _Curve:
    """The parts of one curve, or why it lacks them."""

    def __init__(
        self, identity: Mapping[str, Any], rows: pd.DataFrame, same: pd.DataFrame, tasks: pd.DataFrame, cpus: int | None
    ) -> None:
        self.identity, self.rows = identity, rows
        self.weak = identity["scaling"] == "weak"
        self.dealt = identity["distribution"] is not None
        self.most = int(rows["workers"].max())
        self.cpus = int(cpus if cpus is not None else rows["cpu_budget"].astype(float).min())
        self.assumed: list[str] = []
        self.first_call: Line | None = None  # beside the broadcast, where a start has another one
        if self.identity["backend"] in IN_ORDER:
            raise Refused(
                "its pool frees a worker when the turn of its answer has come, which is not simulated; scalebench predict has the laws"
            )
        if rows["tail_s"].isna().all():
            raise Refused("its tasks were not recorded one by one; measure with task_timing on")
        self.chunk = self._chunk_rule()
        self.lines = self._lines(same)
        self.task_s, self.shared_by, self.need = self._tasks(tasks)

    def _chunk_rule(self) -> int | None:
        """Tasks of a chunk; None: four chunks a worker, as the default of multiprocessing has it."""
        found = chunksizes(self.rows)
        if self.dealt or found.nunique() == 1:
            return int(found.iloc[0])
        if (found == np.ceil(self.rows["tasks"].astype(float) / (4 * self.rows["workers"].astype(float)))).all():
            return None
        raise Refused(f"its chunks had from {found.min():.0f} to {found.max():.0f} tasks, as the interface saw fit, and how it would at other counts "
                      "is not known; measure with a fixed one: --chunksize 1")  # fmt: skip

    def _lines(self, same: pd.DataFrame) -> dict[str, Line]:
        """The parts of the interface over worker counts."""
        found: dict[str, Line | None] = {}
        if same["broadcast_s"].notna().all():
            call = line(same, "call_s")
            if call is not None and self.identity["backend"] not in CALLED_ONCE:
                self.first_call, same = call, without_call(same, call)
            found["up_s"] = line(same, "up_s")
            found["call_s"] = line(self.rows, "call_s") or call  # what is sent to each worker is the workload's own
        else:
            found["startup_s"] = line(same, "startup_s")
        found |= {name: line(same, name) for name in ("first_s", "wake_s", "tail_s" if self.dealt else "turn_s")}
        lacking = [name for name, one in found.items() if one is None]
        if lacking:
            counts = {name: same.loc[same[name].notna(), "workers"].nunique() for name in lacking}
            told = ", ".join(f"{MEANINGS[name]}: at {counts[name]} of {LEAST_COUNTS}" for name in lacking)
            raise Refused(f"a part is a line over {LEAST_COUNTS} worker counts or more, and the run shows too few ({told}); measure tasks of "
                          f"50 ms, four a worker, on more counts of {LEAST_CROWD} workers or more: scalebench run --profile dispatch")  # fmt: skip
        lines = {name: one for name, one in found.items() if one is not None}
        if not self.dealt:
            manager = line(without_lead(same, lines["first_s"]), "manager_s")
            if manager is None:
                raise Refused(f"no round shows what a task costs the manager: at three counts of {LEAST_CROWD} workers or more the tasks must be so "
                              f"short that the workers are in them for less than {MANAGER_BOUND:.0%} of their time, and so many that a round takes "
                              f"{LEAST_ROUND_S * 1e3:.0f} ms; add such tasks: scalebench run --profile dispatch")  # fmt: skip
            lines["manager_s"] = manager
        return lines

    def _tasks(self, tasks: pd.DataFrame) -> tuple[Floats, float | None, float]:
        """How long tasks take; the CPUs that they share, None where they need none; how much of one a task needs."""
        kind = self.identity["kind"]
        needs = self.rows["cpu_s"] / self.rows["busy_s"]
        alone = self.rows[self.rows["workers"] == self.rows["workers"].min()]
        need = float(needs[alone.index].mean())
        bound = get_kind(kind).cpu_bound if kind in KINDS else need >= CPU_BOUND
        if not bound:
            chosen = self.rows[self.rows["workers"] == self.most]
            self.assumed.append(f"tasks wait rather than compute and last as with {self.most} workers, at any count")
            return durations(chosen, tasks), None, 0.0
        gil = self.identity["backend"] == "threads" and bool(self.rows["gil"].fillna(value=True).all())
        gil = gil and (kind not in KINDS or get_kind(kind).holds_gil)
        free = self.rows[~self.rows["oversubscribed"].fillna(value=False).astype(bool)]
        if gil:
            free = free[free["workers"] == 1]
        if free.empty:
            why = "its workers shared the GIL" if gil else "its workers were more than the CPUs"
            raise Refused(
                f"{why} at every count measured, so that nothing shows how long a task takes alone; measure 1 worker too"
            )
        shared = 1.0 if gil else float(self.cpus)
        self.assumed.append(f"tasks compute, and their workers share {'the GIL' if gil else count(self.cpus, 'CPU')} evenly")
        return durations(free, tasks), shared, min(float(needs[free.index].mean()), 1.0) if not gil else 1.0

    def at(self, workers: Sequence[int]) -> Simulation:
        """Simulated at some counts.

        Raises:
            Refused: Workers that wait would take more than the CPUs.
        """
        far = max(workers)
        idle = RESTLESS.get(self.identity["backend"], 0.0)
        if far * idle > self.cpus:
            raise Refused(f"a worker of {self.identity['backend']} that waits takes {'' if idle == 1 else 'about '}{idle:.0%} of a CPU, and {far} of them "
                          f"take more from each other on {count(self.cpus, 'CPU')} than any line over counts says; for a machine with enough: "
                          f"--cpus {math.ceil(far * idle)}")  # fmt: skip
        rows = [self._one(count) for count in workers]
        parts = self._parts_table()
        return Simulation(identity=self.identity, predictions=pd.DataFrame(rows), parts=parts, keeps_busy=self._keeps_busy(),
                          assumed=tuple(self.assumed))  # fmt: skip

    def _costs(self, workers: int) -> dict[str, Floats]:
        """Each cost at a count, the best value first, then draws."""
        at = {name: one.at(workers) for name, one in self.lines.items()}
        nothing = np.zeros_like(at["wake_s"])
        manager = at.get("manager_s", nothing)
        turn = at.get("turn_s", nothing)
        if self.identity["backend"] in HAND_TO_HAND:  # its gap between two tasks is the manager's too
            turn = np.maximum(turn - manager, 0.0)
        lead = np.maximum(at["first_s"] - at["wake_s"] - turn, 0.0)
        return {"lead_s": lead, "wake_s": at["wake_s"], "manager_s": manager, "turn_s": turn, "tail_s": at.get("tail_s", nothing)}

    def _work(self, workers: int) -> int:
        return int(self.identity["tasks_per_worker"] * workers if self.weak else self.identity["tasks"])

    def _chunk(self, workers: int, work: int) -> int:
        return self.chunk if self.chunk is not None else -(-work // (4 * workers))

    def _one(self, workers: int) -> dict[str, Any]:
        work = self._work(workers)
        chunk = self._chunk(workers, work)
        sent = min(workers, work) if self.dealt else -(-work // chunk)
        for number, most, what in ((sent, MOST_CHUNKS, "chunks"), (work, MOST_TASKS, "tasks")):
            if number > most:
                raise UsageError(f"--workers {workers}: a round of {number:,} {what}; at most {most:,} are simulated.\n"
                                 "Predict fewer workers, or measure fewer tasks per worker")  # fmt: skip
        stretch = 1.0 if self.shared_by is None else max(1.0, min(workers, sent) * self.need / self.shared_by)
        drawn = np.random.default_rng(0).choice(self.task_s, work) * stretch
        edges = np.linspace(0, work, sent, endpoint=False).astype(np.int64) if self.dealt else np.arange(0, work, chunk)
        chunks = np.add.reduceat(drawn, edges)
        costs = self._costs(workers)
        best = {name: float(one[0]) for name, one in costs.items()}
        ahead = 0 if self.identity["backend"] in HAND_TO_HAND or self.dealt else workers + 1
        wall_s = simulate_round(chunks, workers, Costs(**best, ahead=ahead))
        waits = bounds(sent, workers, float(chunks.sum()), float(chunks.min()), float(chunks.max()), **costs)
        least = waits.max(axis=0)
        drawn_s = wall_s * least / least[0]
        startup, broadcast = self._startup(workers)
        launch = drawn_s + startup
        return {"workers": workers, "tasks": work, "wall_s": wall_s, **_ends("wall_s", drawn_s), "startup_s": float(startup[0]),
                "broadcast_s": None if broadcast is None else float(broadcast[0]),
                "launch_s": float(launch[0]), **_ends("launch_s", launch),
                "waits_for": "manager" if waits[0, 0] == least[0] else "workers", "beyond": workers / self.most}  # fmt: skip

    def _startup(self, workers: int) -> tuple[Floats, Floats | None]:
        """Start-up, and what of it is broadcast; None: not told apart. The best value first, then draws."""
        if "call_s" not in self.lines:
            return self.lines["startup_s"].at(workers), None
        broadcast = workers * self.lines["call_s"].at(workers)
        startup = self.lines["up_s"].at(workers) + broadcast
        return startup if self.first_call is None else startup + workers * self.first_call.at(workers), broadcast

    def _keeps_busy(self) -> float | None:
        """With how many workers the manager has no time left, the tasks being as they are: from there on it sets the pace.

        The root of ``workers * manager_s(workers) = chunk + turn``; ``manager_s`` is a line.
        """
        if self.dealt:
            return None
        manager = self.lines["manager_s"]
        chunk = self._chunk(self.most, self._work(self.most))
        period = float(self.task_s.mean()) * chunk + self._costs(self.most)["turn_s"][0]
        at_one, per_worker = manager.at_one[0], manager.per_worker[0]
        if per_worker <= 0:
            return float(period / at_one)
        return float((np.sqrt(at_one**2 + 4 * per_worker * period) - at_one) / (2 * per_worker))

    def _parts_table(self) -> pd.DataFrame:
        """What was measured, at which counts, and what it is at the largest of them."""
        rows = []
        for name, one in self.lines.items():
            at = one.at(self.most)
            rows.append({"part": name, "counts": ", ".join(map(str, one.counts)), "at_one_s": float(one.at_one[0]),
                         "per_worker_s": float(one.per_worker[0]), "at_most_s": float(at[0]), **_ends("at_most_s", at)})  # fmt: skip
        task = {"part": "task_s", "counts": "", "at_one_s": float(self.task_s.mean()), "per_worker_s": 0.0,
                "at_most_s": float(self.task_s.mean()), "at_most_s_low": np.nan, "at_most_s_high": np.nan}  # fmt: skip
        return pd.DataFrame([*rows, task])


def _ends(name: str, values: Floats) -> dict[str, float]:
    low, high = of_draws(values[1:])
    return {f"{name}_low": float(low), f"{name}_high": float(high)}
