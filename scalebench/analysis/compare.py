"""Is B slower than A? A ratio for every case that both have, its interval, and a verdict that many cases don't spoil.

What is compared is the cost of a case: seconds per round; for a kind that lasts as long as asked, seconds per unit of
work; for a file of another tool, seconds per call. One value stands for a launch (``LOCATION``). The ratio is of
geometric means, above 1 is slower. What its interval rests on is the largest thing that varied independently:

    pairs   both sides in one run, interleaved: a block's ratio is one value (Student 1908, doi:10.1093/biomet/6.1.1)
    runs    three or more runs a side: a run's mean is one value (Welch 1947, doi:10.1093/biomet/34.1-2.28)
    blocks  fewer runs, three or more launches a side: a launch is one value; the spread between runs is not in it
    rounds  fewer launches: only the spread within a process is known (standard error of a median from its quartiles:
            McGill, Tukey and Larsen 1978, doi:10.1080/00031305.1978.10479236), so no interval is given

Why t intervals and not resampling: three to five blocks have few distinct samples, and a difference of two like sides
is symmetric however long the tail of each, which is what the t test needs. So there is nothing to draw.

Verdicts, at 5% for all comparisons of one call together (Holm 1979, Scandinavian Journal of Statistics 6, 65-70):

    same        the 95% interval lies within the margin (Schuirmann 1987, doi:10.1007/BF01068419)
    faster, slower
    differs, drift not excluded     significant, but of launches or rounds of runs that were not interleaved
    can't tell

``detectable`` is the slowdown, as a ratio, that a test with this spread, as strict as the first step of Holm's, finds
in 80% of cases (power of the t test by the noncentral t distribution); null where there is no interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.scaling import LAUNCH, launches, natural, work_of
from scalebench.analysis.statistics import CONFIDENCE, LEAST_BLOCKS, LOCATION, Floats
from scalebench.errors import NoneRanWellError, ResultsError
from scalebench.results.schema import ASKED
from scalebench.workloads.kinds import KINDS, get_kind

MARGIN = 0.02  #: a change that is smaller makes no difference
LEAST_RUNS = 3  #: a side, for the spread between runs to be known
POWER = 0.8
FASTER, SLOWER, SAME, CANT_TELL = "faster", "slower", "same", "can't tell"
DIFFERS = "differs, drift not excluded"

_ASKED = [one.name for one in ASKED]
_FOUND = [
    "ratio",
    "ratio_low",
    "ratio_high",
    "replicates",
    "baseline_count",
    "side_count",
    "p",
    "p_holm",
    "verdict",
    "detectable",
]
#: the standard error of a median over the distance of its quartiles, times the root of the number of rounds
_NOTCH = 1.2533 / 1.349


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the things that are compared: a run, several runs of the same code, or a variant of a run."""

    name: str
    rounds: pd.DataFrame  #: as loaded
    #: of runs that kept no rounds, by run_id and case_id: ``q1``, ``median``, ``q3`` (s per call) and ``rounds``
    summaries: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)


def variants(rounds: pd.DataFrame, names: Sequence[str] = ()) -> list[Side]:
    """A side for every variant of some runs, in the order of ``names`` as far as they are there, then by name."""
    there = sorted(rounds["variant"].dropna().unique())
    order = [name for name in names if name in there]
    order += [name for name in there if name not in order]
    return [Side(name=name, rounds=rounds[rounds["variant"].eq(name).fillna(False).to_numpy(dtype=bool)]) for name in order]


