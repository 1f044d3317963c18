"""Write the figures and pictures of the README, the tutorial and the other pages that have some, from the committed reference runs:
``python docs/update_readme.py``.

Each block between ``<!-- reference: NAME -->`` and ``<!-- end -->`` is replaced, and the files in ``docs/images/`` are drawn;
a test compares them.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scalebench import Result, load
from scalebench.analysis.comparison import comparison
from scalebench.analysis.efficiency import account
from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.analysis.simulation.holdout import held_out
from scalebench.analysis.simulation.parts import figures
from scalebench.analysis.simulation.predict import POLLING, Simulation, simulate
from scalebench.analysis.statistics import over_blocks
from scalebench.report.charts import charts
from scalebench.report.charts.base import Chart
from scalebench.report.compare import comparison_tables
from scalebench.report.efficiency import account_tables, verdict
from scalebench.report.granularity import granularity_tables
from scalebench.report.laws import law_tables, prediction_as_data
from scalebench.report.markdown import escape, table_to_markdown
from scalebench.report.recommend import recommend_texts
from scalebench.report.simulation import check_table, simulation_tables
from scalebench.report.tables import Table, findings_by_code, number, ratio, scaling_tables

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
IMAGES = ROOT / "docs" / "images"
README = ROOT / "README.md"
SIXTEEN = ROOT / "docs" / "sixteen-cores.md"
MANY = ROOT / "docs" / "many-workers.md"
CLUSTER = ROOT / "docs" / "cluster.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
MY_FUNCTION = ROOT / "docs" / "how-to" / "my-function.md"
TWO_MACHINES = ROOT / "docs" / "how-to" / "two-machines.md"
#: the largest count that a check has seen, and the one that it predicts
CHECKS = ((32, 64), (64, 128), (128, 256))
FAR = (100, 1000, 10_000, 100_000)
#: the runs of that page: MPI's ranks take too long to start for 256 of them
MANY_RUNS = ("pools", "mpi")
CLUSTERS_RUN = "many-clusters-amd-epyc-2cpu"
#: file -> the chart in it
PICTURES = {"speedup": "speedup-strong-1", "losses": "losses-1"}
#: of the tutorial: file -> reference run, the chart of what is kept of it, and what that is
TUTORIAL_PICTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pool": ("amd-epyc-2cpu", "speedup-strong-1", {"suite": ["strong"], "backend": ["serial", "processes"]}),
    "account": ("amd-epyc-2cpu", "losses-1", {"suite": ["strong"], "backend": ["serial", "processes", "threads"]}),
    "too-many": ("amd-epyc-2cpu", "speedup-strong-1", {"suite": ["oversubscription"]}),
    "blas": ("amd-epyc-2cpu", "threads-1", {"suite": ["blas"]}),
    "gil": ("amd-epyc-2cpu", "speedup-strong-1", {"suite": ["strong"], "backend": ["serial", "processes", "threads"]}),
    "waiting": ("tutorial-amd-epyc-2cpu", "speedup-strong-1", {"suite": ["waiting"]}),
    "start": ("amd-epyc-2cpu", "startup-1", {"suite": ["strong"]}),
    "granularity": ("tutorial-amd-epyc-2cpu", "granularity-2", {"suite": ["granularity"]}),
    "weak": ("amd-epyc-2cpu", "efficiency-weak-1", {"suite": ["weak"]}),
    "laws": ("intel-xeon-16cpu", "speedup-strong-1", {"suite": ["strong"], "backend": ["serial", "processes", "multiprocess"]}),
}


def blocks(result: Result) -> dict[str, str]:
    """What stands in each block of the README."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    return {
        "speedup picture": picture("speedup", pictures(result)["speedup"]),
        "blas": tables["blas"],
        "finding": finding(result),
    }


def pictures(result: Result) -> dict[str, Chart]:
    """The chart of each file."""
    found = {chart.name: chart for chart in charts(result)}
    return {name: found[chart] for name, chart in PICTURES.items()}


def picture(name: str, chart: Chart, folder: str = "docs/images") -> str:
    """A link to it, with its alternative text."""
    return f"![{escape(chart.alternative)}]({folder}/{name}.svg)\n"


def svg(chart: Chart) -> str:
    """On white, since a file knows nothing of the page's colours."""
    import vl_convert

    spec = {**chart.spec, "config": {**chart.spec["config"], "background": "white"}}
    return str(vl_convert.vegalite_to_svg(spec)) + "\n"


