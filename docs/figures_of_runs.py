"""What the pages take from a committed reference run: its tables in part, its charts as files, its verdicts, words and doubts.

Not here: which page shows what (``update_readme.py``, ``figures_of_tutorial.py``).
"""

import html
import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalebench import Result, load
from scalebench.analysis.efficiency import account
from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.doubts import doubts_of_canary
from scalebench.report.charts import charts
from scalebench.report.charts.base import Chart
from scalebench.report.charts.theme import WIDTH
from scalebench.report.efficiency import verdict
from scalebench.report.laws import prediction_as_data
from scalebench.report.markdown import escape
from scalebench.report.numbers import number
from scalebench.report.recommend import recommend_texts
from scalebench.report.tables import Table, findings_by_code

ROOT = Path(__file__).parents[1]
#: findings that tell of others on the machine
UNQUIET = ("SB120", "SB121", "SB122")


def drawn(result: Result, file: str, name: str) -> Chart:
    """One chart of a report, by its name and the file of ``scalebench/report/charts`` that draws it: all of them would take a minute."""
    (chart,) = [one for one in charts(result, [file]) if one.name == name]
    return chart


def picture(name: str, chart: Chart, folder: str = "docs/images") -> str:
    """A link to it, with its alternative text."""
    return f"![{escape(chart.alternative)}]({folder}/{name}.svg)\n"


def floating(name: str, chart: Chart, width: int) -> str:
    """A picture of the README with the text beside it, where the page is wide enough for both."""
    alternative = html.escape(chart.alternative)
    return f'<img align="right" width="{width}" src="docs/images/{name}.svg" alt="{alternative}">\n'


def svg(chart: Chart, width: int = WIDTH, height: int | None = None) -> str:
    """On white, since a file knows nothing of the page's colours; as wide as it is shown, since text does not shrink."""
    import vl_convert

    config = chart.spec["config"]
    view = {**config["view"], "continuousWidth": width, "discreteWidth": width}
    title = {"text": chart.spec["title"]["text"]}  # without its notes: the text says what they do
    beside = {"height": height, "title": title} if height else {}
    spec = json.dumps({**chart.spec, **beside, "config": {**config, "background": "white", "view": view}})
    if width != WIDTH:  # the columns of a legend depend on the width, which is known too late for the height of the picture
        spec = re.sub(r'"columns": \{"expr": "width [^"]*"\}', '"columns": 2', spec)
    return str(vl_convert.vegalite_to_svg(spec)) + "\n"


def finding(result: Result) -> str:
    """What became of the pool when each worker had two BLAS threads, and the verdict on that."""
    cases = account(result.rounds)
    pool = cases[(cases["suite"] == "blas") & (cases["backend"] == "processes") & (cases["workers"] == 2)]
    one, two = (pool[pool["blas_threads"] == threads].iloc[0] for threads in (1, 2))
    size, products = str(one["size"]).split("x")
    return (
        f"Two BLAS threads in each of two workers took **{two['wall_s'] / one['wall_s']:.2g} times as long** as one "
        f"({one['tasks']} tasks of {products} products of {size} x {size} matrices):\n\n"
        f"> The verdict. {escape(verdict(two) or '')}\n"
    )


def verdicts(account: Table) -> Table:
    """The account's verdicts without its figures and legend."""
    notes = itertools.takewhile(lambda note: note and not note.startswith("Accounts are"), account.notes)
    return Table(title=account.title, head=[], rows=[], sections={}, notes=list(notes))


def prediction(result: Result, *, last: int, at: int) -> Table:
    """What the laws that are fitted to ``last`` workers and fewer say of ``at`` workers, beside what was measured there."""
    rows: list[list[str]] = []
    backends: dict[int, str] = {}
    for curve in curves(result.rounds[result.rounds["suite"] == "strong"]):
        points = curve.table
        told = prediction_as_data(curve, fit(points[points["workers"] <= last], curve.scaling), [at], None)
        measured = math.exp(points.loc[points["workers"] == at, "wall_s"].map(math.log).mean())
        cells = ["refused", "", ""]
        for one in told["predictions"]:
            low, high = (number(one[f"wall_s_{end}"] * 1e3) for end in ("low", "high"))
            off = f"{(one['wall_s'] / measured - 1) * 100:+.0f}"
            cells = [told["law"], f"{number(one['wall_s'] * 1e3)} [{low},{high}]", off]
        backends[len(rows)] = str(curve.identity["backend"])
        rows.append([*cells[:2], number(measured * 1e3), cells[2]])
    head = ["law", "predicted ms", "measured ms", "off by %"]
    return Table(
        title=f"strong: {at} workers, predicted from {last} and fewer", head=head, rows=rows, sections=backends, notes=[]
    )