def compare(sides: Sequence[Side], *, paired: bool = False, margin: float = MARGIN, location: str = LOCATION) -> pd.DataFrame:
    """Every case that a side has in common with the first one, the baseline.

    Args:
        sides: Two or more.
        paired: They are variants of the same runs, interleaved in their blocks.
        margin: Relative; a change that is smaller makes no difference.
        location: Of ``QUANTILES``: which round stands for a launch. Where a side is known by summaries only: the median.
    Returns:
        One row a case and side, in the order of the sides: ``side`` (its number, from 1), the ``case_id`` of the
        baseline and what was asked; ``baseline_s`` and ``side_s`` (s) ``per`` ``round``, ``call`` or ``unit of work``;
        ``ratio`` (dimensionless, above 1 is slower), ``ratio_low``, ``ratio_high`` (95%, of this case alone),
        ``replicates`` (``pairs``, ``runs``, ``blocks``, ``rounds``) and how many a side, ``p``, ``p_holm``,
        ``verdict`` and ``detectable``; ``answers``: ``same``, ``differ`` or ``unchecked`` between the two sides.
    Raises:
        NoneRanWellError: No case ran well on both sides, and some failed that ran well in the baseline.
        ResultsError: No case in common.
    """
    used = location_used(sides, location)
    measured = [_launches(side, used, paired=paired) for side in sides]
    cases = _cases(sides, paired=paired)
    tables = []
    for number, side in enumerate(measured[1:], 1):
        estimates = _pairs(measured[0], side) if paired else _apart(measured[0], side)
        tables.append(estimates.assign(side=number, answers=_answers(sides[0], sides[number], estimates.index, paired=paired)))
    whole = pd.concat(tables)
    if whole.empty:
        error = NoneRanWellError if len(failures(sides, paired=paired)) else ResultsError
        raise error(_nothing_in_common(sides, paired=paired))
    whole = _judged(whole, margin)
    known = cases.reindex(whole.index)
    per = np.where(known["backend"].isna(), "call", np.where(known["kind"].isin(_fixed_time()), "unit of work", "round"))
    first = known[["case_id", *_ASKED]].reset_index(drop=True)
    found = whole.reset_index(drop=True)[["side", "baseline_s", "side_s", *_FOUND, "answers"]]
    return _in_order(pd.concat([first, found], axis=1).assign(per=per))


def _in_order(found: pd.DataFrame) -> pd.DataFrame:
    """By side, workload, interface and workers, serial first; another tool's in the order of its file."""
    ours = found["backend"].notna()
    keys = found.assign(work=work_of(found), serial=found["backend"] != "serial")
    keys.loc[~ours, ["workload", "work", "tasks"]] = pd.NA
    order = ["side", "scaling", "workload", "kind", "size", "imbalance", "work", "serial", "backend", "mpi_mode", "start_method",
             "distribution", "binding", "chunksize", "workers", "nodes", "blas_threads", "tasks"]  # fmt: skip
    return found.loc[keys.sort_values(order, kind="stable", key=natural).index].reset_index(drop=True)


def location_used(sides: Sequence[Side], location: str = LOCATION) -> str:
    """The location statistic that :func:`compare` goes by: the median where another tool kept that alone of some side's rounds."""
    return "median" if any(side.summaries for side in sides) else location


def _key(rounds: pd.DataFrame, *, paired: bool) -> pd.Series:
    """What the sides are joined on: the case; of variants, all that was asked but for the variant."""
    if not paired:
        return rounds["case_id"]
    cases = rounds.drop_duplicates("case_id").set_index("case_id")
    texts = [cases[name].astype("string").fillna("") for name in _ASKED if name != "variant"]
    keys = pd.Series(["\x1f".join(values) for values in zip(*texts, strict=True)], index=cases.index, dtype="object")
    return rounds["case_id"].map(keys)


def _cases(sides: Sequence[Side], *, paired: bool) -> pd.DataFrame:
    """What was asked, by key; of the baseline, in the order of its rows."""
    rounds = sides[0].rounds
    first = rounds.loc[rounds.groupby("case_id", sort=False).head(1).index]
    return first.assign(_key=_key(first, paired=paired)).drop_duplicates("_key").set_index("_key")


@cache
def _fixed_time() -> list[str]:
    """The kinds that last as long as asked, whatever got done."""
    return [name for name in KINDS if get_kind(name).fixed_time]


def _cost(rounds: pd.DataFrame) -> pd.Series:
    """Seconds per round, per unit of work or per call."""
    units = rounds["work_units"].astype(float)
    calls = rounds["tasks"].astype(float)
    divisor = calls.where(rounds["backend"].isna(), units.where(rounds["kind"].isin(_fixed_time()), 1.0))
    return rounds["wall_s"] / divisor.where(divisor > 0)


