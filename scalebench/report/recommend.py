"""The recommendation in words, and the table of the numbers under it."""

import math

import pandas as pd

from scalebench.analysis.granularity import enough_chunks, granularity, sweeps
from scalebench.analysis.recommend import SETUP, Ratio, Recommendation, recommend
from scalebench.command import PROGRAM
from scalebench.errors import count
from scalebench.findings import MachineBusy, MachineDrifted, MachineUnsteady
from scalebench.report.console import command
from scalebench.report.numbers import duration, number, percent, ratio
from scalebench.report.tables import Table, interface, oversubscribed, task_name, told_apart, uneven
from scalebench.results.result import Result

_WITHIN = "with 95% confidence, to take at most 10% longer than the fastest case"


def recommendations(result: Result) -> list[Recommendation]:
    """:func:`scalebench.analysis.recommend.recommend`, with the seconds that a block of the whole study really took."""
    blocks = result.rounds.groupby("run_id")["block"].nunique()
    took = {}
    for about in result.runs:
        run, actual = str(about.get("run_id")), about.get("actual_s")
        if run in blocks.index and isinstance(actual, int | float):
            took[run] = actual / blocks[run]
    return recommend(result.rounds, block_s=took)


def recommend_texts(result: Result) -> list[tuple[list[str], Table]]:
    """For each question what to use and why, sentence by sentence, and its table."""
    curves = granularity(result.rounds) if sweeps(result.rounds) else None
    many = result.rounds["run_id"].nunique() > 1
    doubts = _doubts(result)
    return [([*_words(one, curves), *doubts], _table(one, with_run=many)) for one in recommendations(result)]


def _doubts(result: Result) -> list[str]:
    """Where the machine was not this run's own: then some cases may have been slowed more than others."""
    found = {str(finding.get("code")) for finding in result.findings}
    if codes := [one.code for one in (MachineDrifted, MachineBusy, MachineUnsteady) if one.code in found]:
        return [
            f"Doubt it: the machine was not quiet meanwhile ({', '.join(codes)}; see {command('help', codes[0])}), "
            "which may slow some cases more than others."
        ]
    return []


def _absent(value: object) -> bool:
    return bool(pd.isna(value))  # type: ignore[call-overload]


def _case(one: Recommendation, case_id: str | None) -> pd.Series:
    return one.cases[one.cases["case_id"].eq(str(case_id))].iloc[0]


def _words(one: Recommendation, curves: pd.DataFrame | None) -> list[str]:
    if one.status == "none_ran":
        return ["No case ran well, so there is nothing to recommend."]
    fastest = case_name(_case(one, one.fastest), one.cases)
    if one.status == "one_case":
        return [f"Nothing to choose from: only {fastest} can be recommended at all. Measure other cases beside it."]
    if one.status == "too_few_blocks":
        blocks = one.cases["blocks"].max()
        return [f"Can't tell from {count(blocks, 'block')}: an interval takes 3. Measure 5 or more: --blocks 5{_for_study(5, one)}.",
                f"The fastest as measured, which may be luck: {fastest}."]  # fmt: skip
    if one.recommended is None:
        return [*_not_shown(one, fastest), *_left_out(one), *_chunks(_case(one, one.fastest), one, curves)]
    case = _case(one, one.recommended)
    if case["backend"] == "serial":
        use = "Stay serial" + ("" if pd.isna(case["blas_threads"]) else f", with {_threads(case)}")
        words = [f"{use}: this is shown, {_WITHIN}, and costs least of those that are."]
        return [*words, *_serial_gain(one), *_left_out(one)]
    words = [f"Use {case_name(case, one.cases)}.",
             f"It is shown, {_WITHIN}, and costs least of those that are (workers x BLAS threads x wall)."]  # fmt: skip
    return [*words, *_gains(case, one), *_start(case, one), *_left_out(one), *_chunks(case, one, curves)]


def _left_out(one: Recommendation) -> list[str]:
    """A case that was faster where it ran, and is not counted as the fastest since it can't be relied on."""
    out = one.cases[one.cases["left_out"].notna() & one.cases["slower"].lt(1)].sort_values("slower")
    return [
        f"Left out, though it took {ratio(case['slower'])} times as long as the fastest where it ran: "
        f"{case_name(case, one.cases)} ({case['left_out']})."
        for _, case in out.iterrows()
    ]


