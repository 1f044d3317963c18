"""Simulated curves, as tables of text and as plain data for JSON."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from scalebench.analysis.laws.curves import Curve
from scalebench.analysis.simulation.predict import MEANINGS, Simulation
from scalebench.report.laws import title
from scalebench.report.numbers import duration, number
from scalebench.report.tables import Table, backend

PAGE = "docs/simulation.md"  #: the assumptions
WITHIN = 0.2  #: of what was measured: further off, a simulation gives an order of magnitude


def simulation_tables(found: Simulation, check: pd.DataFrame | None = None) -> list[Table]:
    """What was simulated of a curve, and the parts that it was simulated from.

    Args:
        found: Of ``simulation.predict``.
        check: Of it, from ``simulation.holdout.at_the_largest``, where it shall be told.
    """
    rows = [
        [str(one["workers"]), _ends(one, "wall_s"), _ends(one, "launch_s"), one["waits_for"],
         "within" if one["beyond"] <= 1 else f"{one['beyond']:.3g} times"]
        for one in found.predictions.to_dict("records")
    ]  # fmt: skip
    notes = [
        f"Simulated from the parts below; launch: start-up and one round. The 95% interval is that of the parts, not of the model ({PAGE}).",
        *([] if check is None else [_held_out(check)]),
        *([] if found.keeps_busy is None else [f"The manager keeps {number(found.keeps_busy)} workers busy with such tasks; with more, it sets the pace."]),
        *(f"Assumed: {text}." for text in found.assumed),
    ]  # fmt: skip
    head = ["workers", "round", "launch", "waits for", "beyond the data"]
    parts = [
        [MEANINGS[one["part"]], _line(one), _ends(one, "at_most_s"), one["counts"] or "-"]
        for one in found.parts.to_dict("records")
    ]  # fmt: skip
    return [
        Table(title=_title(found), head=head, rows=rows, sections={}, notes=notes),
        Table(title="Measured parts", head=["part", "over workers", "at the most measured", "measured at"], rows=parts, sections={}, notes=[]),
    ]  # fmt: skip


def check_table(checks: pd.DataFrame) -> Table:
    """Predicted beside measured: rows of ``simulation.holdout.held_out`` of one pair of counts."""
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    identity = [name for name in checks.columns if name not in ("measure", "predicted", "measured", "ratio", "reason")]
    for _, curve in checks.sort_values("backend", kind="stable").groupby([*identity], dropna=False, sort=False):
        one = curve.iloc[0]
        told = {name: None if pd.isna(value) else value for name, value in one.items()}
        name = backend(one)
        if name not in sections.values():
            sections[len(rows)] = name
        what = f"{told['kind']} {told['size']}" if told.get("kind") else str(told["workload"])
        by = {one["measure"]: one for one in curve.to_dict("records")}
        if told["reason"] is not None:
            rows.append(
                [what, "refused", duration(by["wall_s"]["measured"]), "-", "-", duration(by["launch_s"]["measured"]), "-"]
            )
            continue
        rows.append(
            [what]
            + [
                cell
                for measure in ("wall_s", "launch_s")
                for cell in (
                    duration(by[measure]["predicted"]),
                    duration(by[measure]["measured"]),
                    f"{by[measure]['ratio']:.2f}",
                )
            ]
        )
    first = checks.iloc[0]
    return Table(
        title=f"{first['workers']} workers, predicted from {first['up_to']} and fewer",
        head=["tasks", "round: predicted", "measured", "ratio", "launch: predicted", "measured", "ratio"],
        rows=rows, sections=sections, notes=[],
    )  # fmt: skip


def refusals(found: Sequence[Simulation]) -> list[str]:
    """Which curves were refused, and why: a sentence for each reason."""
    by: dict[str, list[str]] = {}
    for one in found:
        if one.reason is not None:
            by.setdefault(one.reason, []).append(_title(one))
    return [
        f"{titles[0]}{f' (and {len(titles) - 1} more)' if len(titles) > 1 else ''}: {reason}." for reason, titles in by.items()
    ]


def _held_out(check: pd.DataFrame) -> str:
    """How far off the simulation is at the largest count of its run."""
    if check.empty:
        return "Held out: nothing; three counts or more, of four workers or more, must be half of the largest, or less."
    by = check.set_index("measure")
    first = by.iloc[0]
    if pd.notna(first["reason"]):
        return f"Held out: {first['workers']} workers can't be predicted from {first['up_to']} and fewer: {first['reason']}."
    ratios = by.loc[["wall_s", "launch_s"], "ratio"].astype(float)
    far = (ratios - 1).abs().gt(WITHIN).any()
    return (
        f"Held out: {first['workers']} workers, predicted from {first['up_to']} and fewer: a round takes {ratios['wall_s']:.2f} times what was "
        f"measured, a launch {ratios['launch_s']:.2f} times."
        + (f" That is off by more than {WITHIN:.0%}: read what is beyond the data as an order of magnitude." if far else "")
    )


def simulation_as_data(found: Simulation, check: pd.DataFrame) -> dict[str, Any]:
    """What ``predict --simulate --json`` prints of a curve, and of its check."""
    held_out = check[
        [name for name in ("up_to", "workers", "measure", "predicted", "measured", "ratio", "reason") if name in check]
    ]
    return {
        "curve": dict(found.identity), "reason": found.reason, "predictions": found.predictions, "parts": found.parts,
        "keeps_busy": found.keeps_busy, "assumed": list(found.assumed), "held_out": held_out,
    }  # fmt: skip


def _title(found: Simulation) -> str:
    identity = {name: value for name, value in found.identity.items() if (name, value) != ("nodes", 1)}
    return title(Curve(identity=identity, scaling=str(found.identity["scaling"]), table=pd.DataFrame()), "")


def _line(part: dict[Any, Any]) -> str:
    if not part["per_worker_s"]:
        return duration(part["at_one_s"])
    each = f"{duration(part['per_worker_s'])} a worker"
    return each if not part["at_one_s"] else f"{duration(part['at_one_s'])} + {each}"


def _ends(row: dict[Any, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    between = "" if pd.isna(low) or pd.isna(high) else f" [{duration(low)},{duration(high)}]"
    return duration(row[name]) + between