def finding(result: Result) -> str:
    """What became of the pool when each worker had two BLAS threads, and the verdict on that."""
    cases = account(result.rounds)
    pool = cases[(cases["suite"] == "blas") & (cases["backend"] == "processes") & (cases["workers"] == 2)]
    one, two = (pool[pool["blas_threads"] == threads].iloc[0] for threads in (1, 2))
    size, products = str(one["size"]).split("x")
    return (
        f"Two workers with two BLAS threads each, four threads on two CPUs, took **{ratio(two['wall_s'] / one['wall_s'])} times as long** "
        f"as two workers with one each ({two['wall_s'] * 1e3:.0f} ms against {one['wall_s'] * 1e3:.0f} ms; "
        f"{one['tasks']} tasks of {products} products of {size} x {size} matrices). The report's verdict on it:\n\n"
        f"> {escape(verdict(two) or '')}\n"
    )


def blocks_of_sixteen(result: Result) -> dict[str, str]:
    """What stands in each block of the page about 16 CPUs."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    accounts = {table.title.partition(":")[0]: table for table in account_tables(result)}
    return {
        **tables,
        **{f"{name} verdicts": table_to_markdown(verdicts(accounts[name])) for name in ("strong", "blas")},
        "prediction": table_to_markdown(prediction(result, last=8, at=16)),
        "doubts": doubts(result),
    }


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


def blocks_of_cluster(result: Result) -> dict[str, str]:
    """What stands in each block of the page about clusters."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    accounts = {table.title.partition(":")[0]: table_to_markdown(verdicts(table)) for table in account_tables(result)}
    return {**tables, "strong verdicts": accounts["strong"]}


def tutorial_pictures() -> dict[str, Chart]:
    """The chart of each file of the tutorial."""
    return {
        name: next(one for one in charts(part(reference(run), **kept)) if one.name == chart)
        for name, (run, chart, kept) in TUTORIAL_PICTURES.items()
    }


def part(result: Result, **kept: Sequence[Any]) -> Result:
    """A run of the rows that have these values."""
    rounds = result.rounds
    for column, values in kept.items():
        rounds = rounds[rounds[column].isin(values)]
    return replace(result, rounds=rounds)


def only(table: Table, *sections: str) -> Table:
    """A scaling table of these interfaces alone, with the legend of the flags that are left."""
    of_row = list(
        itertools.accumulate(range(len(table.rows)), lambda section, index: table.sections.get(index, section), initial="")
    )[1:]
    kept = [index for index, section in enumerate(of_row) if section in sections]
    rows = [table.rows[index] for index in kept]
    flagged = any("o" in row[-1] for row in rows)
    return replace(
        table, rows=rows, sections={place: of_row[index] for place, index in enumerate(kept)},
        notes=[note for note in table.notes if flagged or not note.startswith("o ")],
    )  # fmt: skip


def blocks_of_tutorial() -> dict[str, str]:
    """What stands in each block of the tutorial."""
    two, more, sixteen = (reference(name) for name in ("amd-epyc-2cpu", "tutorial-amd-epyc-2cpu", "intel-xeon-16cpu"))
    tables = {table.title.partition(":")[0]: table for table in scaling_tables(two)}
    accounts = {table.title.partition(":")[0]: table for table in account_tables(two)}
    waiting = next(table for table in scaling_tables(more) if table.title.startswith("waiting"))
    laws = {
        curve.identity["backend"]: law_tables(curve, fit(curve.table, curve.scaling), "")
        for curve in curves(part(sixteen, suite=["strong"]).rounds)
    }
    refused = next(curve for curve in curves(part(two, suite=["strong"], backend=["processes", "serial"]).rounds))
    shown = {
        "serial": [only(tables["strong"], "serial")],
        "pool": [only(tables["strong"], "serial", "processes fork")],
        "account": [replace(only(accounts["strong"], "processes fork", "threads"), notes=[])],
        "verdicts": [verdicts(accounts["strong"])],
        "too many": [tables["oversubscription"]],
        "too many verdicts": [verdicts(accounts["oversubscription"])],
        "blas": [tables["blas"]],
        "blas account": [accounts["blas"]],
        "gil": [only(tables["strong"], "serial", "processes fork", "threads")],
        "waiting": [waiting],
        "granularity": granularity_tables(more),
        "weak": [tables["weak"]],
        "trap": [tables["spin"]],
        "law": laws["processes"][:1],
        "law refused": law_tables(refused, fit(refused.table, refused.scaling), "")[:1],
        "prediction": [prediction(sixteen, last=8, at=16)],
    }
    return {
        **{name: "\n".join(map(table_to_markdown, these)) for name, these in shown.items()},
        **{f"{name} picture": picture(name, chart, "images") for name, chart in tutorial_pictures().items()},
        "finding": finding(two),
        **{f"recommend {name}": in_words(two, name) for name in ("crunch", "blas")},
        "recommend waiting": in_words(more, "sleep"),
        "doubts": doubts(two),
        "doubts more": doubts(more),
    }