def _baseline(one: Recommendation) -> str:
    return "one worker" if one.cases["backend"].eq(PROGRAM).any() else "serial"


def _at_baseline(one: Recommendation) -> str:
    return "with one worker" if _baseline(one) == "one worker" else "serial"


def _serial_gain(one: Recommendation) -> list[str]:
    fastest = _case(one, one.fastest)
    if fastest["backend"] == "serial":
        return ["No pool was faster as measured."]
    found = Ratio(value=fastest["speedup"], low=fastest["speedup_low"], high=fastest["speedup_high"])
    return [
        f"The fastest as measured, {case_name(fastest, one.cases)}, does {_interval(found)} times the work per second of {_baseline(one)}."
    ]


def _not_shown(one: Recommendation, fastest: str) -> list[str]:
    words = [
        f"Can't tell: no case is shown, {_WITHIN}. The run is too noisy for that, which is no reason to stay {_at_baseline(one)}."
    ]
    if one.faster_than_serial is not None:
        case = _case(one, one.faster_than_serial)
        found = Ratio(value=case["speedup"], low=case["speedup_low"], high=case["speedup_high"])
        words.append(
            f"What is shown: {case_name(case, one.cases)} is faster than {_baseline(one)}, {_interval(found)} times the work per second."
        )
    else:
        words.append(f"Nor is any case shown to be faster than {_baseline(one)}, or {_baseline(one)} to be as fast.")
    words.append(f"The fastest as measured, which may be luck: {fastest}.")
    if one.blocks_needed is None:
        return [*words, "No number of blocks would do with this spread: make rounds longer (--tasks), or the machine quieter."]
    return [*words, _budget(one.blocks_needed, one)]


def _budget(blocks: int, one: Recommendation) -> str:
    return f"It takes about {blocks} blocks to tell, if the spread stays as it is: --blocks {blocks}{_for_study(blocks, one)}."


def _for_study(blocks: int, one: Recommendation) -> str:
    return "" if one.block_s is None else f", about {_long(blocks * one.block_s)} for the whole study"


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _gains(case: pd.Series, one: Recommendation) -> list[str]:
    words = []
    if one.over_serial is not None:
        words.append(f"It does {_interval(one.over_serial)} times the work per second of {_baseline(one)}.")
    if one.over_half is not None and one.half_workers is not None:
        which = "half the" if 2 * one.half_workers == case["workers"] else "fewer"
        words.append(
            f"Against {which} workers, {count(one.half_workers, 'worker')}: {_interval(one.over_half)} times the work per second."
        )
    return words


def _start(case: pd.Series, one: Recommendation) -> list[str]:
    if one.tasks_to_pay_back is None:
        return []
    tasks = math.ceil(one.tasks_to_pay_back)
    counted = " (counted from mpiexec on)" if str(case["backend"]).startswith("mpi") else ""
    paid = f"paid back after {tasks} tasks: with fewer, stay serial" if tasks > 1 else "paid back by the first task"
    return [f"Its start takes {duration(case['startup_s'])}{counted}, {paid}."]


def _chunks(case: pd.Series, one: Recommendation, curves: pd.DataFrame | None) -> list[str]:
    """What the sweep of sizes in the same run says about tasks of this length."""
    if curves is None:
        return []
    same = [
        curves[name].eq(case[name]).fillna(False) | (curves[name].isna() & pd.isna(case[name]))
        for name in ("run_id", "kind", "workload", "backend")
    ]
    mine = curves[same[0] & same[1] & same[2] & same[3]]
    serial = one.cases[one.cases["backend"].eq("serial") & one.cases["threads"].eq(1)]
    if mine.empty or serial.empty:
        return []
    task_s = float(serial["wall_s"].iloc[0] / serial["tasks"].iloc[0])
    enough = enough_chunks(mine[mine["workers"].eq(mine["workers"].max())], task_s)
    if enough is None:
        return [f"Tasks of {duration(task_s)} are too short for {case['backend']} at any chunk size measured."]
    chunk = "its own default" if pd.isna(enough["chunksize"]) else str(enough["chunksize"])
    return [f"Chunk size: tasks of {duration(task_s)} keep half of the serial rate and more with {chunk}."]


