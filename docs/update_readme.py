"""Write the figures and pictures of the README, the tutorial and the other pages that have some, from the committed reference runs:
``python docs/update_readme.py``.

Each block between ``<!-- reference: NAME -->`` and ``<!-- end -->`` is replaced, and the files in ``docs/images/`` are drawn;
a test compares them.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from figures_of_runs import (
    ROOT,
    bare,
    columns,
    doubts,
    drawn,
    finding,
    floating,
    mood,
    only,
    part,
    prediction,
    reference,
    svg,
    verdicts,
)  # fmt: skip
from figures_of_tutorial import blocks_of_tutorial, tutorial_pictures

from scalebench import Result
from scalebench.analysis.comparison import comparison
from scalebench.analysis.simulation.holdout import held_out
from scalebench.analysis.simulation.parts import figures
from scalebench.analysis.simulation.predict import RESTLESS, Simulation, simulate
from scalebench.analysis.statistics import over_blocks
from scalebench.report.charts.base import Chart
from scalebench.report.compare import comparison_tables
from scalebench.report.efficiency import account_tables
from scalebench.report.markdown import escape, table_to_markdown
from scalebench.report.numbers import number
from scalebench.report.recommend import recommend_texts
from scalebench.report.simulation import check_table, simulation_tables
from scalebench.report.tables import Table, backend, scaling_tables

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
#: the runs of that page, of pools and of ranks; of interfaces whose workers are interpreters of their own; of 256 of those
MANY_RUNS = ("many-pools-intel-r-xeon-2cpu", "many-ranks-intel-r-xeon-2cpu")
CLUSTERS_RUN = "many-clusters-amd-epyc-2cpu"
JOBLIB_RUN = "many-joblib-intel-r-xeon-2cpu"
MOST_RUN = "many-most-intel-r-xeon-2cpu"
#: file -> the file that draws the chart in it, and the chart
PICTURES = {"speedup": ("scaling", "speedup-strong-1"), "losses": ("losses", "losses-1")}
#: width and height, in pixels, of what has text beside it; the height is that of its axes alone
BESIDE = {"speedup": (360, 170)}
#: the interfaces of that picture: more could not be told apart in it
IN_SHORT = ("serial", "processes", "threads", "joblib", "mpi", "mpi-pool")


def blocks(result: Result) -> dict[str, str]:
    """What stands in each block of the README."""
    tables = {table.title.partition(":")[0]: table for table in scaling_tables(result)}
    few = only(columns(tables["blas"], "wall ms", "speedup", "efficiency %"), workers="2")
    return {
        "speedup picture": floating("speedup", pictures()["speedup"], BESIDE["speedup"][0]),
        "blas": table_to_markdown(bare(few)).partition("\n\n")[2],  # the sentence below says what it is of
        "finding": finding(result),
    }


@functools.cache
def pictures() -> dict[str, Chart]:
    """The chart of each file that is of the README's run."""
    result = reference()
    of = {"speedup": part(result, backend=IN_SHORT)}
    return {name: drawn(of.get(name, result), *chart) for name, chart in PICTURES.items()}


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


