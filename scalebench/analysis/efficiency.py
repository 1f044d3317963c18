"""Where the efficiency went: an exact product of factors for each case, from its rounds alone.

For a case with P workers: d = sum of its tasks' wall times in their workers, b = the same of the worker that was busy
longest, c = sum of the tasks' CPU times, T = wall time of the round, W = work units; d1, c1, T1, W1 the same of the serial
baseline with as many BLAS threads, in the *same block*. The launch's median round supplies all of them together.

    efficiency = (W / (P T)) / (W1 / T1)
               = baseline_overhead        T1 / d1                  what the baseline itself lost outside of its tasks
               x computation_scalability  (d1 / W1) / (d / W)      a unit of work took longer in a worker
               x load_balance             (d / P) / b              workers idle while the last one finishes
               x dispatch_efficiency      b / T                    sending and receiving tasks
    computation_scalability
               = cpu_availability         (c / d) / (c1 / d1)      tasks were off the CPU
               x cpu_cost                 (c1 / W1) / (c / W)      a unit of work took more CPU time

A program (backend ``program``) has no tasks that could be timed, but the CPU time of all its processes, C, and so

    efficiency = cpu_cost (C1 / W1) / (C / W)  x  cpu_use (C / (P T)) / (C1 / T1)

``cpu_use`` is all that leaves CPUs without the program's work, relative to the baseline: imbalance, waiting, a serial part.

One formula for strong, weak and fixed-time work, since all is by work units; it closes by algebra in each block, and so
does the geometric mean over blocks. A case has a factor in all of its blocks or in none.

Losses are in points of efficiency (1 - efficiency, shared out by logarithms with the logarithmic mean, so that they add
up exactly and in no order): a factor f loses ``-ln(f) (1 - E) / -ln(E)``; a factor above 1 is a gain, a negative loss.

Sources: the product follows the multiplicative model of Rosas, Gimenez and Labarta 2014, "Scalability prediction for
fundamental performance factors", doi:10.14529/jsfi140201, against a serial baseline and without a trace; the points: Ang
and Liu 2001, "A new energy decomposition method: perfect in decomposition and consistent in aggregation",
doi:10.1016/S0360-5442(01)00022-6.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.scaling import CASE, beside, launches, relative_rate, scaling
from scalebench.analysis.statistics import over_blocks
from scalebench.command import PROGRAM

#: these four multiply to the efficiency
PRODUCT = ["baseline_overhead", "computation_scalability", "load_balance", "dispatch_efficiency"]
#: these two multiply to ``computation_scalability``
CPU = ["cpu_availability", "cpu_cost"]
FACTORS = ["baseline_overhead", "computation_scalability", *CPU, "load_balance", "dispatch_efficiency"]
#: of a program, in place of all but ``cpu_cost``
CPU_USE = "cpu_use"
#: what points go to. ``cpu_wait`` and ``waiting`` share those of ``cpu_availability``, which keeps what can't be told apart: all
#: where the system doesn't tell the CPU wait, and with BLAS threads what the wait of the task's own thread does not explain.
#: ``computation_scalability`` stands where the CPU factors are null
LOSSES = ["cpu_wait", "waiting", "cpu_availability", "cpu_cost", "computation_scalability", "load_balance", "dispatch_efficiency",
          "baseline_overhead", "cpu_use"]  # fmt: skip
LEAST = 0.005  #: points of efficiency, below which a loss or a gain is not worth a name
MOSTLY_WAITING = 0.5  #: CPU time by busy time of a baseline, below which its CPU time says little about its work


def factors(chosen: pd.DataFrame) -> pd.DataFrame:
    """The factors of each launch.

    Args:
        chosen: ``scaling.launches``.
    Returns:
        The columns :data:`FACTORS` and ``cpu_use`` (dimensionless, > 0) and ``efficiency``; index of ``chosen``. Null are:
        all factors of a case whose tasks were not recorded, or whose block lacks the baseline; the CPU factors where the
        baseline mostly waits, or where CPU time can't cover the BLAS threads. A program has ``cpu_cost`` and ``cpu_use`` and
        no other.
    """
    workers = chosen["workers"].astype(float)
    wall, work, busy, longest, cpu = (
        chosen[name].astype(float) for name in ("wall_s", "work_units", "busy_s", "busy_max_s", "cpu_s")
    )
    one = beside(chosen, "serial with as many BLAS threads")
    found = pd.DataFrame({
        "baseline_overhead": one["wall_s"] / one["busy_s"],
        "computation_scalability": (one["busy_s"] / one["work_units"]) / (busy / work),
        "cpu_availability": (cpu / busy) / (one["cpu_s"] / one["busy_s"]),
        "cpu_cost": (one["cpu_s"] / one["work_units"]) / (cpu / work),
        "load_balance": busy / workers / longest,
        "dispatch_efficiency": longest / wall,
    })  # fmt: skip
    found["efficiency"] = relative_rate(chosen, one) / workers
    case = [chosen[key] for key in CASE]
    paired = found["efficiency"].notna()
    whole = _in_all_blocks(found[PRODUCT], paired, case)
    working = _total(one["cpu_s"], paired, case) / _total(one["busy_s"], paired, case) >= MOSTLY_WAITING
    found[PRODUCT] = found[PRODUCT].where(whole)
    found[CPU] = found[CPU].where(whole & working & _in_all_blocks(found[CPU], paired, case))
    tree = chosen["cpu_tree_s"].astype(float)
    of_program = pd.DataFrame({
        "cpu_cost": (one["cpu_tree_s"] / one["work_units"]) / (tree / work),
        "cpu_use": (tree / workers / wall) / (one["cpu_tree_s"] / one["wall_s"]),
    })  # fmt: skip
    of_program = of_program.where(chosen["backend"].fillna("").eq(PROGRAM) & _in_all_blocks(of_program, paired, case))
    return found.assign(cpu_cost=found["cpu_cost"].fillna(of_program["cpu_cost"]), cpu_use=of_program["cpu_use"])


def _in_all_blocks(values: pd.DataFrame, paired: pd.Series, case: list[pd.Series]) -> pd.Series:
    """By launch: whether every launch of the case that has a baseline has all of these values, positive and finite."""
    good = pd.Series((values.gt(0) & np.isfinite(values)).all(axis=1), index=values.index)
    return paired & (good | ~paired).groupby(case).transform("all")


def _total(values: pd.Series, paired: pd.Series, case: list[pd.Series]) -> pd.Series:
    """By launch: the sum over the paired blocks of its case; null where one of them lacks the value."""
    missing = (values.isna() & paired).groupby(case).transform("any")
    return values.where(paired).groupby(case).transform("sum").mask(missing)


def account(rounds: pd.DataFrame) -> pd.DataFrame:
    """The scaling table with the account of each case's efficiency: one row a case, failed ones too.

    Args:
        rounds: As loaded, any number of runs.
    Returns:
        The columns of ``scaling.scaling`` and

        - :data:`FACTORS` and ``cpu_use``, each with ``_low`` and ``_high`` (95% over blocks, null below three);
        - ``lost_to_NAME`` for :data:`LOSSES`: points of efficiency (1 is 100 points), adding up to ``1 - efficiency``;
        - ``lost_to``, ``lost``, ``lost_low``, ``lost_high``: the largest loss, null where there is none; ``gained_by``,
          ``gained``, ``gained_low``, ``gained_high``: the largest gain. Their intervals are those of the factor;
        - ``superlinear``: whether the whole interval of the efficiency is above 1;
        - ``payback_tasks`` with ``_low`` and ``_high``: see :func:`payback`.
    """
    table = scaling(rounds).set_index(CASE)
    chosen = launches(rounds)
    found = factors(chosen)
    combined = {
        name: over_blocks(found[name], [chosen[key] for key in CASE]).reindex(table.index) for name in (*FACTORS, CPU_USE)
    }
    ends = {"": "value", "_low": "low", "_high": "high"}
    columns = {f"{name}{end}": combined[name][column] for name in (*FACTORS, CPU_USE) for end, column in ends.items()}
    table = pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)
    points = _points(table, _cpu_wait_share(chosen, found).reindex(table.index))
    table = pd.concat([
        table,
        points[LOSSES].add_prefix("lost_to_"),
        _largest(points, "lost_to", "lost", 1),
        _largest(points, "gained_by", "gained", -1),
        (table["efficiency_low"] > 1 + 1e-9).rename("superlinear"),
        payback(table),
    ], axis=1)  # fmt: skip
    return table.reset_index()


def _cpu_wait_share(chosen: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    """By case: how much of the lost CPU availability was time that a thread waited for a CPU, runnable; 0 to 1.

    Of a task's wall time, ``(c1/d1) (1 - cpu_availability)`` went to being off the CPU beyond what the baseline was; of that,
    the CPU wait beyond the baseline's is explained. With BLAS threads, the wait of the task's own thread stands for all.
    Null where the system doesn't tell the CPU wait, or nothing was lost.
    """
    one = beside(chosen, "serial with as many BLAS threads")
    known = found["cpu_availability"].notna()
    case = [chosen[key] for key in CASE]

    def per_busy(values: pd.Series, busy: pd.Series) -> pd.Series:
        by_block = (values.astype(float) / busy.astype(float)).where(known)
        missing = (by_block.isna() & known).groupby(case).any()
        return by_block.groupby(case).mean().mask(missing)

    wait = per_busy(chosen["cpu_wait_s"], chosen["busy_s"]) - per_busy(one["cpu_wait_s"], one["busy_s"])
    used, used_one = per_busy(chosen["cpu_s"], chosen["busy_s"]), per_busy(one["cpu_s"], one["busy_s"])
    lost = (1 - used / used_one) * used_one.clip(upper=1)
    return (wait / lost).where(lost > 0).clip(0, 1)


def _points(table: pd.DataFrame, cpu_wait_share: pd.Series) -> pd.DataFrame:
    """By case: the points that each of :data:`LOSSES` cost, and the ends of their intervals as ``NAME_low``, ``NAME_high``."""
    weight = logarithmic_mean(table["efficiency"].to_numpy(dtype=float))
    told = cpu_wait_share.notna()
    single = table["blas_threads"].fillna(1).eq(1)
    parts = {  # of the points of a factor
        "cpu_wait": cpu_wait_share,
        "waiting": (1 - cpu_wait_share).where(single),
        "cpu_availability": (1 - cpu_wait_share).mask(single).where(told, 1.0),
        "computation_scalability": table["cpu_availability"].isna().map({True: 1.0, False: np.nan}),
    }
    parts["cpu_availability"] = parts["cpu_availability"].mask(told & single)
    found = {}
    for end, of in (("", ""), ("_low", "_high"), ("_high", "_low")):  # the most is lost where the factor is lowest
        for name in LOSSES:
            factor = "cpu_availability" if name in ("cpu_wait", "waiting") else name
            found[f"{name}{end}"] = weight * -np.log(table[f"{factor}{of}"].astype(float)) * parts.get(name, 1.0) + 0.0
    return pd.DataFrame(found, index=table.index)


def logarithmic_mean(efficiency: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Of 1 and the efficiency: (1 - E) / -ln(E), and 1 where E is 1. Points of loss per unit of -ln(factor).

    >>> logarithmic_mean(np.array([1.0, 0.5])).round(4)
    array([1.    , 0.7213])
    """
    log = np.log(efficiency)
    level = np.abs(log) < 1e-9
    return np.where(level, 1.0, np.expm1(log) / np.where(level, 1.0, log))