def _launches(side: Side, location: str, *, paired: bool) -> pd.DataFrame:
    """One row a launch: key, run_id, block, the logarithm of its cost, and the standard error of a median of its rounds."""
    chosen = launches(side.rounds, location)
    chosen = chosen.assign(key=_key(chosen, paired=paired), log=np.log(_cost(chosen)))
    good = side.rounds[~side.rounds["warmup"] & side.rounds["status"].eq("ok")]
    by = np.log(_cost(good)).groupby([good[name] for name in LAUNCH])
    rounds = by.size()
    errors = _NOTCH * (by.quantile(0.75) - by.quantile(0.25)) / np.sqrt(rounds)
    errors = errors.where((rounds >= LEAST_BLOCKS) & (errors > 0))  # quartiles of two are no spread, nor is a coarse clock's step
    keys = pd.MultiIndex.from_frame(chosen[LAUNCH])
    chosen["error"] = errors.reindex(keys).to_numpy()
    if side.summaries:
        kept = [side.summaries.get(pair) for pair in zip(chosen["run_id"], chosen["case_id"], strict=True)]
        chosen["error"] = [one if told is None else _notch(told) for told, one in zip(kept, chosen["error"], strict=True)]
    return chosen.loc[chosen["log"].notna(), ["key", "run_id", "block", "log", "error"]]


def _notch(summary: Mapping[str, Any]) -> float:
    """The standard error of the logarithm of a median, from the quartiles of the rounds."""
    if summary.get("q1") is None or summary.get("q3") is None or summary["rounds"] < LEAST_BLOCKS:
        return float("nan")
    error = float(_NOTCH * np.log(summary["q3"] / summary["q1"]) / np.sqrt(summary["rounds"]))
    return error if error > 0 else float("nan")


def _pairs(baseline: pd.DataFrame, side: pd.DataFrame) -> pd.DataFrame:
    """Compared block by block."""
    joined = baseline.merge(side, on=["key", "run_id", "block"], suffixes=("_baseline", "_side"))
    by = joined.assign(log=joined["log_side"] - joined["log_baseline"]).groupby("key", sort=False)
    count = by.size()
    logs = by[["log_baseline", "log_side"]].mean()
    enough = count >= LEAST_BLOCKS
    return pd.DataFrame({
        "baseline_s": np.exp(logs["log_baseline"]), "side_s": np.exp(logs["log_side"]), "log": by["log"].mean(),
        "error": (by["log"].std(ddof=1) / np.sqrt(count)).where(enough), "freedom": count - 1.0, "replicates": "pairs",
        "baseline_count": count, "side_count": count, "drift": False,
    })  # fmt: skip


def _apart(baseline: pd.DataFrame, side: pd.DataFrame) -> pd.DataFrame:
    """Compared as runs that were not interleaved."""
    joined = _moments(baseline).add_suffix("_baseline").join(_moments(side).add_suffix("_side"), how="inner")
    levels = [_welch(joined, level) for level in ("runs", "blocks", "rounds")]
    least = {"runs": LEAST_RUNS, "blocks": LEAST_BLOCKS, "rounds": 1}
    found = levels[-1]
    for table, level in zip(levels[1::-1], ("blocks", "runs"), strict=True):
        enough = (table[["baseline_count", "side_count"]] >= least[level]).all(axis=1)
        found = table.where(enough, found)
    return found.assign(drift=found["replicates"] != "runs").infer_objects()


def _answers(baseline: Side, side: Side, keys: pd.Index, *, paired: bool) -> npt.NDArray[np.str_]:
    """Whether two sides computed the same, by the digests of their answers."""
    first = [
        one.rounds.dropna(subset="answers_digest")
        .assign(_key=lambda rows: _key(rows, paired=paired))
        .groupby("_key")["answers_digest"]
        .first()
        for one in (baseline, side)
    ]
    ours, theirs = (one.reindex(keys).astype(object) for one in first)
    unknown = (ours.isna() | theirs.isna()).to_numpy()
    return np.where(unknown, "unchecked", np.where((ours == theirs).to_numpy(), "same", "differ"))


