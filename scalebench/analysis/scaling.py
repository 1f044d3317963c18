"""Strong and weak scaling: ratios of work per second to a named baseline of the same block.

Seconds alone mislead: a busy wait lasts as long at any worker count. So all ratios are of rates, work units per second,
which for fixed work is the same as of seconds. W: work units of the round, T: its wall time, P: workers, k: BLAS threads
of each; 1: the baseline, with the same workload, size, items and variant, in the *same block*:

    speedup                (W / T) / (W1 / T1)    1: serial, one BLAS thread; for weak scaling: scaled speedup
    relative_speedup       the same               1: one worker of the same backend, with as many BLAS threads
    efficiency             the same, by P         1: serial, with as many BLAS threads
    efficiency_per_thread  speedup by P k         1: serial, one BLAS thread

A program has no serial backend: the serial baseline of one is the program itself with one worker.

1 is ideal for an efficiency, above 1 is superlinear. Source: Eager, Zahorjan and Lazowska 1989, doi:10.1109/12.21127;
scaled speedup: Gustafson 1988, doi:10.1145/42411.42415.
"""

import re
from collections.abc import Collection
from typing import Literal

import pandas as pd

from scalebench.analysis.statistics import LOCATION, QUANTILES, over_blocks
from scalebench.command import PROGRAM
from scalebench.results.schema import BAD_STATUSES

Baseline = Literal["serial", "serial with as many BLAS threads", "one worker"]
#: what a case and its baseline have in common, besides the block
_COMMON = ["run_id", "workload", "kind", "size", "imbalance", "items_digest", "seed", "scaling", "variant", "_tasks"]
#: what they have in common besides, by baseline
_ALSO: dict[Baseline, list[str]] = {
    "serial": [],
    "serial with as many BLAS threads": ["_threads"],
    "one worker": ["_threads", "backend", "start_method", "mpi_mode", "distribution", "binding", "chunksize"],
}
#: what is needed of a baseline
_FIGURES = ["wall_s", "work_units", "busy_s", "cpu_s", "cpu_wait_s", "cpu_tree_s"]
RATIOS = ["speedup", "efficiency", "relative_speedup", "efficiency_per_thread"]
#: what tells a case from another in a table
CASE = ["run_id", "case_id"]
LAUNCH = [*CASE, "block", "attempt"]
#: what was asked, as far as the scaling table shows it; its rows stand in this order
SHOWN = ["suite", "scaling", "workload", "kind", "size", "imbalance", "tasks", "backend", "start_method", "mpi_mode", "distribution",
         "binding", "chunksize", "variant", "workers", "nodes", "blas_threads"]  # fmt: skip


def launches(rounds: pd.DataFrame, location: str = LOCATION) -> pd.DataFrame:
    """One row a launch that ran well: the round that stands for it.

    Args:
        rounds: As loaded, any number of runs.
        location: Of ``QUANTILES``: which of the counted rounds of a launch, in the order of ``wall_s``; the lower
            median as a rule.
    Returns:
        Those rows of ``rounds``.
    """
    good = rounds[_ran_well(rounds) & ~rounds["warmup"]].sort_values("wall_s", kind="stable")
    by = good.groupby(LAUNCH, sort=False)["wall_s"]
    return good[by.cumcount() == ((by.transform("size") - 1) * QUANTILES[location]).astype("int64")].sort_index()


def _ran_well(rounds: pd.DataFrame) -> pd.Series:
    """By row: whether all of its launch went well. One bad round makes the others suspect."""
    return rounds["status"].eq("ok").groupby([rounds[key] for key in LAUNCH]).transform("all")


