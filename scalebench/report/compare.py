"""A comparison as tables: what is compared, what differs besides, the verdicts, and across machines the shape."""

from collections import Counter
from string import ascii_uppercase

import pandas as pd

from scalebench.analysis.compare import CANT_TELL, DIFFERS, FASTER, SAME, SLOWER, label
from scalebench.analysis.comparison import Comparison
from scalebench.analysis.scaling import work_of
from scalebench.analysis.shape import EQUAL_SHARE, EQUAL_WORKERS, KNEE, METG, SERIAL_FRACTION
from scalebench.analysis.statistics import CONFIDENCE
from scalebench.errors import brief, count
from scalebench.report.numbers import fine_ratio, number, percent
from scalebench.report.tables import Row, Table, by_code, explained_by, interface, interval, several_nodes, task_name, uneven

VERDICTS = (SLOWER, FASTER, DIFFERS, SAME, CANT_TELL)
_WIDTH = 80
_LISTED = 3  #: names in a note
_UNITS = (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
_LOCATIONS = {"median": "Median", "low-quantile": "Low-quantile", "minimum": "Fastest"}
_REPLICATES = {
    "pairs": "Compared block by block, both sides in the same blocks.",
    "runs": "What varies is the run: its mean counts once.",
    "blocks": "Runs that were not interleaved, fewer than three a side: intervals hold the spread between launches, not between runs.",
    "rounds": "Fewer than three launches a side: no interval. Significant is only what the rounds within a process spread less than.",
}


def letter(side: int) -> str:
    """What a side is called in tables: A is the baseline."""
    return ascii_uppercase[side] if side < len(ascii_uppercase) else str(side + 1)


def comparison_tables(told: Comparison) -> list[Table]:
    """What differs first, then verdicts, then the cases."""
    by = ["side", "scaling", "workload", "kind", "size", "imbalance", "_work", "per"]
    found = told.found.assign(_work=work_of(told.found))
    found.loc[found["backend"].isna(), ["workload", "_work"]] = pd.NA  # every case of another tool has a name of its own
    found["workload"] = told.found["workload"].where(found["backend"].notna(), "")
    found["name"] = told.found["workload"]
    groups = [_cases(group) for _, group in found.groupby(by, dropna=False, sort=False)]
    return [_compared(told), _different(told), _verdicts(told), *groups, _reading(told), *_shapes(told)]


def _compared(told: Comparison) -> Table:
    rows = [
        [
            letter(number_),
            str(side.rounds["run_id"].nunique()),
            str(len(side.rounds)),
            side.name + (" (baseline)" if not number_ else ""),
        ]
        for number_, side in enumerate(told.sides)
    ]
    what = "variant" if told.paired else "what"
    doubts = [
        (side, code, text)
        for side, runs in enumerate(told.runs if not told.paired else told.runs[:1])
        for code, text in by_code(finding for about in runs for finding in about.get("findings", []))
    ]
    notes = [f"{letter(side)}, {code}: {text}" for side, code, text in doubts]
    notes += explained_by((code, text) for _, code, text in doubts)
    return Table(title="Compared", head=["", "runs", "rounds", what], rows=rows, sections={}, notes=notes)


def _different(told: Comparison) -> Table:
    title = "What differs besides" if not told.paired else "One run"
    letters = [letter(side) for side in range(len(told.sides))]
    listed = told.differences if not told.paired else []
    values = [["-" if value is None else value for value in one.values] for one in listed]
    notes = [] if any(one.field not in ("load_average", "canary_s") for one in listed) else ["No other difference is recorded."]
    if told.paired:
        notes = ["Variants were measured in the same blocks, in random order: machine and moment are the same."]
    notes += [f"{letter(side)} does not say its {', '.join(names)}." for side, names in enumerate(told.not_recorded) if names]
    rows = [[one.field, *value] for one, value in zip(listed, values, strict=True)]
    widths = [max((len(row[at]) for row in rows), default=0) + 1 for at in range(len(letters) + 1)]
    if sum(widths) <= _WIDTH:
        return Table(title=title, head=["", *letters], rows=rows, sections={}, notes=notes)
    sections = {at * len(letters): one.field for at, one in enumerate(listed)}
    tall = [[name, value] for row in values for name, value in zip(letters, row, strict=True)]
    return Table(title=title, head=["", ""], rows=tall, sections=sections, notes=notes, section_head="what")


def _verdicts(told: Comparison) -> Table:
    rows = []
    for side in range(1, len(told.sides)):
        counts = Counter(told.found.loc[told.found["side"] == side, "verdict"])
        rows.append([letter(side), *(str(counts[verdict]) for verdict in VERDICTS)])
    return Table(title="Verdicts, cases", head=["", *VERDICTS], rows=rows, sections={}, notes=_left_out(told))


def _left_out(told: Comparison) -> list[str]:
    notes = []
    for side, names in told.only_in:
        if names:
            notes.append(f"Only in {letter(side)}, not compared: {_some(names)}.")
    for number_, differ in told.found[told.found["answers"] == "differ"].groupby("side"):
        names = list(dict.fromkeys(label(one) for _, one in differ.iterrows()))
        notes.append(
            f"The answers of {letter(int(str(number_)))} are not those of A: {_some(names)}. The two do not compute the same."
        )
    for _, one in told.failed.iterrows():
        message = "" if pd.isna(one["message"]) else f": {brief(str(one['message']))}"
        notes.append(f"{letter(one['side'])}, {one['label']}: {one['status']}{message}")
    return notes


def _some(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _cases(cases: pd.DataFrame) -> Table:
    """One row a case of one workload, below a heading for its interface."""
    first = cases.iloc[0]
    unit, factor = _unit(cases[["baseline_s", "side_s"]].to_numpy().max())
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    last = None
    for case in cases.to_dict("records"):
        name = _interface(case)
        if name != last:
            sections[len(rows)] = last = name
        times = [number(case[column] * factor) for column in ("baseline_s", "side_s")]
        seen = "-" if pd.isna(case["detectable"]) else f"{percent((case['detectable'] - 1) * 100)}%"
        rows.append([_place(case), *times, interval(case, "ratio", 1.0, fine_ratio), seen, case["verdict"]])
    other = letter(first["side"])
    head = ["", f"A {unit}", f"{other} {unit}", f"{other}/A", "sees", "verdict"]
    title = f"{other} against A: {_title(first)}, time per {first['per']}"
    ours = not pd.isna(first["backend"])
    return Table(title=title, head=head, rows=rows, sections=sections, notes=[], section_head="backend" if ours else "benchmark")


def _unit(largest: float) -> tuple[str, float]:
    """So that the largest time has no leading zeros; from 10 s on in seconds, as in other tables."""
    for unit, factor in _UNITS:
        if largest * factor >= (10 if unit == "s" else 1):
            return unit, factor
    return _UNITS[-1]


def _title(case: pd.Series) -> str:
    if pd.isna(case["backend"]):
        return "benchmarks of another tool"
    size = "" if pd.isna(case["size"]) else f" {case['size']}"
    tasks = count(case["_work"], "task") + (" per worker" if case["scaling"] == "weak" else "")
    return f"{case['scaling']} scaling of {task_name(case)}{size}, {tasks}{uneven(case)}"


def _interface(case: Row) -> str:
    if pd.isna(case["backend"]):
        return str(case["name"])
    return interface(case)


def _place(case: Row) -> str:
    if pd.isna(case["backend"]):
        return ""
    nodes = f" n{case['nodes']}" if several_nodes(case) else ""
    return f"w{case['workers']}{nodes}" + ("" if pd.isna(case["blas_threads"]) else f" b{case['blas_threads']}")


def _reading(told: Comparison) -> Table:
    """How to read the numbers, once."""
    kinds = list(dict.fromkeys(told.found["replicates"]))
    notes = [
        f"{_LOCATIONS[told.location]} round of each launch, geometric means. B/A above 1 is slower; {CONFIDENCE:.0%} intervals."
    ]
    notes += [_REPLICATES[kind] for kind in kinds]
    notes += [
        f"Verdicts hold for all {len(told.found)} comparisons together: 5% risk of any false alarm (Holm).",
        f"same: the interval lies within {told.margin:.1%} of equal. sees: the slowdown found in 80% of such measurements.",
    ]
    if (told.found["verdict"] == DIFFERS).any():
        notes.append("Drift is excluded by three runs a side, or by measuring both as variants of one run.")
    return Table(title="How to read this", head=[""], rows=[], sections={}, notes=notes)


def _shapes(told: Comparison) -> list[Table]:
    shape = told.shape
    return [_shape(shape[shape["measure"] == measure], measure, len(told.sides)) for measure in dict.fromkeys(shape["measure"])]


def _shape(rows: pd.DataFrame, measure: str, sides: int) -> Table:
    factor, unit, at = {
        EQUAL_WORKERS: (100.0, ", %", "workers"), EQUAL_SHARE: (100.0, ", %", "share"), SERIAL_FRACTION: (1.0, "", ""),
        KNEE: (1.0, ", workers", ""), METG: (1e6, ", us", "workers"),
    }[measure]  # fmt: skip
    form = percent if factor == 100 else "{:g}".format if measure == KNEE else number
    cells: dict[tuple[str, float], dict[int, str]] = {}
    for row in rows.rename(columns={"low": "value_low", "high": "value_high"}).to_dict("records"):
        text = interval(row, "value", factor, form)
        key = (_curve(row), row["at"] if at else 0.0)
        if measure == KNEE and row["value"] == row["at"]:
            text = f"{text} or more"
        cells.setdefault(key, {})[row["side"]] = text
        if measure == SERIAL_FRACTION:
            cells[key][row["side"]] += f" at {row['at']:g}"
    lines: list[list[str]] = []
    sections: dict[int, str] = {}
    last = None
    for curve, place in sorted(cells):
        if curve != last:
            sections[len(lines)] = last = curve
        lines.append([f"{place:g}" if at else "", *(cells[curve, place].get(side, "-") for side in range(sides))])
    notes = ["at: workers, the most without oversubscription"] if measure == SERIAL_FRACTION else []
    head = [at, *(letter(side) for side in range(sides))]
    return Table(title=f"Shape: {measure}{unit}", head=head, rows=lines, sections=sections, notes=notes, section_head="curve")


def _curve(row: Row) -> str:
    what = f"{row['scaling']}, {task_name(row)}"
    size: str = "" if pd.isna(row["size"]) else f" {row['size']}"
    tasks: str = "" if pd.isna(row["tasks"]) else f" x {row['tasks']:g}"
    blas: str = "" if pd.isna(row["blas_threads"]) else f" b{row['blas_threads']:g}"
    nodes: str = "" if pd.isna(row["nodes"]) else f" n{row['nodes']:g}"
    return f"{what}{size}{tasks}{uneven(row)}: {_interface(row)}{nodes}{blas}"
