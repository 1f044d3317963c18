"""What should I use? The cheapest case that is *shown* to be nearly as fast as the fastest.

Cases that answer one question (same workload, size, items, tasks, scaling, variant) are compared by the time that they
need for the same work, wall / work units: seconds alone mislead where the work is not fixed. Of those that are shown, 95%,
to take at most 10% longer than the fastest, the cheapest is recommended; its cost is workers x BLAS threads x wall, for the
same work. What is not shown is not recommended: in a noisy run nothing is, and that is not a reason to stay serial.

Which case is the fastest is itself uncertain, so a case is held against *every* other one, and the worst counts:

    slower_high(i) = max over j of  mean(d_ij) + t(B - 1; 1 - 0.05/m) sd(d_ij) / sqrt(B)

d_ij: log of the ratio of the times of i and j in the same block, B: blocks that both have, m: how many cases look at most
1.21 = 1.1^2 times slower than the fastest, but for that one. Comparison with all others in place of the unknown best is
that of multiple comparisons with the best (Hsu 1981, doi:10.1214/aos/1176345518), with a t interval for each pair, since
cases differ in their spread, and Bonferroni's division by the cases that could be recommended wrongly.

Error rate: a recommended case is truly more than 10% slower than the fastest in at most 5% of runs. In the least favourable
simulations (one best, 1 to 20 cheaper ones just beyond 10%, 3 to 10 blocks, normal and exponential spread) it was 0% to 6%
with a standard error of 0.5%; where the worse ones are clearly worse it was 0%.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.efficiency import payback
from scalebench.analysis.granularity import sweeps
from scalebench.analysis.scaling import CASE, LAUNCH, launches, with_baseline, work_of
from scalebench.analysis.statistics import CONFIDENCE, LEAST_BLOCKS, over_blocks
from scalebench.command import PROGRAM

WITHIN = 1.1  #: times slower than the fastest that is near enough
WORTH = 0.5  #: of a worker: the least that each one more must add to the speedup up to the knee
_MOST_BLOCKS = 10_000
#: what cases have in common that answer one question; ``work`` is the tasks, per worker where scaling is weak
QUESTION = ["run_id", "scaling", "workload", "kind", "size", "imbalance", "items_digest", "seed", "variant", "work"]
#: what a curve over worker counts is of
SETUP = ["backend", "start_method", "mpi_mode", "distribution", "binding", "chunksize", "blas_threads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio of rates with its 95% interval over blocks."""

    value: float  #: the ratio
    low: float  #: end of the interval; NaN below three blocks
    high: float  #: the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer to one question."""

    question: dict[str, object]  #: what is asked, by column: workload, kind, size and so on
    #: ``shown``; ``not_shown``: the spread is too wide; ``too_few_blocks``; ``one_case``: nothing to compare; ``none_ran``
    status: str
    cases: pd.DataFrame  #: one row a case of the question
    knees: pd.DataFrame  #: one row a set-up: its axes, ``knee``, ``most_workers`` (counts of workers)
    recommended: str | None = None  #: ``case_id`` of the cheapest that is shown; None: none is
    fastest: str | None = None  #: ``case_id``, as measured, shown or not
    over_serial: Ratio | None = None  #: work per second of the recommended case, else of the fastest, to that of serial
    over_half: Ratio | None = None  #: the same to that of the same set-up with ``half_workers``
    half_workers: int | None = None  #: the largest count measured of at most half the workers
    #: ``case_id`` of the one whose speedup has the highest lower bound; None: none is shown (95% for all cases together) faster
    faster_than_serial: str | None = None
    tasks_to_pay_back: float | None = None  #: after how many tasks the start of its pool has paid; None: never
    blocks_needed: int | None = None  #: blocks at which a case would be shown, if the spread stays as it is
    block_s: float | None = None  #: s per block of the whole study