def work_of(rounds: pd.DataFrame) -> pd.Series:
    """By row, the tasks that a curve and its baselines share: all where scaling is strong, those of a worker where it is weak."""
    return rounds["tasks"].where(rounds["scaling"] != "weak", rounds["tasks"] // rounds["workers"])


def on_several_nodes(rows: pd.DataFrame, curve: list[str], place: str = "workers") -> pd.Series:
    """By row, whether its curve has one place on several numbers of nodes somewhere, so that the place alone does not tell which.

    Args:
        rows: With the column ``nodes``.
        curve: What is the same along a curve, but for the nodes.
        place: On the curve.
    """
    several = rows.groupby([*curve, place], dropna=False)["nodes"].transform("nunique").gt(1)
    return several.groupby([rows[name] for name in curve], dropna=False).transform("any")


def beside(chosen: pd.DataFrame, baseline: Baseline) -> pd.DataFrame:
    """The baseline of each launch, of the same block.

    Args:
        chosen: :func:`launches`.
        baseline: Which one.
    Returns:
        ``wall_s``, ``work_units``, ``busy_s``, ``cpu_s``, ``cpu_wait_s``, ``cpu_tree_s`` of the baseline's launch, as floats;
        index and order of ``chosen``; null where the block lacks it.
    """
    keyed = chosen.assign(_tasks=work_of(chosen), _threads=chosen["blas_threads"].fillna(1))
    keys = [*_COMMON, *_ALSO[baseline], "block"]
    if baseline == "one worker":
        candidates = keyed[keyed["workers"] == 1]
    else:
        program = (keyed["backend"] == PROGRAM) & (keyed["workers"] == 1)
        candidates = keyed[((keyed["backend"] == "serial") | program) & keyed["binding"].isna()]
        candidates = candidates[candidates["_threads"] == 1] if baseline == "serial" else candidates
    figures = candidates[_FIGURES].astype(float).join(candidates[keys]).drop_duplicates(keys)
    return keyed[keys].merge(figures, on=keys, how="left")[_FIGURES].set_axis(chosen.index)


def relative_rate(chosen: pd.DataFrame, one: pd.DataFrame) -> pd.Series:
    """Work per second of each launch by that of the one :func:`beside` it; null where either is not known or none was counted."""
    rate, known = (of["work_units"].astype(float) / of["wall_s"] for of in (chosen, one))
    return (rate / known).where((rate > 0) & (known > 0))


def with_baseline(chosen: pd.DataFrame) -> pd.DataFrame:
    """:func:`launches` with their ratios to the baselines of the same block.

    Returns:
        ``chosen`` with the columns :data:`RATIOS`, dimensionless; null where the block lacks the baseline, and where no work
        was counted.
    """
    workers, threads = chosen["workers"].astype(float), chosen["blas_threads"].fillna(1).astype(float)

    def to(baseline: Baseline) -> pd.Series:
        return relative_rate(chosen, beside(chosen, baseline))

    speedup = to("serial")
    return chosen.assign(
        speedup=speedup,
        efficiency=to("serial with as many BLAS threads") / workers,
        relative_speedup=to("one worker"),
        efficiency_per_thread=speedup / workers / threads,
    )


def scaling(rounds: pd.DataFrame) -> pd.DataFrame:
    """The scaling table: one row a case, failed ones too, in the order of the sweep.

    Args:
        rounds: As loaded, any number of runs.
    Returns:
        What was asked; ``wall_s`` (s per round) and :data:`RATIOS` (dimensionless), each with ``_low`` and ``_high`` (95%
        over blocks, null below three); ``startup_s``, ``blocks`` and ``failed`` (counts of blocks); ``cpu_tree_s`` (CPU s per
        round), ``rss_peak_bytes`` (the most of any launch) and ``figure_of_merit`` with its interval (where it is positive in
        all launches; else its median, without); and the facts that flag a row: ``oversubscribed``, ``runnable_threads`` and
        ``cpu_budget`` (the most of any launch), ``blas_found_min``, ``blas_found_max``, ``status``, ``message``.
    """
    paired = with_baseline(launches(rounds))
    cases = rounds.drop_duplicates(CASE)[[*CASE, *SHOWN]].set_index(CASE)
    for name in ("wall_s", *RATIOS, "startup_s"):
        found = over_blocks(paired[name], [paired[key] for key in CASE])
        cases[name] = found["value"]
        if name != "startup_s":
            cases[f"{name}_low"], cases[f"{name}_high"] = found["low"], found["high"]
        if name == "wall_s":
            cases["blocks"] = found["blocks"]
    cases = cases.join(_costs(paired))
    cases["blocks"] = cases["blocks"].fillna(0).astype("int64")
    whole = cases.join(_facts(rounds)).reset_index()
    return whole.sort_values(["run_id", *SHOWN], kind="stable", ignore_index=True, key=natural)


def _costs(chosen: pd.DataFrame) -> pd.DataFrame:
    """By case: CPU time, memory, and the program's own figure."""
    keys = [chosen[key] for key in CASE]
    cpu, figure = chosen["cpu_tree_s"].astype(float), chosen["figure_of_merit"].astype(float)
    found = over_blocks(cpu.where(cpu > 0), keys)[["value"]].set_axis(["cpu_tree_s"], axis=1)
    found["rss_peak_bytes"] = chosen["rss_peak_bytes"].groupby(keys).max().reindex(found.index)
    positive = figure.gt(0).groupby(keys).transform("all")
    of_figure = over_blocks(figure.where(positive), keys).reindex(found.index)
    found["figure_of_merit"] = of_figure["value"].fillna(figure.groupby(keys).median().reindex(found.index))
    found["figure_of_merit_low"], found["figure_of_merit_high"] = of_figure["low"], of_figure["high"]
    return found


def natural(values: pd.Series) -> pd.Series:
    """Sizes by their number, other columns as they are."""
    if values.name != "size":
        return values
    return values.map(lambda text: re.sub(r"\d+", lambda found: found[0].zfill(20), text), na_action="ignore")


def _facts(rounds: pd.DataFrame) -> pd.DataFrame:
    """By case, over all its rows: what flags it."""
    by = rounds.groupby(CASE, sort=False)
    how = dict.fromkeys(["oversubscribed", "runnable_threads", "cpu_budget", "blas_found_max"], "max") | {"blas_found_min": "min"}
    facts = by[list(how)].agg(how)
    bad = rounds[rounds["status"] != "ok"]
    facts["failed"] = bad.groupby(CASE)["block"].nunique().reindex(facts.index).fillna(0).astype("int64")
    for name in ("status", "message"):
        first = bad.groupby(CASE)[name].first()
        facts[name] = first.reindex(facts.index)
    facts["status"] = facts["status"].fillna("ok")
    return facts


def failed_cases(rounds: pd.DataFrame, required_backends: Collection[str] = ()) -> list[str]:
    """Ids of the cases that in some block failed, crashed or timed out without a good launch there, or that differ.

    Those of ``required_backends`` count when they are unavailable, too.
    """
    bad = rounds["status"].isin(BAD_STATUSES) | (rounds["status"].eq("unavailable") & rounds["backend"].isin(required_backends))
    mended = _ran_well(rounds).groupby([rounds[key] for key in (*CASE, "block")]).transform("any")
    differs = rounds["status"].eq("mismatch")
    return sorted(rounds.loc[bad & (~mended | differs), "case_id"].unique())