def in_words(result: Result, kind: str) -> str:
    """What is recommended for the first workload of a kind, without its table."""
    sentences, _ = next(one for one in recommend_texts(result) if one[1].title.startswith(kind))
    return "> " + "  \n> ".join(map(escape, sentences)) + "\n"


def doubts(result: Result) -> str:
    """The findings, one of each code."""
    return "".join(f"- {code}: {escape(text)}\n" for code, text in findings_by_code(result))


def blocks_of_my_function(result: Result) -> dict[str, str]:
    """What stands in each block of the page about a function of one's own."""
    (table,), (account,) = scaling_tables(result), account_tables(result)
    ((sentences, _),) = recommend_texts(result)
    return {
        "mine": table_to_markdown(table),
        "mine verdicts": table_to_markdown(verdicts(account)),
        "mine recommend": "> " + "  \n> ".join(map(escape, sentences)) + "\n",
    }


def blocks_of_two_machines(here: Result, there: Result) -> dict[str, str]:
    """What stands in each block of the page about two machines."""
    tables = comparison_tables(comparison([("A", here), ("B", there)]))
    return {
        "different": "\n".join(table_to_markdown(one) for one in tables if one.title.startswith("What differs")),
        "cases": "\n".join(table_to_markdown(one) for one in tables if one.title.startswith("B against A")),
        "shape": "\n".join(table_to_markdown(one) for one in tables if one.title.startswith("Shape")),
    }


