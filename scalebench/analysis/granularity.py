"""How short may a task be? Minimum effective task granularity, METG(50%).

A case's granularity is wall x workers / tasks: the worker time that one task costs, overhead included. Its efficiency
is its work per second and worker over the best serial rate of any size. The product of the two is the useful time of a
task: what its work takes at the best serial rate. METG(50%) is the smallest granularity at which half of that rate is
kept; of that time, half is useful.

Between measured sizes the rule is that of Task Bench's own script (``chart_metg.py``): of the sizes that keep half, take
the one with the smallest granularity; from there to the next shorter task, granularity is linear in efficiency.

A noisy curve may fall through one half more than once (``crossings``). The definition asks for the *smallest* granularity
that keeps half, so the finest crossing counts, and ``lost_up_to_s`` says up to where longer tasks lost more than half all
the same. On a curve that falls once this is the last point that keeps half, and the next one.

What the interval covers: with rounds that vary by 3%, blocks by 5% and five blocks, METG in 92% of 400 simulated sweeps. The
best of several serial rates is a little too good, the more so the noisier, and METG by as much too long (here 3%).

Source: Slaughter et al. 2020, "Task Bench: A Parameterized Benchmark for Evaluating Parallel Runtime Performance",
SC20, doi:10.1109/SC41405.2020.00066.
"""

from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.scaling import CASE, launches
from scalebench.analysis.statistics import CONFIDENCE, block_draws, over_blocks
from scalebench.command import PROGRAM

LEAST_SIZES = 4  #: distinct sizes that make a sweep of granularity
HALF = 0.5  #: of the best serial rate
#: what a curve is of: all that was asked but for the size and the number of tasks
CURVE = ["run_id", "suite", "workload", "kind", "imbalance", "scaling", "backend", "start_method", "mpi_mode", "distribution", "binding",
         "chunksize", "workers", "nodes", "blas_threads", "variant"]  # fmt: skip
