"""The parts of a round and of a start, measured from the rows of a run: first round by round, then one line over worker counts a part.

    first_s     until the first task starts: what a round costs before any worker is woken, one wake and one turn
    wake_s      between the first starts of two workers, while no answer has come: how one after another is woken
    manager_s   a chunk's share of a round whose tasks were over at once: the manager was never idle. A send and an answer; what the
                round costs before its first task is in it until :func:`without_lead` takes it out
    turn_s      of a worker between two chunks, where the manager kept up
    tail_s      from the last stop to the round's end; of static dealing the gathering of all answers
    call_s      a call to all workers that are up, and their answers, a worker's share: the broadcast, in which each is given once what
                it works with; a start has one more (:data:`CALLED_ONCE` has not), that forces all workers up or sets the workload up
    up_s        start-up less the broadcast; :func:`without_call` takes the other call out too
    startup_s   all of it: in place of the two where they were not told apart (schema version 1 and 2)

A part is a line over worker counts, ``at_one + per_worker * workers``, neither of them below 0: a manager may look at each of
its workers at each answer (``concurrent.futures`` does), and ranks that share CPUs wait for each other. It is fitted to relative
errors, to the geometric mean over blocks at each count; its draws are those of ``statistics.block_draws``.

Not here: what is made of them (``predict``).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scalebench.analysis.scaling import LAUNCH, launches
from scalebench.analysis.statistics import Floats, block_draws
from scalebench.command import PROGRAM

LEAST_COUNTS = 3  #: that a line over worker counts is fitted to
#: share of the workers' time in tasks: below, the manager was what a round waited for; above the other, the workers
MANAGER_BOUND, WORKER_BOUND = 0.3, 0.7
LEAST_CROWD = 4  #: workers; fewer may be what a round waits for though they have next to nothing to do
#: twice what a thread may keep the GIL, ``sys.getswitchinterval()``: a shorter round shows no manager at work
LEAST_ROUND_S = 0.01
LEAST_FIRSTS = 4  #: first starts before the first answer that show the time between two wakes
#: interfaces whose workers come up, and set themselves up, without a call
CALLED_ONCE = ("mpi-pool",)
LEAST_LEFT = 0.1  #: of a part, when another one is taken out of it: lines are not exact, and no part is nothing
NONE = 1e-9  #: s; what takes less counts as nothing, since parts are averaged as logarithms
WIDEST = 1e3  #: times the best value: a draw from few blocks may be further off, and no line could be fitted to it
#: what tells an interface, as it was asked for, from another of a run
INTERFACE = ["run_id", "backend", "start_method", "mpi_mode", "distribution", "chunksize", "binding", "blas_threads", "variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A part over worker counts, s: its best value, and draws of it."""

    at_one: Floats  #: shape ``(1 + draws,)``; the best value stands first
    per_worker: Floats  #: the same
    counts: tuple[int, ...]  #: that it was measured at

    def at(self, workers: int) -> Floats:
        """At a count, shape ``(1 + draws,)``."""
        return self.at_one + self.per_worker * workers


def figures(rounds: pd.DataFrame, tasks: pd.DataFrame) -> pd.DataFrame:
    """One row a counted round of each launch of a pool that ran well, with what it shows of the parts.

    Args:
        rounds: As loaded.
        tasks: As loaded.
    Returns:
        Those rows of ``rounds`` with ``chunks`` (sent in the round), ``share`` (of the workers' time that tasks took),
        ``up_s``, ``call_s``, ``first_s``, ``wake_s``, ``turn_s``, ``tail_s`` and ``manager_s``, all in s, as the module says; null where
        the round does not show it.
    """
    pools = rounds[~rounds["backend"].isin(["serial", PROGRAM]) & ~rounds["warmup"]]
    well = launches(pools).set_index(LAUNCH).index
    chosen = pools[pools.set_index(LAUNCH).index.isin(well)].copy()
    chunk = chunksizes(chosen)
    chosen["chunks"] = np.ceil(chosen["tasks"].astype(float) / chunk)
    chosen["share"] = chosen["busy_s"] / (chosen["wall_s"] * chosen["workers"].astype(float))
    key = [*LAUNCH, "round"]
    looked = tasks.merge(chosen[key], on=key)
    seen = [{**dict(zip(key, place, strict=True)), **_time_line(one)} for place, one in looked.groupby(key, sort=False)]
    lines = pd.DataFrame(seen, columns=[*key, "first_s", "wake_s", "gap_s", "last_s"])
    chosen = chosen.merge(lines, on=key, how="left")
    chosen["up_s"] = (chosen["startup_s"] - chosen["broadcast_s"]).clip(lower=NONE)
    chosen["call_s"] = (chosen["broadcast_s"] / chosen["workers"].astype(float)).clip(lower=NONE)
    chosen["tail_s"] = (chosen["wall_s"] - chosen["last_s"]).clip(lower=NONE)
    # by the case, not by the round: of rounds that are too short as a rule those that were held up would be left
    case = chosen.groupby(["run_id", "case_id"])
    share, wall_s = (case[name].transform("median") for name in ("share", "wall_s"))
    bound = share >= WORKER_BOUND
    # elsewhere the first task waits until all the others are submitted, which is the manager's work
    chosen["first_s"] = chosen["first_s"].where(bound | chosen["distribution"].notna()).clip(lower=NONE)
    # gaps of a worker lie between its tasks; most are within chunks, those between chunks have all the waiting
    chosen["turn_s"] = (chosen["gap_s"] * chunksizes(chosen)).where(bound).clip(lower=NONE)
    busy = (
        (share < MANAGER_BOUND) & (wall_s >= LEAST_ROUND_S) & (chosen["workers"] >= LEAST_CROWD) & chosen["distribution"].isna()
    )
    chosen["manager_s"] = (chosen["wall_s"] / chosen["chunks"]).where(busy)
    return chosen