def blocks_of_cluster(result: Result) -> dict[str, str]:
    """What stands in each block of the page about clusters."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    accounts = {table.title.partition(":")[0]: table_to_markdown(verdicts(table)) for table in account_tables(result)}
    return {**tables, "strong verdicts": accounts["strong"]}


def blocks_of_my_function(result: Result) -> dict[str, str]:
    """What stands in each block of the page about a function of one's own."""
    (table,), (account,) = scaling_tables(result), account_tables(result)
    ((sentences, _),) = recommend_texts(result)
    return {
        "mine mood": mood(result, "../"),
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
    runs = list(map(reference, MANY_RUNS))
    rounds, tasks = (pd.concat([getattr(one, name) for one in runs], ignore_index=True) for name in ("rounds", "tasks"))
    return rounds, tasks


def blocks_of_many(rounds: pd.DataFrame, tasks: pd.DataFrame) -> dict[str, str]:
    """What stands in each block of the page about many workers."""
    found = figures(rounds, tasks)
    sleeping = rounds["kind"] == "sleep"
    restless = rounds["backend"].isin(list(RESTLESS))
    of_mpi = [held_out(rounds[restless], tasks, up_to=up_to, at=at, cpus=at) for up_to, at in CHECKS]
    waiting = simulate(rounds, tasks, FAR, of=set(rounds.loc[sleeping, "case_id"]))
    return {
        "rate": table_to_markdown(over_counts(found[found["kind"] == "crunch"], "rate", "tasks per second", number)),
        "round": table_to_markdown(over_counts(found[found["kind"] == "sleep"], "wall_s", "wall ms", milliseconds)),
        "start": table_to_markdown(over_counts(found, "startup_s", "start-up s", number)),
        "parts": "\n".join(map(table_to_markdown, parts(waiting))),
        "check": "\n".join(map(table_to_markdown, checks(rounds, tasks))),
        "mpi": "\n".join(table_to_markdown(check_table(one)) for one in of_mpi if not one.empty and one["ratio"].notna().any()),
        "far": table_to_markdown(far(waiting)),
    }


def blocks_of_clusters() -> dict[str, str]:
    """What stands in the blocks of that page about interfaces whose workers are interpreters of their own."""
    result = reference(CLUSTERS_RUN)
    rounds, tasks = result.rounds, result.tasks
    found = figures(rounds, tasks)
    of_kind = {kind: found[found["kind"] == kind] for kind in ("crunch", "sleep")}
    waiting = simulate(rounds, tasks, FAR, of=set(rounds.loc[rounds["kind"] == "sleep", "case_id"]))
    tables = {
        "rate": [over_counts(of_kind["crunch"], "rate", "tasks per second", number)],
        "round": [over_counts(of_kind["sleep"], "wall_s", "wall ms", milliseconds)],
        "start": [over_counts(found, "startup_s", "start-up s", number)],
        "broadcast": [over_counts(found, "broadcast_s", "broadcast ms", milliseconds)],
        "check": checks(rounds, tasks),
        "parts": parts(waiting),
    }
    return {f"clusters {name}": "\n".join(map(table_to_markdown, these)) for name, these in tables.items()}


def blocks_of_joblib() -> dict[str, str]:
    """The check of one of them alone, in more blocks."""
    result = reference(JOBLIB_RUN)
    return {"joblib check": "\n".join(map(table_to_markdown, checks(result.rounds, result.tasks)))}


def blocks_of_most() -> dict[str, str]:
    """The block of that page about 256 workers of the interfaces that take minutes to start them."""
    rounds = reference(MOST_RUN).rounds
    measured = rounds[~rounds["warmup"]].sort_values("backend")
    rows = [
        [
            backend(one),
            number(one["startup_s"]),
            number(one["wall_s"]),
            one["status"] if one["status"] == "ok" else f"{one['status']}: {one['message']}",
        ]
        for _, one in measured.iterrows()
    ]
    table = Table(title="256 workers", head=["backend", "start-up s", "wall s", "status"], rows=rows, sections={}, notes=[])
    return {"most": table_to_markdown(table)}


def checks(rounds: pd.DataFrame, tasks: pd.DataFrame) -> list[Table]:
    """What was predicted beside what was measured, at each pair of counts that there is."""
    found = (held_out(rounds, tasks, up_to=up_to, at=at) for up_to, at in CHECKS)
    return [check_table(one) for one in found if not one.empty]


def parts(waiting: Sequence[Simulation]) -> list[Table]:
    """What each interface was simulated from."""
    return [replace(simulation_tables(one)[1], title=backend(one.identity)) for one in waiting if one.reason is None]


def over_counts(found: pd.DataFrame, name: str, title: str, form: Callable[[float], str]) -> Table:
    """One row an interface, one column a worker count, with intervals over blocks."""
    found = found.assign(rate=found["chunks"] / found["wall_s"])
    found["interface"] = [backend(one) for _, one in found.iterrows()]
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


def milliseconds(seconds: float) -> str:
    """A form, as ``number`` is."""
    return number(seconds * 1e3)


def far(waiting: Sequence[Simulation]) -> Table:
    """Rounds and launches at counts that nobody here can start."""
    rows, sections = [], {}
    for one in waiting:
        sections[len(rows)] = backend(one.identity)
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


def pages() -> dict[Path, dict[str, str]]:
    """The pages, and what stands in the blocks of each."""
    return {
        README: blocks(reference()),
        SIXTEEN: blocks_of_sixteen(reference("intel-xeon-16cpu")),
        MANY: blocks_of_many(*many()) | blocks_of_clusters() | blocks_of_joblib() | blocks_of_most(),
        CLUSTER: blocks_of_cluster(reference("slurm-3-nodes-amd-epyc-2cpu")),
        TUTORIAL: blocks_of_tutorial(),
        MY_FUNCTION: blocks_of_my_function(reference("my-function-amd-epyc-2cpu")),
        TWO_MACHINES: blocks_of_two_machines(reference(), reference("quick-intel-xeon-16cpu")),
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, chart in {**pictures(), **tutorial_pictures()}.items():
        (IMAGES / f"{name}.svg").write_text(svg(chart, *BESIDE.get(name, ())), encoding="utf-8")
    for page, contents in pages().items():
        page.write_text(updated(page.read_text(encoding="utf-8"), contents), encoding="utf-8")