def recommend(rounds: pd.DataFrame, *, block_s: Mapping[str, float] | None = None) -> list[Recommendation]:
    """One recommendation for each question that a run asks; suites that sweep sizes ask another one.

    Args:
        rounds: As loaded, any number of runs.
        block_s: Seconds that a block of the whole study took, by ``run_id``; without it the launches' own times are added up.
    Returns:
        In the order of the rows. ``cases`` has what was asked; ``wall_s`` and ``startup_s`` (s per round and launch),
        ``speedup`` with ``_low`` and ``_high``; ``slower`` and ``slower_high`` (times the time of the fastest for the same
        work, and the 95% bound), ``cost`` (workers x BLAS threads x wall for the same work, 1 is the least), ``shown``
        (within 10%), ``blocks``, and ``left_out``: why it can't be recommended, else null.
    """
    pairs = pd.MultiIndex.from_frame(rounds[["run_id", "suite"]])
    rounds = rounds[~pairs.isin(sweeps(rounds))]
    if rounds.empty:
        return []
    took = {**_block_s(rounds), **(block_s or {})}
    chosen = with_baseline(launches(rounds))
    chosen = chosen.assign(time=chosen["wall_s"] / chosen["work_units"].astype(float).where(chosen["work_units"].gt(0)))
    cases = _cases(rounds, chosen)
    return [
        _answer(dict(zip(QUESTION, key, strict=True)), group, chosen, took.get(str(key[0])))
        for key, group in cases.groupby(QUESTION, dropna=False, sort=False)
    ]