def _table(one: Recommendation, *, with_run: bool) -> Table:
    cases = one.cases.assign(_serial=one.cases["backend"] != "serial")
    cases = cases.sort_values(["_serial", *SETUP[:-1], "workers", "blas_threads"], kind="stable", na_position="first")
    rows: list[list[str]] = []
    sections: dict[int, str] = {}
    last = None
    for _, case in cases.iterrows():
        if (name := interface(case)) != last:
            sections[len(rows)] = last = name
        rows.append([
            str(case["workers"]),
            "-" if pd.isna(case["blas_threads"]) else str(case["blas_threads"]),
            number(case["wall_s"] * 1e3),
            _more(case["slower"]),
            _more(case["slower_high"]),
            ratio(case["cost"]) if pd.notna(case["cost"]) else "-",
            ratio(case["speedup"]) if pd.notna(case["speedup"]) else "-",
            _mark(case, one),
        ])  # fmt: skip
    head = ["workers", "blas", "wall ms", "slower %", "at most %", "cost", "speedup", ""]
    return Table(title=_title(one, with_run=with_run), head=head, rows=rows, sections=sections, notes=_notes(one))


def _more(times: float) -> str:
    return percent(100 * (times - 1)) if pd.notna(times) and times < 100 else "-"


def _mark(case: pd.Series, one: Recommendation) -> str:
    marks = [] if pd.isna(case["left_out"]) else [f"left out: {case['left_out']}"]
    marks += ["recommended"] if case["case_id"] == one.recommended else ["within 10%"] if case["shown"] else []
    marks += ["fastest"] if case["case_id"] == one.fastest else []
    marks += ["o"] if oversubscribed(case) else []
    return ", ".join(marks)


def _title(one: Recommendation, *, with_run: bool) -> str:
    asked = one.question
    what = task_name(asked)
    size = "" if _absent(asked["size"]) else f" {asked['size']}"
    variant = "" if _absent(asked["variant"]) else f", variant {asked['variant']}"
    tasks = f", {count(asked['work'], 'task')}" + (" per worker" if asked["scaling"] == "weak" else "")
    if _baseline(one) == "one worker" and "{tasks}" not in what:
        tasks = ""
    run = f" (run {asked['run_id']})" if with_run else ""
    return f"{what}{size}{tasks}{uneven(asked)}{variant}: {asked['scaling']} scaling{run}"


def _notes(one: Recommendation) -> list[str]:
    notes = ["slower: time for the same work, against the fastest as measured; at most: its 95% bound, against all cases at",
             "once. cost: workers x BLAS threads x wall for the same work, 1 is the least. o: oversubscribed."]  # fmt: skip
    notes = [" ".join(notes)]
    if len(one.knees):
        found = "; ".join(
            f"{interface(knee)}{'' if pd.isna(knee['blas_threads']) else f' with {_threads(knee)}'}: {knee['knee']}"
            + (" or more" if knee["knee"] == knee["most_workers"] else "")
            for _, knee in one.knees.iterrows()
        )
        notes.append(f"The knee, the last count of workers at which each more still added half of one. {found}.")
    return notes


def case_name(case: pd.Series, among: pd.DataFrame) -> str:
    """A case in words; axes of its backend are named where the cases differ in them."""
    if case["backend"] == "serial":
        return "serial" + ("" if pd.isna(case["blas_threads"]) else f" with {_threads(case)}")
    if case["backend"] == PROGRAM:
        threads = f" with {_threads(case)} each" if among["blas_threads"].nunique() > 1 else ""
        return count(case["workers"], "worker") + threads
    alike = among[among["backend"] == case["backend"]]
    axes = ("mpi_mode", "start_method", "distribution", "binding", "chunksize")
    own = told_apart(case, alike, axes)
    own += [] if pd.isna(case["blas_threads"]) else [f"{_threads(case)} each"]
    return f"{count(case['workers'], 'worker')} of {case['backend']}" + (f" ({', '.join(own)})" if own else "")


def _threads(case: pd.Series) -> str:
    return count(case["blas_threads"], "BLAS thread")


def _interval(found: Ratio) -> str:
    return ratio(found.value) + ("" if pd.isna(found.low) else f" [{ratio(found.low)},{ratio(found.high)}]")
