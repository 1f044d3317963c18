"""Fitted laws and predictions, as tables of text and as plain data for JSON."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from scalebench.analysis.laws.curves import Curve
from scalebench.analysis.laws.fit import Fit, LawFit, Value
from scalebench.analysis.laws.predict import predict
from scalebench.errors import UsageError, count
from scalebench.report.numbers import number
from scalebench.report.tables import Table

#: what a coefficient means, by law and name
_MEANINGS = {
    ("usl", "contention"): "share of time spent queueing",
    ("usl", "coherency"): "cost of each pair in step",
    ("amdahl", "serial_fraction"): "share of work that stays serial",
    ("gustafson", "serial_fraction"): "share of parallel time, serial",
}
#: columns of a curve's identity that are worth a word in its title
_NAMED = ("backend", "mpi_mode", "start_method", "distribution", "binding")


def law_tables(curve: Curve, found: Fit, name: str) -> list[Table]:
    """The coefficients of every law that was fitted, with the refusals below; then the points."""
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    for law in (one for one in found.laws.values() if one.coefficients is not None):
        sections[len(rows)] = law.law.title + (" (preferred)" if law.law.name == found.preferred else "")
        rows += _coefficients(law, found)
    head = ["coefficient", "value", "95% interval", "meaning"]
    if not rows:  # nothing was fitted: reasons only
        return [Table(title=title(curve, name), head=["workers", _unit(found), "Karp-Flatt", ""], rows=_points(found, None),
                      sections={}, notes=[*_notes(curve, found)])]  # fmt: skip
    fitted = Table(title=title(curve, name), head=head, rows=rows, sections=sections, notes=_notes(curve, found))
    used = found.laws[str(found.used)]
    measured = Table(title="Points", head=["workers", _unit(found), "by the law", "Karp-Flatt", ""], rows=_points(found, used),
                     sections={}, notes=[_of_karp_flatt(found, curve)])  # fmt: skip
    return [fitted, measured]


def title(curve: Curve, name: str) -> str:
    """Which curve it is."""
    of = curve.identity
    if not of:
        return f"{name}: {curve.scaling} scaling"
    what = (
        " ".join(str(of[key]) for key in ("kind", "size") if of.get(key) is not None) if of.get("kind") else str(of["workload"])
    )
    axes = " ".join(str(of[key]) for key in _NAMED if of.get(key) is not None)
    more = "".join(f", {label} {of[key]}" for key, label in (("chunksize", "chunksize"), ("blas_threads", "BLAS threads"),
                   ("nodes", "nodes"), ("variant", "variant"), ("tasks", "tasks"), ("tasks_per_worker", "tasks per worker")) if of.get(key) is not None)  # fmt: skip
    return f"{axes}: {curve.scaling} scaling of {what}{more}"


def _coefficients(law: LawFit, found: Fit) -> list[list[str]]:
    rows = []
    for name, value in (law.coefficients or {}).items():
        meaning = _MEANINGS.get((law.law.name, name), f"per second, at {found.points.baseline}" if name == "rate" else "")
        if name == "rate" and found.points.measure != "wall_s":
            meaning = f"{found.points.measure} at {found.points.baseline}"
        rows.append([name, number(value.value), _ends(value), meaning])
    if law.peak_workers is not None:
        beyond = law.peak_workers.value / float(found.points.workers[-1])
        rows.append(["peak", number(law.peak_workers.value), _ends(law.peak_workers),
                     "workers" + (f", {beyond:.1f} times the largest" if beyond > 1 else "")])  # fmt: skip
    return rows


def _ends(value: Value) -> str:
    if value.low is None and value.high is None:
        return "-"
    return f"[{'-' if value.low is None else number(value.low)},{'-' if value.high is None else number(value.high)}]"


def _points(found: Fit, used: LawFit | None) -> list[list[str]]:
    data = found.points
    law = None if used is None or used.solution is None else data.shown(used.solution.rate(data.ratio), data.workers)
    rows = []
    for index, workers in enumerate(data.workers):
        fraction = float(found.karp_flatt["value"].iloc[index])
        by_law = [] if law is None else [number(float(law[index]))]
        rows.append(
            [str(workers), number(float(data.measured[index])), *by_law, "-" if math.isnan(fraction) else f"{fraction:.4f}", ""]
        )
    return rows


def _notes(curve: Curve, found: Fit) -> list[str]:
    notes = []
    refused: dict[str, list[str]] = {}
    for law in found.laws.values():
        if law.reason is not None:
            refused.setdefault(law.reason, []).append(law.law.title)
        elif law.peak_reason is not None:
            notes.append(f"{law.law.title}, no peak: {law.peak_reason}.")
    notes += [f"{', '.join(titles)}: refused. {reason[:1].upper()}{reason[1:]}." for reason, titles in refused.items()]
    for law in found.laws.values():
        notes += _limit(law, found)
    if found.used is not None:
        notes.append(_preference(found))
        notes.append(_held_out(found))
    return [*notes, *found.notes, *curve.notes]


def _limit(law: LawFit, found: Fit) -> list[str]:
    """What the serial share means for a student: how much faster it can ever get."""
    coefficients = law.coefficients or {}
    share = coefficients.get({"usl": "contention", "amdahl": "serial_fraction"}.get(law.law.name, ""))
    falls = "coherency" in coefficients and coefficients["coherency"].value > 0  # then it has a peak, and never comes near
    if share is None or share.value <= 0 or falls:
        return []
    base = count(found.points.baseline, "worker")
    return [f"{law.law.title}: at most {number(1 / share.value)} times as fast as with {base}, with any number of workers."]


def _preference(found: Fit) -> str:
    if found.preferred is None:
        return f"No law is preferred: {found.preferred_reason}. {found.laws[str(found.used)].law.title} comes closest."
    others = [one.aicc for name, one in found.laws.items() if one.aicc is not None and name != found.preferred]
    best = found.laws[found.preferred]
    if not others or best.aicc is None:
        return f"Preferred: {best.law.title}, the only one fitted."
    ahead = min(others) - best.aicc
    if ahead < 0:
        return f"Preferred: {best.law.title}: its coherency is above 0 with its whole interval. The corrected AIC alone takes another, by {-ahead:.1f}."
    return f"Preferred: {best.law.title} (corrected AIC, by {ahead:.1f}; below 2 is hardly a difference)."


def _held_out(found: Fit) -> str:
    held = found.holdout
    if held.reason is not None or held.predicted is None or held.measured is None:
        return f"Held-out prediction of the largest count: refused. {held.reason}."
    off = 100 * (held.predicted / held.measured - 1)
    return (
        f"Fitted without {held.workers} workers, {held.law} predicts {number(held.predicted)} there; "
        f"measured {number(held.measured)} ({off:+.1f}%)."
    )


def _of_karp_flatt(found: Fit, curve: Curve) -> str:
    if found.points.scaling == "weak":
        return "Karp-Flatt is of strong scaling."
    over = count(found.points.baseline, "worker") + (" of the same backend" if curve.identity.get("backend") else "")
    return (
        f"Karp-Flatt, over {over}: one that stays tells of serial work, one that grows of overhead, one below 0 is superlinear."
    )


def _unit(found: Fit) -> str:
    return "wall s" if found.points.measure == "wall_s" else found.points.measure


def prediction_table(curve: Curve, found: Fit, predicted: pd.DataFrame, name: str) -> Table:
    """One row a count, and what the prediction rests on."""
    measure = found.points.measure
    rows = []
    for _, one in predicted.iterrows():
        low, high = one[f"{measure}_low"], one[f"{measure}_high"]
        ends = "-" if pd.isna(low) and pd.isna(high) else f"[{number(low)},{number(high)}]"
        far = "within the data" if one["beyond"] <= 1 else f"{one['beyond']:.3g} times"
        rows.append([str(one["workers"]), number(one[measure]), ends, far])
    law = found.laws[str(predicted["law"].iloc[0])].law
    least, most = found.points.workers[0], found.points.workers[-1]
    notes = [f"By {law.title}, from {len(found.points.workers)} counts, {least} to {most}. The 95% interval is of one new "
             "measurement; it holds as far as the law does, which no data say beyond their end.",
             *([] if found.preferred else [f"No law is preferred: {found.preferred_reason}."]), *found.notes, *curve.notes]  # fmt: skip
    return Table(title=title(curve, name), head=["workers", _unit(found), "95% interval", "beyond the data"], rows=rows,
                 sections={}, notes=notes)  # fmt: skip


def fit_as_data(curve: Curve, found: Fit) -> dict[str, Any]:
    """What ``fit --json`` prints of a curve; absent figures are None."""
    return {
        **({"curve": dict(curve.identity)} if curve.identity else {}),
        "scaling": curve.scaling,
        "laws": {name: _law_as_data(one) for name, one in found.laws.items()},
        "karp_flatt": [
            {"workers": int(workers), "value": None if math.isnan(value) else float(value)}
            for workers, value in zip(found.karp_flatt["workers"], found.karp_flatt["value"], strict=True)
        ],
        "preferred": found.preferred,
        "preferred_reason": found.preferred_reason,
        "holdout": {
            "workers": found.holdout.workers,
            "predicted": found.holdout.predicted,
            "measured": found.holdout.measured,
            "law": found.holdout.law,
            "reason": found.holdout.reason,
        },
        "baseline_workers": found.points.baseline,
        "notes": [*found.notes, *curve.notes],
    }


def _law_as_data(one: LawFit) -> dict[str, Any]:
    absent = dict.fromkeys(("value", "low", "high"))
    names = [*one.law.halving(2.0), "rate"]
    values = {} if one.coefficients is None else {name: _plain(value) for name, value in one.coefficients.items()}
    data: dict[str, Any] = {
        "status": "fitted" if one.reason is None else "refused",
        "reason": one.reason,
        "coefficients": {name: values.get(name, absent) for name in names},
    }
    if one.law.peak is not None:
        peak = absent if one.peak_workers is None else _plain(one.peak_workers)
        data |= {"peak_workers": peak["value"], "peak_workers_low": peak["low"], "peak_workers_high": peak["high"],
                 "peak_reason": one.peak_reason}  # fmt: skip
    return {**data, "aicc": one.aicc}


def _plain(value: Value) -> dict[str, float | None]:
    return {"value": value.value, "low": value.low, "high": value.high}


def prediction_as_data(curve: Curve, found: Fit, workers: Sequence[int], law: str | None) -> dict[str, Any]:
    """What ``predict --json`` prints of a curve; a refusal has its reason and no predictions."""
    data: dict[str, Any] = {"curve": dict(curve.identity)} if curve.identity else {}
    try:
        predicted = predict(found, workers, law)
    except UsageError as error:
        return {**data, "law": None, "reason": str(error), "predictions": [], "notes": [*found.notes, *curve.notes]}
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items() if name != "law"}
        for row in predicted.to_dict("records")
    ]
    return {**data, "law": predicted["law"].iloc[0], "reason": None, "predictions": rows, "notes": [*found.notes, *curve.notes]}