#: what all curves of a sweep have in common, and with them the serial rate that they are held against
SWEEP = ["run_id", "suite", "workload", "kind", "variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metg:
    """Where one curve crosses one half. Times are seconds per task."""

    metg_s: float  #: worker time of the shortest task that keeps half; NaN where it lies outside the sweep
    useful_task_s: float  #: how much of that is work
    bound: str  #: ``crossed``, ``below`` (even the shortest tasks keep half), ``above`` (not even the longest do)
    crossings: int  #: how often neighbours in the sweep lie on two sides of one half
    finer_s: float  #: granularity of the next shorter task measured: METG was interpolated from there
    lost_up_to_s: float  #: the longest granularity above METG that lost more than half; NaN where there is none


def sweeps(rounds: pd.DataFrame) -> set[tuple[str, str]]:
    """``(run_id, suite)`` of the suites that sweep enough sizes of one kind."""
    rounds = rounds[rounds["backend"].fillna("").ne(PROGRAM)]  # what a program's size is, is its own
    sizes = rounds.drop_duplicates([*SWEEP, "size"]).groupby(SWEEP, dropna=False)["size"].count()
    return {(str(key[0]), str(key[1])) for key, count in sizes.items() if count >= LEAST_SIZES}  # type: ignore[index]


def curves(rounds: pd.DataFrame) -> pd.DataFrame:
    """Granularity and efficiency of every case of the suites that sweep sizes.

    Args:
        rounds: As loaded, any number of runs.
    Returns:
        One row a case: the columns of :data:`CURVE`, ``size``, ``tasks``, ``granularity_s`` (s of worker time per task),
        ``efficiency`` (dimensionless, 1 is the best serial rate of any size), each the geometric mean over ``blocks``.
    """
    return _of_cases(_measured(rounds))


def _measured(rounds: pd.DataFrame) -> pd.DataFrame:
    """The launches of the sweeps, each with its granularity and its rate per worker."""
    wanted = sweeps(rounds)
    pairs = pd.MultiIndex.from_frame(rounds[["run_id", "suite"]])
    chosen = launches(rounds[pairs.isin(wanted)] if wanted else rounds.iloc[:0])
    chosen = chosen[chosen["work_units"].gt(0).fillna(False) & chosen["tasks"].gt(0)]
    workers = chosen["workers"].astype(float)
    return chosen.assign(
        granularity_s=chosen["wall_s"] * workers / chosen["tasks"].astype(float),
        efficiency=chosen["work_units"].astype(float) / chosen["wall_s"] / workers,
    )


def _of_cases(chosen: pd.DataFrame) -> pd.DataFrame:
    cases = chosen.drop_duplicates(CASE)[[*CASE, *(name for name in CURVE if name not in CASE), "size", "tasks"]].set_index(CASE)
    for name in ("granularity_s", "efficiency"):
        found = over_blocks(chosen[name], [chosen[key] for key in CASE])
        cases[name], cases["blocks"] = found["value"], found["blocks"]
    cases = cases.reset_index()
    best = cases[cases["backend"] == "serial"].groupby(SWEEP, dropna=False)["efficiency"].max()
    cases["efficiency"] /= best.reindex(pd.MultiIndex.from_frame(cases[SWEEP])).to_numpy()
    return cases


def granularity(rounds: pd.DataFrame) -> pd.DataFrame:
    """METG(50%) of every curve.

    Returns:
        One row a curve: the columns of :data:`CURVE` and of :class:`Metg`; ``metg_s_low`` and ``metg_s_high`` (95%, METG
        found anew for joint draws of all points over blocks; an end is null where that end of the interval lies outside
        the sweep, both below three blocks), ``shortest_s`` (the smallest granularity of the curve), ``blocks`` (the fewest of its cases).
    """
    chosen = _measured(rounds)
    rows = []
    for _, sweep in _of_cases(chosen).groupby(SWEEP, dropna=False, sort=False):
        drawn = _draws(chosen, sweep)
        for key, curve in sweep.groupby(CURVE, dropna=False, sort=False):
            curve = curve[curve["efficiency"].notna()]
            if curve.empty:  # no serial rate to compare with
                continue
            found = metg(curve["granularity_s"].to_numpy(dtype=float), curve["efficiency"].to_numpy(dtype=float))
            low, high = _interval(curve, *drawn)
            rows.append({**dict(zip(CURVE, key, strict=True)), **asdict(found), "metg_s_low": low, "metg_s_high": high,
                         "shortest_s": float(curve["granularity_s"].min()), "blocks": int(curve["blocks"].min())})  # fmt: skip
    first, *others = (one.name for one in fields(Metg))
    values = [first, "metg_s_low", "metg_s_high", *others, "shortest_s", "blocks"]
    whole = ["chunksize", "workers", "nodes", "blas_threads"]
    return pd.DataFrame(rows, columns=[*CURVE, *values]).astype(dict.fromkeys(whole, "Int64"))


def metg(granularity_s: npt.NDArray[np.floating], efficiency: npt.NDArray[np.floating]) -> Metg:
    """The smallest granularity at which one half is kept, between two measured points.

    Args:
        granularity_s: s per task, shape ``(points,)``, > 0, in any order.
        efficiency: Dimensionless, same shape.

    >>> metg(np.array([1e-3, 1e-4]), np.array([0.9, 0.1])).metg_s
    0.00055
    """
    order = np.argsort(granularity_s * efficiency)[::-1]  # from the longest task to the shortest, by their work
    times, kept = granularity_s[order], efficiency[order]
    enough = kept >= HALF
    value = float(_at_half(times[np.newaxis], kept[np.newaxis])[0])
    bound = "above" if value == np.inf else "below" if value == 0 else "crossed"
    finest = int(np.argmin(np.where(enough, times, np.inf)))
    lost = times[:finest][~enough[:finest]] if bound != "above" else times[:0]
    inside = bound == "crossed"
    return Metg(
        metg_s=value if inside else float("nan"),
        useful_task_s=value * (HALF if value < times[finest] else kept[finest]) if inside else float("nan"),
        bound=bound,
        crossings=int((enough[1:] != enough[:-1]).sum()),
        finer_s=float(times[finest + 1]) if inside else float("nan"),
        lost_up_to_s=float(lost.max()) if len(lost) else float("nan"),
    )


def _at_half(times: npt.NDArray[np.floating], kept: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """METG of many curves, shape ``(curves, points)``, longest tasks first; 0 where below the sweep, inf where above."""
    rows = np.arange(len(times))
    held = np.where(kept >= HALF, times, np.inf)
    finest = held.argmin(axis=1)
    value = held[rows, finest]
    last = finest == times.shape[1] - 1
    after = np.where(last, finest, finest + 1)
    shorter = times[rows, after] < value  # the next size may cost more in spite of its lesser work: nothing to gain
    shorter &= np.isfinite(value)
    drop = np.where(shorter, kept[rows, finest] - kept[rows, after], 1.0)
    share = np.where(shorter, (kept[rows, finest] - HALF) / drop, 0.0)
    crossed = value + share * np.where(shorter, times[rows, after] - value, 0.0)
    return np.where(np.isinf(value), np.inf, np.where(last, 0.0, crossed))


def _draws(chosen: pd.DataFrame, sweep: pd.DataFrame) -> tuple[pd.Index, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Joint draws over blocks of all cases of a sweep: their ids, granularity and efficiency, each ``(draws, cases)``."""
    mine = chosen[chosen["run_id"].eq(sweep["run_id"].iloc[0]) & chosen["case_id"].isin(sweep["case_id"])]
    tables = [
        mine.pivot_table(index="block", columns="case_id", values=name, aggfunc="last")
        for name in ("granularity_s", "efficiency")
    ]
    times, rates = (block_draws(table) for table in tables)
    cases = tables[0].columns
    serial = np.flatnonzero(cases.isin(sweep.loc[sweep["backend"] == "serial", "case_id"]))
    rate = sweep.set_index("case_id")["efficiency"].reindex(cases).to_numpy(dtype=float)
    # of the size that did best as measured: the best of each draw would be too good once more
    best = rates[:, [serial[np.nanargmax(rate[serial])]]] if len(serial) else np.full((len(rates), 1), np.nan)
    with np.errstate(invalid="ignore"):
        return cases, times, rates / best


def _interval(
    curve: pd.DataFrame, cases: pd.Index, times: npt.NDArray[np.float64], kept: npt.NDArray[np.float64]
) -> tuple[float, float]:
    order = (curve["granularity_s"] * curve["efficiency"]).sort_values(ascending=False).index
    columns = cases.get_indexer(pd.Index(curve.loc[order, "case_id"]))
    times, kept = times[:, columns], kept[:, columns]
    if np.isnan(times).any() or np.isnan(kept).any():
        return float("nan"), float("nan")
    found = _at_half(times, kept)
    # ends that were drawn: between 0 or inf and a time nothing can be interpolated
    low = float(np.quantile(found, HALF - CONFIDENCE / 2, method="lower"))
    high = float(np.quantile(found, HALF + CONFIDENCE / 2, method="higher"))
    return (low if low > 0 else float("nan")), (high if 0 < high < float("inf") else float("nan"))


def enough_chunks(interface: pd.DataFrame, task_s: float) -> pd.Series | None:
    """The curve with the smallest chunk size at which tasks of this much work keep half.

    Args:
        interface: Rows of :func:`granularity`, of one interface and worker count.
        task_s: s of work per task.
    """
    keeps = interface[interface["bound"].eq("below") | interface["useful_task_s"].le(task_s)]
    return None if keeps.empty else keeps.sort_values("chunksize", na_position="first").iloc[0]