def _cases(rounds: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """One row a case: what was asked, its location statistics, and whether it must be left out."""
    first = rounds.drop_duplicates(CASE)
    first = first.assign(work=work_of(first))
    asked = [name for name in (*QUESTION, *SETUP) if name not in CASE]
    cases = first[[*CASE, "suite", *asked, "workers", "tasks", "oversubscribed"]].set_index(CASE)
    for name in ("wall_s", "startup_s", "speedup", "time"):
        found = over_blocks(chosen[name].where(chosen[name].gt(0)), [chosen[key] for key in CASE]).reindex(cases.index)
        cases[name] = found["value"]
        if name == "speedup":
            cases["speedup_low"], cases["speedup_high"] = found["low"], found["high"]
    cases["blocks"] = found["blocks"].fillna(0).astype("int64")
    cases["left_out"] = _left_out(rounds, cases)
    return cases.reset_index()


def _left_out(rounds: pd.DataFrame, cases: pd.DataFrame) -> pd.Series:
    """By case: why it can't be recommended. Later reasons give way to earlier ones."""
    reason = pd.Series(pd.NA, index=cases.index, dtype="string")
    reason = reason.mask(cases["blocks"] < LEAST_BLOCKS, f"fewer than {LEAST_BLOCKS} blocks")
    reason = reason.mask(cases["time"].isna(), "no work was counted")
    asked = rounds["blas_threads"]
    other = asked.notna() & (rounds["blas_found_min"].ne(asked) | rounds["blas_found_max"].ne(asked)).fillna(False)
    blas = other.groupby([rounds[key] for key in CASE]).any().reindex(cases.index)
    reason = reason.mask(blas, "BLAS threads found are not those asked for")
    bad = rounds[rounds["status"].ne("ok")].groupby(CASE)["status"].first()
    status = bad.reindex(cases.index)
    return reason.where(status.isna(), status)


def _block_s(rounds: pd.DataFrame) -> dict[str, float]:
    """By run: seconds of its median block, rounds and the starts and ends of launches."""
    whole = rounds.groupby(["run_id", "block"])["wall_s"].sum()
    once = rounds.drop_duplicates(LAUNCH)
    ends = once["startup_s"].fillna(0) + once["shutdown_s"].fillna(0)
    whole += ends.groupby([once["run_id"], once["block"]]).sum()
    return {str(run): float(value) for run, value in whole.groupby("run_id").median().items()}


def _answer(question: dict[str, object], cases: pd.DataFrame, chosen: pd.DataFrame, block_s: float | None) -> Recommendation:
    cases = cases.reset_index(drop=True)
    enough = cases["left_out"].isna()
    few = bool(cases["blocks"].max() < LEAST_BLOCKS)
    usable = enough | (cases["left_out"].eq(f"fewer than {LEAST_BLOCKS} blocks") if few else False)
    threads = (cases["workers"] * cases["blas_threads"].fillna(1)).astype(float)
    cost = threads * cases["time"].where(usable)
    cases = cases.assign(cost=cost / cost.min(), threads=threads, slower=cases["time"] / cases["time"].where(usable).min(),
                         slower_high=np.nan, shown=False)  # fmt: skip
    mine = chosen[chosen["run_id"].eq(str(question["run_id"])) & chosen["case_id"].isin(cases["case_id"])]
    knees = _knees(cases[usable])
    if not usable.any():
        return Recommendation(question=question, status="none_ran", cases=cases, knees=knees)
    fastest = str(_least(cases[usable], "time")["case_id"])
    if few or usable.sum() == 1:
        status = "too_few_blocks" if few else "one_case"
        return Recommendation(question=question, status=status, cases=cases, knees=knees, fastest=fastest, block_s=block_s)
    times = mine.pivot_table(index="block", columns="case_id", values="time", aggfunc="last")[cases.loc[enough, "case_id"]]
    high, needed = slower_than_fastest(times.to_numpy(dtype=float))
    cases.loc[enough, "slower_high"] = high
    cases["shown"] = cases["slower_high"].le(WITHIN)
    best = _cheapest(cases[cases["shown"]])
    subject = cases[cases["case_id"].eq(best or fastest)].iloc[0]
    half_workers, over_half = _over_half(subject, cases[enough], times[subject["case_id"]], times)
    faster = _faster_than_serial(cases[enough], times)
    tasks = payback(subject.to_frame().T)["payback_tasks"].iloc[0]
    return Recommendation(
        question=question,
        status="shown" if best else "not_shown",
        cases=cases,
        knees=knees,
        recommended=best,
        fastest=fastest,
        over_serial=None if pd.isna(subject["speedup"]) or subject["backend"] == "serial" or _is_one(subject)
        else Ratio(value=subject["speedup"], low=subject["speedup_low"], high=subject["speedup_high"]),
        over_half=over_half,
        half_workers=half_workers,
        faster_than_serial=faster,
        tasks_to_pay_back=None if pd.isna(tasks) else float(tasks),
        blocks_needed=None if best else needed,
        block_s=block_s,
    )  # fmt: skip


def slower_than_fastest(times: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], int | None]:
    """How much slower than the fastest each case may be, and how many blocks would show one within 10%.

    Args:
        times: Time for the same work, any unit, > 0, shape ``(blocks, cases)``; NaN where a block lacks a case.
    Returns:
        The simultaneous 95% upper bounds of ``time / time of the fastest``, shape ``(cases,)``, >= 1, inf where it has fewer
        than three blocks in common with another case; and the least number of blocks at which the first bound would be at
        most 1.1, if locations and spreads stay as they are (null beyond 10,000).
    """
    from scipy.special import stdtrit

    logs = np.log(times)
    ratios = logs[:, :, np.newaxis] - logs[:, np.newaxis, :]
    known = ~np.isnan(ratios)
    blocks = known.sum(axis=0)
    mean = np.where(known, ratios, 0).sum(axis=0) / np.maximum(blocks, 1)
    spread = np.sqrt((np.where(known, ratios - mean, 0) ** 2).sum(axis=0) / np.maximum(blocks - 1, 1))
    near = int((mean.max(axis=1) <= 2 * np.log(WITHIN)).sum())
    tail = 1 - (1 - CONFIDENCE) / max(1, near - 1)

    def bounds(count: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        half = stdtrit(np.maximum(count - 1, 1), tail) * spread / np.sqrt(np.maximum(count, 1))
        return np.asarray((mean + np.where(np.eye(len(mean), dtype=bool), 0.0, half)).max(axis=1))

    found = np.where((blocks < LEAST_BLOCKS).any(axis=1), np.inf, np.exp(bounds(blocks)))
    low, high = int(blocks.min()), _MOST_BLOCKS
    if bounds(np.full_like(blocks, high)).min() > np.log(WITHIN):
        return found, None
    while high - low > 1:  # bounds shrink as blocks are added
        middle = (low + high) // 2
        low, high = (low, middle) if bounds(np.full_like(blocks, middle)).min() <= np.log(WITHIN) else (middle, high)
    return found, high


def _faster_than_serial(cases: pd.DataFrame, times: pd.DataFrame) -> str | None:
    """The case whose lower bound, simultaneous over all cases by Bonferroni's division, is the highest, if it is above 1."""
    from scipy.special import stdtrit

    serial = _serial(cases)
    if serial is None or len(cases) < 2:
        return None
    gains = times.rdiv(times[serial["case_id"]], axis=0).apply(np.log).drop(columns=serial["case_id"])
    blocks = gains.count()
    tail = 1 - (1 - CONFIDENCE) / gains.shape[1]
    low = gains.mean() - stdtrit(np.maximum(blocks - 1, 1), tail) * gains.std(ddof=1) / np.sqrt(blocks)
    low = low[blocks >= LEAST_BLOCKS]
    return str(low.idxmax()) if len(low) and low.max() > 0 else None


def _serial(cases: pd.DataFrame) -> pd.Series | None:
    """The serial baseline: one thread; of a program, itself with one worker."""
    serial = cases["backend"].eq("serial") | cases["backend"].eq(PROGRAM)
    found = cases[serial & cases["threads"].eq(1) & cases["binding"].isna()]
    return None if found.empty else found.iloc[0]


def _is_one(case: pd.Series) -> bool:
    """Whether it is a program's own baseline."""
    return bool(case["backend"] == PROGRAM and case["threads"] == 1)


def _cheapest(shown: pd.DataFrame) -> str | None:
    """The cheapest; serial before a pool that takes as many threads, since it has nothing to start."""
    if shown.empty:
        return None
    best = _least(shown, "cost")
    serial = shown[shown["backend"].eq("serial") & shown["threads"].le(best["threads"])]
    return str((best if serial.empty else _least(serial, "cost"))["case_id"])


def _least(cases: pd.DataFrame, name: str) -> pd.Series:
    return cases.nsmallest(1, name).iloc[0]


def _over_half(case: pd.Series, cases: pd.DataFrame, time: pd.Series, times: pd.DataFrame) -> tuple[int | None, Ratio | None]:
    """The gain over half the workers of the same set-up, where they were measured."""
    alike = np.logical_and.reduce(
        [cases[name].eq(case[name]).fillna(False) | (cases[name].isna() & pd.isna(case[name])) for name in SETUP]
    )
    fewer = cases[alike & cases["workers"].le(case["workers"] // 2)]
    if fewer.empty:
        return None, None
    half = fewer.loc[fewer["workers"].idxmax()]
    found = over_blocks(times[half["case_id"]] / time, [pd.Series(0, index=time.index)]).iloc[0]
    return int(half["workers"]), Ratio(value=found["value"], low=found["low"], high=found["high"])


def _knees(cases: pd.DataFrame) -> pd.DataFrame:
    rows = []
    pools = cases[cases["backend"].ne("serial") & cases["speedup"].notna()]
    for key, curve in pools.groupby(SETUP, dropna=False, sort=False):
        best = curve.groupby("workers")["speedup"].max()  # of as many workers on one node and on several
        found = knee(best.index.to_numpy(dtype=np.int64), best.to_numpy(dtype=float))
        if found is not None:
            rows.append({**dict(zip(SETUP, key, strict=True)), "knee": found, "most_workers": int(curve["workers"].max())})
    return pd.DataFrame(rows, columns=[*SETUP, "knee", "most_workers"])


def knee(workers: npt.NDArray[np.integer], speedup: npt.NDArray[np.floating]) -> int | None:
    """The last count at which each worker more still added half of one to the speedup.

    That is the last q with ``(S(q) - S(p)) / (q - p) >= 0.5``, p the count before; where no step did, the first count.

    Args:
        workers: Distinct counts, shape ``(n,)``, in any order.
        speedup: Dimensionless, same shape.
    Returns:
        A count; None for fewer than two.

    >>> knee(np.array([1, 2, 4, 8]), np.array([1.0, 1.9, 3.4, 4.0]))
    4
    """
    if len(workers) < 2:
        return None
    order = np.argsort(workers)
    counts, reached = workers[order], speedup[order]
    worth = np.flatnonzero(np.diff(reached) / np.diff(counts) >= WORTH)
    return int(counts[worth[-1] + 1] if len(worth) else counts[0])