def without_call(figures: pd.DataFrame, call: Line) -> pd.DataFrame:
    """Some figures, their ``up_s`` without the call that is in it, which costs what ``call`` says."""
    called = figures["workers"].astype(float).map(lambda count: float(count * call.at(count)[0]))
    return figures.assign(up_s=(figures["up_s"] - called).clip(lower=LEAST_LEFT * figures["up_s"]))


def without_lead(figures: pd.DataFrame, first: Line) -> pd.DataFrame:
    """Some figures, their ``manager_s`` without the time until the first task, as ``first`` has it: that is paid once a round."""
    lead = figures["workers"].astype(float).map(lambda count: float(first.at(count)[0]))
    whole = figures["manager_s"]
    return figures.assign(manager_s=(whole - lead / figures["chunks"]).clip(lower=LEAST_LEFT * whole))


def chunksizes(rounds: pd.DataFrame) -> pd.Series:
    """Tasks that reach a worker at a time: as found, 1 where there is no such thing, all of a worker's where they are dealt out."""
    dealt = np.ceil(rounds["tasks"].astype(float) / rounds["workers"].astype(float))
    return rounds["chunksize_found"].astype(float).fillna(1.0).where(rounds["distribution"].isna(), dealt)


def _time_line(tasks: pd.DataFrame) -> dict[str, float]:
    """What the starts and stops of one round show."""
    start, stop = tasks["start_s"].to_numpy(dtype=float), tasks["stop_s"].to_numpy(dtype=float)
    worker = tasks["worker"].to_numpy(dtype=np.int64)
    order = np.lexsort((start, worker))
    start, stop, worker = start[order], stop[order], worker[order]
    same = worker[1:] == worker[:-1]
    firsts = np.sort(start[np.concatenate(([True], ~same))])
    firsts = firsts[firsts < stop.min()]
    gaps = (start[1:] - stop[:-1])[same]
    low, high = round(0.1 * (len(firsts) - 1)), round(0.9 * (len(firsts) - 1))  # one late worker is not the rule
    enough = len(firsts) >= LEAST_FIRSTS
    return {
        "first_s": float(start.min()),
        "wake_s": max(float(firsts[high] - firsts[low]) / (high - low), NONE) if enough else np.nan,
        "gap_s": float(np.median(gaps)) if len(gaps) else np.nan,
        "last_s": float(stop.max()),
    }


def line(figures: pd.DataFrame, name: str) -> Line | None:
    """A part over worker counts; None where fewer than :data:`LEAST_COUNTS` counts show it.

    Args:
        figures: Those of one interface, from :func:`figures`.
        name: Its column.
    """
    known = figures[figures[name].notna()]
    if known["workers"].nunique() < LEAST_COUNTS:
        return None
    by = np.exp(known[name].astype(float).map(math.log).groupby([known["block"], known["workers"]]).mean()).unstack("workers")
    counts = by.columns.to_numpy(dtype=np.float64)
    best = np.exp(np.log(by).mean().to_numpy(dtype=np.float64))  # geometric, as everywhere over blocks
    with np.errstate(over="ignore"):
        draws = np.clip(block_draws(by), best / WIDEST, best * WIDEST)
    at_one, per_worker = _fitted(np.vstack([best, draws]), counts)
    return Line(at_one=at_one, per_worker=per_worker, counts=tuple(int(one) for one in counts))


def _fitted(values: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Least squares of relative errors, row by row of ``values``: ``(rows, counts)``, neither coefficient below 0."""
    one, slope = 1 / values, counts / values
    aa, ab, bb = (one * one).sum(1), (one * slope).sum(1), (slope * slope).sum(1)
    a, b = one.sum(1), slope.sum(1)
    determinant = aa * bb - ab * ab
    at_one, per_worker = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
    flat, steep = per_worker < 0, at_one < 0
    return np.where(flat, a / aa, np.where(steep, 0.0, at_one)), np.where(flat, 0.0, np.where(steep, b / bb, per_worker))


def durations(chosen: pd.DataFrame, tasks: pd.DataFrame) -> Floats:
    """How long the tasks took in the launches of ``chosen``, s, in no order.

    Those of the median round of each, where they are kept: what held up a whole round would else be drawn, task by task, into all.
    """
    key = [*LAUNCH, "round"]
    taken = tasks.merge(launches(chosen)[key], on=key)
    if taken.empty:
        taken = tasks.merge(chosen[key], on=key)
    return (taken["stop_s"] - taken["start_s"]).to_numpy(dtype=np.float64)
