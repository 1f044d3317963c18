"""What the page says: its sections, each of paragraphs, charts and tables. Not here: how they are drawn."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from scalebench.analysis.efficiency import account
from scalebench.errors import count
from scalebench.findings import FINDINGS
from scalebench.report.charts import MOST_CASES, charts
from scalebench.report.charts.base import Chart
from scalebench.report.efficiency import account_tables, verdict
from scalebench.report.granularity import granularity_tables
from scalebench.report.html.compared import compared
from scalebench.report.html.explained import explained
from scalebench.report.html.repeat import Again, repeat
from scalebench.report.numbers import percent
from scalebench.report.overview import MOST_RUNS, overview_table
from scalebench.report.recommend import recommend_texts
from scalebench.report.state import unfinished
from scalebench.report.tables import Row, Table, by_work, placed, scaling_tables, section, title
from scalebench.results.result import Result

#: id, heading, and what it is about
_SECTIONS = {
    "answer": ("What to use", ""),
    "scaling": ("Speedup and efficiency", "How much more work per second than serial, and how much of it each worker gives."),
    "losses": ("Where the efficiency went", "What is missing to 100% of each case, as an exact product of factors."),
    "threads": ("Workers and BLAS threads", "Both want the same CPUs."),
    "timeline": ("One round, task by task", "Which worker ran which task, and when. Pick a case."),
    "granularity": ("How short a task may be, and what a start costs", ""),
    "weak": ("Weak scaling", "The same work per worker: more workers, more work."),
    "comparison": ("Comparison", ""),
    "study": ("The machine, the versions, the study", "All that it takes to measure this again."),
}
_OF_CHARTS = {"startup": "granularity"}  #: sections of charts that stand in another one here


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A finding's code, what it means, and all that it was found of."""

    code: str
    name: str
    meaning: str
    texts: list[str]
    page: Any  #: HTML of what it means and what to do


@dataclass(slots=True, kw_only=True)
class Section:
    """One of the page."""

    id: str
    title: str
    intro: str
    advice: list[tuple[str, list[str], Table]] = field(default_factory=list)  #: heading, sentences, figures
    doubts: list[Doubt] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def side_by_side(self) -> bool:
        """Whether charts come in pairs, speedup and efficiency, which a wide page shows beside each other."""
        return self.id in ("scaling", "weak")

    @property
    def has_content(self) -> bool:
        return bool(self.advice or self.doubts or self.charts or self.tables or self.again or self.notes)


def page_title(result: Result) -> str:
    """``default on amd-epyc-2cpu-ce777f``, or how many runs."""
    runs = result.rounds["run_id"].nunique()
    if runs > 1:
        return count(runs, "run")
    about = result.runs[0]
    name, machine_id = about.get("study", {}).get("name"), about.get("machine", {}).get("machine_id")
    return f"{name or 'a run'} on {machine_id}" if machine_id else str(name or about.get("run_id") or "a run")


def sections(result: Result) -> list[Section]:
    """All of them, in order; some may be empty."""
    found = {id_: Section(id=id_, title=title, intro=intro) for id_, (title, intro) in _SECTIONS.items()}
    for chart in charts(result):
        id_ = _OF_CHARTS.get(chart.section, chart.section)
        if id_ != "comparison":  # those are drawn beside their tables
            found[id_].charts.append(chart)
    answer = found["answer"]
    answer.notes = [*_summaries(result), *_nothing_ran(result)]
    answer.doubts = doubts(result.findings)
    if result.rounds["run_id"].nunique() > MOST_RUNS:
        found["scaling"].tables.append(overview_table(result))
    else:
        _tables(result, found)
    for told in compared(result):
        found["comparison"].charts += told.charts
        found["comparison"].tables += told.tables
        found["comparison"].notes += told.notes
    found["study"].again = repeat(result)
    return list(found.values())


