"""Predict what was measured: the counts up to half of the largest, or any, give the parts, the round at a larger one is the check."""

from collections.abc import Collection, Sequence

import pandas as pd

from scalebench.analysis.scaling import launches
from scalebench.analysis.simulation.predict import Simulation, having, simulate
from scalebench.analysis.statistics import over_blocks

MEASURES = ("wall_s", "startup_s", "launch_s")


def held_out(
    rounds: pd.DataFrame, tasks: pd.DataFrame, *, up_to: int, at: int, cpus: int | None = None, of: Collection[str] | None = None
) -> pd.DataFrame:
    """Each curve, predicted at one count from counts that the prediction has seen, beside what was measured there.

    Args:
        rounds: As loaded.
        tasks: As loaded.
        up_to: The largest count that gives parts.
        at: A count that was measured.
        cpus: As of :func:`simulate`.
        of: As of :func:`simulate`.
    Returns:
        One row a curve and measure (``wall_s``, ``startup_s``, ``launch_s``: both), where it was measured at ``at``: the curve's
        identity, ``measure``, ``predicted`` and ``measured`` (s, the geometric mean over blocks), ``ratio`` of the two, and
        ``reason``: why there is no prediction.
    """
    measured = launches(rounds)
    measured = measured[measured["workers"] == at]
    measured = measured.assign(launch_s=measured["wall_s"] + measured["startup_s"])
    rows = []
    for one in simulate(rounds[rounds["workers"] <= up_to], tasks, [at], cpus=cpus, of=of):
        there = measured[_of(measured, one)]
        if there.empty:
            continue
        found = _over_blocks(there)
        for measure in MEASURES:
            predicted = None if one.reason else float(one.predictions[measure].iloc[0])
            rows.append({**one.identity, "up_to": up_to, "workers": at, "measure": measure, "predicted": predicted, "measured": found[measure],
                         "ratio": None if predicted is None else predicted / found[measure], "reason": one.reason})  # fmt: skip
    return pd.DataFrame(rows)


def at_the_largest(
    rounds: pd.DataFrame, tasks: pd.DataFrame, found: Sequence[Simulation], *, cpus: int | None = None
) -> list[pd.DataFrame]:
    """How far each simulation is off where its run can tell: at the largest count measured, from those up to half of it.

    Args:
        rounds: As loaded.
        tasks: As loaded.
        found: What :func:`simulate` made of them.
        cpus: As of :func:`simulate`.
    Returns:
        For each, its rows of :func:`held_out`; none where fewer than two counts are half of the largest or less.
    """
    measured = launches(rounds)
    cases: dict[tuple[int, int], set[str]] = {}  # by the counts of a check: those that it is of
    pairs = []
    for one in found:
        mine = measured[_of(measured, one)]
        largest = int(mine["workers"].max())
        smaller = mine["workers"][2 * mine["workers"] <= largest]
        pairs.append(pair := None if smaller.empty else (int(smaller.max()), largest))
        if pair is not None:
            cases.setdefault(pair, set()).update(mine["case_id"])
    checks = {pair: held_out(rounds, tasks, up_to=pair[0], at=pair[1], cpus=cpus, of=of) for pair, of in cases.items()}
    told = [pd.DataFrame() if pair is None else checks[pair] for pair in pairs]
    return [check if check.empty else check[having(check, one.identity)] for check, one in zip(told, found, strict=True)]


def _over_blocks(there: pd.DataFrame) -> dict[str, float]:
    """The geometric mean over blocks of each measure."""
    group = [pd.Series(0, index=there.index)]
    return {measure: float(over_blocks(there[measure], group)["value"].iloc[0]) for measure in MEASURES}


def _of(rounds: pd.DataFrame, one: Simulation) -> pd.Series:
    """Which rows are of its curve."""
    mine = having(rounds, {name: value for name, value in one.identity.items() if name in rounds and name != "tasks"})
    each = one.identity.get("tasks_per_worker")
    same = rounds["tasks"] == (one.identity["tasks"] if each is None else each * rounds["workers"])
    return pd.Series(mine & same)
