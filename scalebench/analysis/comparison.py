"""All that a comparison of results has to say: what differs besides, every case's verdict, what could not be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scalebench.analysis.compare import MARGIN, Side, compare, failures, location_used, only_in, variants
from scalebench.analysis.conditions import Difference, differences, machines, not_recorded
from scalebench.analysis.shape import shapes
from scalebench.analysis.statistics import LOCATION
from scalebench.errors import UsageError
from scalebench.results.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Of two sides or more; the first is the baseline."""

    sides: list[Side]
    runs: list[list[dict[str, Any]]]  #: of each side, what is known about its runs
    paired: bool  #: interleaved variants, compared block by block
    margin: float
    location: str
    found: pd.DataFrame  #: of :func:`scalebench.analysis.compare.compare`
    differences: list[Difference]
    not_recorded: list[list[str]]  #: of each side, facts that another tells
    shape: pd.DataFrame  #: of :func:`scalebench.analysis.shape.shapes`; empty on one machine
    failed: pd.DataFrame
    only_in: list[tuple[int, list[str]]]


def comparison(
    results: Sequence[tuple[str, Result]], *, baseline: str | None = None, margin: float = MARGIN, location: str = LOCATION
) -> Comparison:
    """Compare results with the first of them, or the variants of one with the first of those.

    Args:
        results: Each with the name that it was asked for by.
        baseline: The name of another one, or another variant, to compare with.
        margin: Relative; a change that is smaller makes no difference.
        location: Of ``QUANTILES``: which round stands for a launch.
    Raises:
        UsageError: Nothing to compare with, an unknown baseline, or one run on two sides.
        ResultsError: No case in common.
    """
    paired = len(results) == 1
    if paired:
        sides, runs = _variants(*results[0])
    else:
        sides = [Side(name=name, rounds=one.rounds, summaries=_summaries(one)) for name, one in results]
        runs = [one.runs for _, one in results]
        _refuse_same_run(sides)
    if baseline is not None:
        first = _index(baseline, sides)
        sides, runs = [sides.pop(first), *sides], [runs.pop(first), *runs]
    known = [(about, side.rounds) for about, side in zip(runs, sides, strict=True)]
    found = compare(sides, paired=paired, margin=margin, location=location)
    where = [machines(side.rounds) for side in sides]
    across = all(where) and any(one != where[0] for one in where[1:])
    return Comparison(
        sides=sides, runs=runs, paired=paired, margin=margin, location=location_used(sides, location), found=found,
        differences=differences(known), not_recorded=not_recorded(known),
        shape=shapes([side.rounds if across else side.rounds.iloc[:0] for side in sides]),
        failed=failures(sides, paired=paired), only_in=only_in(sides, paired=paired),
    )  # fmt: skip


def _variants(name: str, result: Result) -> tuple[list[Side], list[list[dict[str, Any]]]]:
    named = [one for about in result.runs for one in _named(about)]
    sides = variants(result.rounds, named)
    if len(sides) < 2:
        has = f"one variant, {sides[0].name}" if sides else "no variants"
        raise UsageError(f"{name} alone has nothing to be compared with: it has {has}.\n"
                         "Give two: scalebench compare BASELINE OTHER; or measure two variants in one run")  # fmt: skip
    return sides, [result.runs] * len(sides)


def _named(about: dict[str, Any]) -> list[str]:
    """The variants of a run's study, in its order."""
    return list(about.get("study", {}).get("variants") or {})


def _summaries(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    return {(str(about.get("run_id")), case): told for about in result.runs for case, told in about.get("summaries", {}).items()}


def _refuse_same_run(sides: Sequence[Side]) -> None:
    seen: dict[str, str] = {}
    for side in sides:
        for run in side.rounds["run_id"].dropna().unique():
            if run in seen:
                raise UsageError(f"{seen[run]} and {side.name} both hold run {run}: it can't be compared with itself.\n"
                                 "Give each side its own runs")  # fmt: skip
        seen |= dict.fromkeys(side.rounds["run_id"].dropna().unique(), side.name)


def _index(baseline: str, sides: Sequence[Side]) -> int:
    names = [side.name for side in sides]
    if baseline not in names:
        raise UsageError(f"--baseline {baseline}: none of what is compared.\nThere are: {', '.join(names)}")
    return names.index(baseline)
