"""Strong and weak scaling: speedup and efficiency against the serial baseline, from work per second.

Seconds alone mislead: a busy wait lasts as long at any worker count. So all ratios are of rates, work units per second,
which for fixed work is the same as of seconds:

    speedup     (W / T) / (W1 / T1)         1 is the serial baseline; for weak scaling: scaled speedup
    efficiency  speedup / P                 1 is ideal, above 1 superlinear

W: work units of the round, T: its wall time, P: workers; 1: the ``serial`` backend with one BLAS thread, same workload,
size, items and variant, in the *same block*. Source: Eager, Zahorjan and Lazowska 1989, doi:10.1109/12.21127;
scaled speedup: Gustafson 1988, doi:10.1145/42411.42415.
"""

import re
from collections.abc import Collection

import pandas as pd

from scalebench.analysis.statistics import LOCATION, QUANTILES, over_blocks
from scalebench.results.schema import BAD_STATUSES

#: what a case and its baseline have in common, besides the block
_COMMON = ["run_id", "workload", "kind", "size", "imbalance", "items_digest", "seed", "scaling", "variant", "_tasks"]
#: what tells a case from another in a table
CASE = ["run_id", "case_id"]
LAUNCH = [*CASE, "block", "attempt"]
ASKED = ["suite", "scaling", "workload", "kind", "size", "imbalance", "tasks", "backend", "start_method", "mpi_mode", "distribution",
         "binding", "chunksize", "workers", "blas_threads"]  # fmt: skip


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


def with_baseline(chosen: pd.DataFrame) -> pd.DataFrame:
    """:func:`launches` beside their serial baseline of the same block.

    Returns:
        ``chosen`` with ``speedup`` and ``efficiency``, dimensionless; null where the block lacks the baseline.
    """
    per_worker = chosen["tasks"].where(chosen["scaling"] != "weak", chosen["tasks"] // chosen["workers"])
    whole = chosen.assign(_tasks=per_worker, _rate=chosen["work_units"].astype(float) / chosen["wall_s"])
    serial = whole[(whole["backend"] == "serial") & whole["blas_threads"].fillna(1).eq(1) & whole["binding"].isna()]
    serial = serial[[*_COMMON, "block", "_rate"]].drop_duplicates([*_COMMON, "block"])
    joined = whole.merge(serial, on=[*_COMMON, "block"], how="left", suffixes=("", "_serial"))
    positive = joined["_rate"].gt(0) & joined["_rate_serial"].gt(0)  # no rate where no work was counted
    joined["speedup"] = (joined["_rate"] / joined["_rate_serial"]).where(positive)
    joined["efficiency"] = joined["speedup"] / joined["workers"].astype(float)
    return joined.drop(columns=["_tasks", "_rate", "_rate_serial"])


def scaling(rounds: pd.DataFrame) -> pd.DataFrame:
    """The scaling table: one row a case, failed ones too, in the order of the sweep.

    Args:
        rounds: As loaded, any number of runs.
    Returns:
        What was asked; ``wall_s`` (s per round), ``speedup``, ``efficiency`` (dimensionless), each with ``_low`` and
        ``_high`` (95% over blocks, null below three); ``startup_s``, ``blocks`` and ``failed`` (counts of blocks), and
        the facts that flag a row: ``oversubscribed``, ``blas_found_min``, ``blas_found_max``, ``status``, ``message``.
    """
    paired = with_baseline(launches(rounds))
    cases = rounds.drop_duplicates(CASE)[[*CASE, *ASKED]].set_index(CASE)
    for name in ("wall_s", "speedup", "efficiency", "startup_s"):
        found = over_blocks(paired[name], [paired[key] for key in CASE])
        cases[name] = found["value"]
        if name != "startup_s":
            cases[f"{name}_low"], cases[f"{name}_high"] = found["low"], found["high"]
        if name == "wall_s":
            cases["blocks"] = found["blocks"]
    cases["blocks"] = cases["blocks"].fillna(0).astype("int64")
    whole = cases.join(_facts(rounds)).reset_index()
    return whole.sort_values(["run_id", *ASKED], kind="stable", ignore_index=True, key=natural)


def natural(values: pd.Series) -> pd.Series:
    """Sizes by their number, other columns as they are."""
    if values.name != "size":
        return values
    return values.map(lambda text: re.sub(r"\d+", lambda found: found[0].zfill(20), text), na_action="ignore")


def _facts(rounds: pd.DataFrame) -> pd.DataFrame:
    """By case, over all its rows: what flags it."""
    by = rounds.groupby(CASE, sort=False)
    facts = by[["oversubscribed", "blas_found_min", "blas_found_max"]].agg(
        {"oversubscribed": "max", "blas_found_min": "min", "blas_found_max": "max"}
    )
    bad = rounds[rounds["status"] != "ok"]
    facts["failed"] = bad.groupby(CASE)["block"].nunique().reindex(facts.index).fillna(0).astype("int64")
    for name in ("status", "message"):
        first = bad.groupby(CASE)[name].first()
        facts[name] = first.reindex(facts.index)
    facts["status"] = facts["status"].fillna("ok")
    return facts


def worst_precision(chosen: pd.DataFrame) -> float | None:
    """The widest interval of all cases: half its width relative to its value; None where a case has none yet."""
    found = over_blocks(chosen["wall_s"], [chosen[key] for key in CASE])
    relative = (found["high"] - found["low"]) / (2 * found["value"])
    return None if relative.empty or relative.isna().any() else float(relative.max())


def failed_cases(rounds: pd.DataFrame, required_backends: Collection[str] = ()) -> list[str]:
    """Ids of the cases that in some block failed, crashed or timed out without a good launch there, or that differ.

    Those of ``required_backends`` count when they are unavailable, too.
    """
    bad = rounds["status"].isin(BAD_STATUSES) | (rounds["status"].eq("unavailable") & rounds["backend"].isin(required_backends))
    mended = _ran_well(rounds).groupby([rounds[key] for key in (*CASE, "block")]).transform("any")
    differs = rounds["status"].eq("mismatch")
    return sorted(rounds.loc[bad & (~mended | differs), "case_id"].unique())