def _moments(values: pd.DataFrame) -> pd.DataFrame:
    """By key: mean, squared standard error and number of values, with runs, launches and rounds as what varies."""
    parts: dict[str, pd.Series] = {}
    of_runs = values.groupby(["key", "run_id"], sort=False)["log"].mean()
    for level, logs in (("runs", of_runs.groupby(level=0, sort=False)), ("blocks", values.groupby("key", sort=False)["log"])):
        count = logs.count()
        parts |= {f"{level}_mean": logs.mean(), f"{level}_square": logs.var(ddof=1) / count, f"{level}_count": count}
    squares = (values["error"] ** 2).groupby(values["key"], sort=False).sum(min_count=1)
    parts |= {
        "rounds_mean": parts["blocks_mean"],
        "rounds_square": squares / parts["blocks_count"] ** 2,
        "rounds_count": parts["blocks_count"],
    }
    return pd.DataFrame(parts)


def _welch(joined: pd.DataFrame, level: str) -> pd.DataFrame:
    """Difference of the means of two sides, its standard error, and Welch's degrees of freedom."""
    squares = [joined[f"{level}_square_{side}"].to_numpy(dtype=float) for side in ("baseline", "side")]
    counts = [joined[f"{level}_count_{side}"].to_numpy(dtype=float) for side in ("baseline", "side")]
    means = [joined[f"{level}_mean_{side}"].to_numpy(dtype=float) for side in ("baseline", "side")]
    whole = squares[0] + squares[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = sum(square**2 / (count - 1) for square, count in zip(squares, counts, strict=True))
        freedom = np.where(whole > 0, whole**2 / parts, counts[0] + counts[1] - 2)
    if level == "rounds":
        freedom = np.full(len(joined), np.inf)
    return pd.DataFrame({
        "baseline_s": np.exp(means[0]), "side_s": np.exp(means[1]), "log": means[1] - means[0], "error": np.sqrt(whole),
        "freedom": freedom, "replicates": level, "baseline_count": counts[0].astype(int), "side_count": counts[1].astype(int),
    }, index=joined.index)  # fmt: skip


def _judged(found: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Intervals, p, verdicts."""
    from scipy.special import stdtrit

    log, error, freedom = (found[name].to_numpy(dtype=float) for name in ("log", "error", "freedom"))
    p = two_sided(log, error, freedom)
    adjusted = holm(p)
    whole = np.where(found["replicates"] == "rounds", np.nan, error)
    half = stdtrit(freedom, 0.5 + CONFIDENCE / 2) * whole
    low, high = np.exp(log - half), np.exp(log + half)
    same = (low >= 1 / (1 + margin)) & (high <= 1 + margin)
    significant = adjusted <= 1 - CONFIDENCE
    direction = np.where(found["drift"], DIFFERS, np.where(log > 0, SLOWER, FASTER))
    verdict = np.where(same, SAME, np.where(significant, direction, CANT_TELL))
    return found.assign(
        ratio=np.exp(log), ratio_low=low, ratio_high=high, p=p, p_holm=adjusted, verdict=verdict,
        detectable=np.exp(detectable(whole, freedom, tests=int(np.isfinite(p).sum()))),
    )  # fmt: skip


def two_sided(log: Floats, error: Floats, freedom: Floats) -> Floats:
    """P value of a difference by Student's t; null where the standard error is. No difference without any spread: 1."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(log) / error
    return np.where((log == 0) & (error == 0), 1.0, 2 * stdtr(freedom, -t))


def holm(p: Floats) -> Floats:
    """P values that hold for all of them together, along the last axis; null stays null and is not counted.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    tests = np.isfinite(p).sum(axis=-1, keepdims=True)
    order = np.argsort(p, axis=-1)  # null last
    sorted_p = np.take_along_axis(p, order, axis=-1)
    steps = np.maximum.accumulate(sorted_p * np.maximum(tests - np.arange(p.shape[-1]), 1), axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(steps, 1.0), axis=-1)
    return adjusted


def detectable(error: Floats, freedom: Floats, *, tests: int) -> Floats:
    """The difference of logarithms that a two-sided t test finds with a chance of ``POWER``.

    Args:
        error: Standard error of the difference, shape ``(n,)``.
        freedom: Its degrees of freedom, shape ``(n,)``.
        tests: How many are made: each at its share of the 5%.
    """
    from scipy.special import nctdtrinc, stdtrit

    known = np.where(np.isfinite(freedom), freedom, 1e6)
    critical = stdtrit(known, 1 - (1 - CONFIDENCE) / 2 / max(tests, 1))
    return np.asarray(nctdtrinc(known, 1 - POWER, critical) * error, dtype=np.float64)


def beyond(found: pd.DataFrame, direction: str, change: float) -> pd.Series:
    """Which rows of :func:`compare` differ significantly from no change, in a direction, by a ratio beyond a relative change.

    The ratio as measured, not the end of its interval: docs/methodology.md says why (The gate).
    """
    larger = found["ratio"] > 1 + change if direction == SLOWER else found["ratio"] < 1 / (1 + change)
    return found["verdict"].isin([direction, DIFFERS]) & larger


def only_in(sides: Sequence[Side], *, paired: bool = False) -> list[tuple[int, list[str]]]:
    """For the baseline and each other side: labels of the cases that nobody it is compared with has."""
    keys = [set(_key(side.rounds, paired=paired)) for side in sides]
    others = [set().union(*keys[1:]), *[keys[0]] * (len(sides) - 1)]
    told = []
    for number, (own, other) in enumerate(zip(keys, others, strict=True)):
        rounds = sides[number].rounds
        missing = rounds[_key(rounds, paired=paired).isin(own - other)]
        told.append((number, labels(missing)))
    return told


def failures(sides: Sequence[Side], *, paired: bool = False) -> pd.DataFrame:
    """Cases that a side has but did not once run well, where the baseline did: ``side``, ``label``, ``status``, ``message``."""
    if all(side.rounds["status"].eq("ok").all() for side in sides[1:]):
        return pd.DataFrame(columns=["side", "label", "status", "message"])
    well = [set(_key(launches(side.rounds), paired=paired)) for side in sides]
    tables = []
    for number, side in enumerate(sides[1:], 1):
        keys = _key(side.rounds, paired=paired)
        bad = side.rounds[(keys.isin(well[0]) & ~keys.isin(well[number])).to_numpy()]
        bad = bad[bad["status"] != "ok"].drop_duplicates("case_id")
        tables.append(pd.DataFrame({"side": number, "label": [label(one) for _, one in bad.iterrows()],
                                    "status": bad["status"].to_numpy(), "message": bad["message"].to_numpy()}))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def labels(rounds: pd.DataFrame) -> list[str]:
    """The cases of some rows, for people."""
    return list(dict.fromkeys(label(one) for _, one in rounds.drop_duplicates("case_id").iterrows()))


def label(row: Mapping[str, Any] | pd.Series) -> str:
    """``crunch 50000 processes w4``, with ``n2`` where it is on two nodes; the name of the benchmark where it is another tool's."""
    if pd.isna(row["backend"]):
        return str(row["workload"])
    names = ["kind" if not pd.isna(row["kind"]) else "workload", "size", "scaling", "backend", "mpi_mode", "start_method",
             "distribution"]  # fmt: skip
    parts = [str(row[name]) for name in names if not pd.isna(row[name])]
    if not pd.isna(row["tasks"]):
        parts.insert(2, f"x{row['tasks']}")
    parts.append(f"w{row['workers']}")
    parts += [f"n{row['nodes']}"] if not pd.isna(row["nodes"]) and row["nodes"] > 1 else []
    parts += [f"{short}{row[name]}" for short, name in (("b", "blas_threads"), ("c", "chunksize")) if not pd.isna(row[name])]
    return " ".join(parts)


def _nothing_in_common(sides: Sequence[Side], *, paired: bool) -> str:
    lines = ["nothing to compare: no case ran well on both sides."]
    for side in sides:
        well = launches(side.rounds)
        names = labels(well)
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        failed = side.rounds["case_id"].nunique() - well["case_id"].nunique()
        told = ", ".join(names[:4]) + more if names else "nothing that ran well"
        lines.append(f"{side.name} has {told}" + (f"; {failed} failed" if failed else ""))
    rule = "all that was asked but the variant" if paired else "all that was asked; the full name of another tool's benchmark"
    return "\n".join([*lines, f"Cases are joined on {rule}. Measure the same study on both sides."])