def many() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rounds and tasks of all its runs."""
    runs = [reference(f"many-{name}-amd-epyc-2cpu") for name in MANY_RUNS]
    rounds, tasks = (pd.concat([getattr(one, name) for one in runs], ignore_index=True) for name in ("rounds", "tasks"))
    return rounds, tasks


def blocks_of_many(rounds: pd.DataFrame, tasks: pd.DataFrame) -> dict[str, str]:
    """What stands in each block of the page about many workers."""
    found = figures(rounds, tasks)
    sleeping = rounds["kind"] == "sleep"
    checks = [held_out(rounds, tasks, up_to=up_to, at=at) for up_to, at in CHECKS]
    polling = rounds["backend"].isin(POLLING)
    of_mpi = [held_out(rounds[polling], tasks, up_to=up_to, at=at, cpus=at) for up_to, at in CHECKS]
    waiting = simulate(rounds, tasks, FAR, of=set(rounds.loc[sleeping, "case_id"]))
    parts = "\n".join(table_to_markdown(simulation_tables(one)[1]).replace("Measured parts", interface(one.identity)) for one in waiting
                      if one.reason is None)  # fmt: skip
    return {
        "rate": table_to_markdown(
            over_counts(found[found["kind"] == "crunch"], "rate", "tasks per second", lambda one: number(one))
        ),
        "round": table_to_markdown(
            over_counts(found[found["kind"] == "sleep"], "wall_s", "wall ms", lambda one: number(one * 1e3))
        ),
        "start": table_to_markdown(over_counts(found, "startup_s", "start-up s", number)),
        "parts": parts,
        "check": "\n".join(table_to_markdown(check_table(one)) for one in checks if not one.empty),
        "mpi": "\n".join(table_to_markdown(check_table(one)) for one in of_mpi if not one.empty and one["ratio"].notna().any()),
        "far": table_to_markdown(far(waiting)),
    }


def blocks_of_clusters() -> dict[str, str]:
    """What stands in the blocks of that page about interfaces whose workers are interpreters of their own; none without the run."""
    if not (REFERENCE / CLUSTERS_RUN).is_dir():
        return {}
    result = reference(CLUSTERS_RUN)
    rounds, tasks = result.rounds, result.tasks
    found = figures(rounds, tasks)
    of_kind = {kind: found[found["kind"] == kind] for kind in ("crunch", "sleep")}
    milliseconds = lambda one: number(one * 1e3)  # noqa: E731 - a form, as number is
    checks = [held_out(rounds, tasks, up_to=up_to, at=at) for up_to, at in CHECKS]
    waiting = simulate(rounds, tasks, FAR, of=set(rounds.loc[rounds["kind"] == "sleep", "case_id"]))
    tables = {
        "rate": [over_counts(of_kind["crunch"], "rate", "tasks per second", number)],
        "round": [over_counts(of_kind["sleep"], "wall_s", "wall ms", milliseconds)],
        "start": [over_counts(found, "startup_s", "start-up s", number)],
        "broadcast": [over_counts(found, "broadcast_s", "broadcast ms", milliseconds)],
        "check": [check_table(one) for one in checks if not one.empty],
        "parts": [replace(simulation_tables(one)[1], title=interface(one.identity)) for one in waiting if one.reason is None],
    }
    return {f"clusters {name}": "\n".join(map(table_to_markdown, these)) for name, these in tables.items()}


def interface(identity: Mapping[str, Any]) -> str:
    """An interface with those of its axes that it has."""
    return " ".join(str(identity[axis]) for axis in ("backend", "mpi_mode", "start_method", "distribution") if identity.get(axis))


def over_counts(found: pd.DataFrame, name: str, title: str, form: Callable[[float], str]) -> Table:
    """One row an interface, one column a worker count, with intervals over blocks."""
    found = found.assign(rate=found["chunks"] / found["wall_s"])
    found["interface"] = [
        interface({key: None if pd.isna(value) else value for key, value in one.items()}) for one in found.to_dict("records")
    ]
    by = np.exp(np.log(found[name].astype(float)).groupby([found["interface"], found["workers"], found["block"]]).mean())
    keys = [by.index.get_level_values(level).to_series(index=by.index) for level in ("interface", "workers")]
    values = over_blocks(by, keys)
    counts = sorted(set(values.index.get_level_values(1)))
    rows = [
        [name, *(cell(values.loc[(name, count)], form) if (name, count) in values.index else "" for count in counts)]
        for name in sorted(set(values.index.get_level_values(0)))
    ]
    return Table(title=title, head=["workers", *map(str, counts)], rows=rows, sections={}, notes=[])


def cell(value: "pd.Series[float]", form: Callable[[float], str]) -> str:
    """A value with its interval."""
    return form(value["value"]) + ("" if pd.isna(value["low"]) else f" [{form(value['low'])},{form(value['high'])}]")


def far(waiting: Sequence[Simulation]) -> Table:
    """Rounds and launches at counts that nobody here can start."""
    rows, sections = [], {}
    for one in waiting:
        sections[len(rows)] = interface(one.identity)
        rows += [["refused", one.reason, "", ""]] if one.reason else simulation_tables(one)[0].rows
    return Table(
        title="simulated",
        head=["workers", "round", "launch", "waits for", "beyond the data"],
        rows=rows,
        sections=sections,
        notes=[],
    )


def updated(text: str, contents: Mapping[str, str]) -> str:
    """A page's text with its blocks as they should be."""
    for name, content in contents.items():
        pattern = rf"(<!-- reference: {name} -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda match, content=content: f"{match[1]}\n{content}\n{match[2]}", text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"the page has {found} blocks called {name!r}, there must be one")
    return text


def reference(machine: str = "amd-epyc-2cpu") -> Result:
    """A committed reference run; that of two CPUs is the README's."""
    return load(REFERENCE / machine)


def pages() -> dict[Path, dict[str, str]]:
    """The pages, and what stands in the blocks of each."""
    return {
        README: blocks(reference()),
        SIXTEEN: blocks_of_sixteen(reference("intel-xeon-16cpu")),
        MANY: blocks_of_many(*many()) | blocks_of_clusters(),
        CLUSTER: blocks_of_cluster(reference("slurm-3-nodes-amd-epyc-2cpu")),
        TUTORIAL: blocks_of_tutorial(),
        MY_FUNCTION: blocks_of_my_function(reference("my-function-amd-epyc-2cpu")),
        TWO_MACHINES: blocks_of_two_machines(reference(), reference("quick-intel-xeon-16cpu")),
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, chart in {**pictures(reference()), **tutorial_pictures()}.items():
        (IMAGES / f"{name}.svg").write_text(svg(chart), encoding="utf-8")
    for page, contents in pages().items():
        page.write_text(updated(page.read_text(encoding="utf-8"), contents), encoding="utf-8")