def part(result: Result, **kept: Sequence[Any]) -> Result:
    """A run of the rows that have these values."""
    rounds = result.rounds
    for column, values in kept.items():
        rounds = rounds[rounds[column].isin(values)]
    return replace(result, rounds=rounds)


def only(table: Table, *sections: str, workers: str | None = None) -> Table:
    """A table of these interfaces alone (none named: of all), or of one worker count and serial, with the legend of the flags left."""
    of_row = list(
        itertools.accumulate(range(len(table.rows)), lambda section, index: table.sections.get(index, section), initial="")
    )[1:]
    kept = [
        index for index, section in enumerate(of_row)
        if (not sections or section in sections) and (workers is None or table.rows[index][0] == workers or section.startswith("serial"))
    ]  # fmt: skip
    rows = [table.rows[index] for index in kept]
    flagged = any("o" in row[-1] for row in rows)
    named = {place: of_row[index] for place, index in enumerate(kept)}
    return replace(table, rows=rows, sections=named, notes=[note for note in table.notes if flagged or not note.startswith("o ")])


def columns(table: Table, *names: str) -> Table:
    """A table with these columns alone; the first, and the flags, stay."""
    kept = [index for index, name in enumerate(table.head) if index == 0 or name == "flags" or " ".join(name.split()) in names]
    return replace(table, head=[table.head[index] for index in kept], rows=[[row[index] for index in kept] for row in table.rows])


def bare(table: Table) -> Table:
    """A table without what the page says once for all of them."""
    return replace(table, notes=[note for note in table.notes if not note.startswith(("Baselines, ", "o "))])


def in_words(result: Result, kind: str) -> str:
    """What is recommended for the first workload of a kind, without its table."""
    sentences, _ = next(one for one in recommend_texts(result) if one[1].title.startswith(kind))
    return "> " + "  \n> ".join(map(escape, sentences)) + "\n"


def doubts(result: Result) -> str:
    """The findings, one of each code."""
    return "".join(f"- {code}: {escape(text)}\n" for code, text in findings_by_code(result))


def reference(machine: str = "amd-epyc-2cpu") -> Result:
    """A committed reference run; that of two CPUs is the README's. What its build did not look for yet is looked for here."""
    result = load(ROOT / "results" / "reference" / machine)
    if result.about["schema_version"] > 1 or {one["code"] for one in result.findings} & set(UNQUIET):
        return result
    launches = result.rounds.drop_duplicates(["case_id", "block", "attempt"]).sort_values("started_at")
    found = [one.described() for one in doubts_of_canary(launches["canary_s"].dropna().tolist())]
    return replace(result, about={**result.about, "findings": [*result.findings, *found]})


def mood(result: Result, folder: str = "") -> str:
    """Whether others were on the machine meanwhile: as the run itself tells, so that a page can't say it of another run."""
    codes = [code for code, _ in findings_by_code(result) if code in UNQUIET]
    load_average = (
        f"load average {number(result.about['load_average'])} on {result.about['machine']['cpu_budget']} CPUs at the start"
    )
    if not codes:
        return f"The machine was quiet meanwhile: {load_average}, and none of the findings {UNQUIET[0]} to {UNQUIET[-1]}. Blocks differ all the same: the intervals tell.\n"
    links = ", ".join(f"[{code}]({folder}findings/{code}.md)" for code in codes)
    if "SB121" in codes:
        said = "others used its CPUs: intervals are wide, and some of what waits for a CPU here waited for one of those"
    else:
        said = "its speed changed, as that of a shared one does: intervals are wide for a reason that is not the code"
    return f"**The machine was not quiet meanwhile** ({load_average}; {links}): {said}.\n"