def _tables(result: Result, found: dict[str, Section]) -> None:
    works = by_work(result, account(result.rounds))
    answer = found["answer"]
    answer.advice = [(table.title, sentences, replace(table, title="")) for sentences, table in recommend_texts(result)]
    answer.tables = [table for table in (_verdicts(works), _failures(works)) if table.rows]
    answer.notes += [f"{title(cases[0], with_run=False).capitalize()} has {len(cases):,} cases, more than {MOST_CASES}: it is not drawn, and its tables have them all."
                     for cases in works if len(cases) > MOST_CASES]  # fmt: skip
    for cases, table in zip(works, scaling_tables(result), strict=True):
        found["weak" if cases[0]["scaling"] == "weak" else "scaling"].tables.append(table)
    found["losses"].tables += account_tables(result)
    found["granularity"].tables += granularity_tables(result)


def _summaries(result: Result) -> Iterator[str]:
    """A sentence for each run, as far as there are few."""
    runs = result.rounds.groupby("run_id", sort=False)
    if len(runs) > MOST_RUNS:
        yield f"{len(runs)} runs; all tables of one: scalebench report RUN."
        return
    known = {about.get("run_id"): about for about in result.runs}
    for run, rounds in runs:
        about = known.get(run, {})
        machine = about.get("machine", {})
        cases, blocks = rounds["case_id"].nunique(), rounds["block"].nunique()
        on = f" on {machine['cpu']} with a CPU budget of {machine.get('cpu_budget')}" if machine.get("cpu") else ""
        when = f", started {about['started_at']}" if about.get("started_at") else ""
        yield f"Run {run}: {count(cases, 'case')} in {count(blocks, 'block')}{on}{when}."
    yield from unfinished(result)


def _nothing_ran(result: Result) -> list[str]:
    if result.rounds.empty:
        return ["Nothing was measured: there are no rounds."]
    if not (result.rounds["status"].eq("ok") & ~result.rounds["warmup"].fillna(False)).any():
        return ["No case ran well, so there is nothing to compare or to draw. What went wrong stands below."]
    return []


def _verdicts(works: list[list[Row]]) -> Table:
    """One sentence a case that lost or gained something worth a word."""
    told = [
        (case, [percent(case["efficiency"] * 100), words.partition("; ")[2] or words])
        for cases in works for case in cases if case["backend"] != "serial" and (words := verdict(case)) is not None
    ]  # fmt: skip
    return _case_by_case("Verdicts, case by case", ["efficiency %", "verdict"], told)


def _failures(works: list[list[Row]]) -> Table:
    told = [
        (case, [str(case["status"]), str(case["failed"]), "" if pd.isna(case["message"]) else str(case["message"])])
        for cases in works for case in cases if case["status"] != "ok"
    ]  # fmt: skip
    table = _case_by_case("Cases that did not run well", ["status", "blocks", "message"], told)
    return replace(table, notes=["blocks: in how many of them."])


def _case_by_case(title: str, head: list[str], told: list[tuple[Row, list[str]]]) -> Table:
    """Cells behind what tells a case from the others; of several runs, the run too."""
    several = len({case["run_id"] for case, _ in told}) > 1
    rows = [
        [*([str(case["run_id"])] if several else []), str(case["suite"]), section(case), placed(case), *cells]
        for case, cells in told
    ]  # fmt: skip
    whole = [*(["run"] if several else []), "suite", "backend", "workers", *head]
    return Table(title=title, head=whole, rows=rows, sections={}, notes=[])


def doubts(findings: Iterable[dict[str, Any]]) -> list[Doubt]:
    """The findings by code."""
    known = {one.code: one for one in FINDINGS}
    texts: dict[str, list[str]] = {}
    for finding in findings:
        texts.setdefault(str(finding.get("code")), []).append(str(finding.get("text")))
    return [
        Doubt(
            code=code, name=known[code].__name__ if code in known else "", meaning=(known[code].__doc__ or "") if code in known else "",
            texts=list(dict.fromkeys(all_of_it)),
            page=explained(code) if code in known else None,
        )
        for code, all_of_it in sorted(texts.items())
    ]  # fmt: skip