def _largest(points: pd.DataFrame, word: str, name: str, sign: int) -> pd.DataFrame:
    """By case the largest loss, or gain where ``sign`` is -1: which one, its points, the ends of their interval."""
    sizes = sign * points[LOSSES]
    known = sizes[sizes.max(axis=1) >= LEAST]
    which = known.to_numpy(dtype=float, na_value=-np.inf).argmax(axis=1) if len(known) else np.zeros(0, dtype=int)
    row = np.arange(len(known))
    size, low, high = (
        sign * points.loc[known.index, [f"{loss}{end}" for loss in LOSSES]].to_numpy(dtype=float)[row, which]
        for end in ("", "_low", "_high")
    )
    low, high = (low, high) if sign > 0 else (high, low)
    names = pd.array([LOSSES[at] for at in which], dtype="string")
    found = pd.DataFrame({word: names, name: size, f"{name}_low": low, f"{name}_high": high}, index=known.index)
    return found.reindex(points.index)


def payback(table: pd.DataFrame) -> pd.DataFrame:
    """After how many tasks the start of a pool has paid for itself, against the serial baseline with one BLAS thread.

    The baseline takes ``speedup`` times as long for the same work, so each task saves ``wall_s (speedup - 1) / tasks``.

    Args:
        table: With ``startup_s``, ``wall_s``, ``tasks`` and ``speedup`` with its interval.
    Returns:
        ``payback_tasks`` (a count, null where the pool saves nothing), ``_low`` and ``_high`` from the interval of the
        speedup; ``_high`` is null where that includes 1: then the pool may never pay. Index of ``table``.
    """
    tasks = table["tasks"].astype(float)

    def after(speedup: pd.Series) -> pd.Series:
        saved = table["wall_s"] * (speedup.astype(float) - 1) / tasks
        return (table["startup_s"] / saved).where(saved > 0)

    found = {"payback_tasks": "speedup", "payback_tasks_low": "speedup_high", "payback_tasks_high": "speedup_low"}
    columns = {name: after(table[speedup]) for name, speedup in found.items()}
    return pd.DataFrame(columns, index=table.index).mask(table["backend"].isin(["serial", PROGRAM]))
