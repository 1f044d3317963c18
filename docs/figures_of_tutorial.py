"""The figures and pictures of docs/tutorial.md, from the reference runs."""

import functools
from dataclasses import replace
from typing import Any

import altair as alt
from figures_of_runs import bare, columns, doubts, drawn, finding, in_words, mood, only, part, picture, reference, verdicts

from scalebench import Result
from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.analysis.scaling import scaling
from scalebench.errors import count
from scalebench.report.charts.base import DATA, Chart
from scalebench.report.charts.draw import figure, finished, inline, layered
from scalebench.report.charts.theme import COLOURS, INK
from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.laws import law_tables
from scalebench.report.markdown import table_to_markdown
from scalebench.report.numbers import ratio
from scalebench.report.tables import Row, Table, interval, scaling_tables

#: file -> reference run, the file and name of the chart of what is kept of it, and what that is
_PICTURES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "serial": ("amd-epyc-2cpu", "timeline", "timeline-1", {"suite": ["strong"], "backend": ["serial"]}),
    "pool": ("amd-epyc-2cpu", "scaling", "speedup-strong-1", {"suite": ["strong"], "backend": ["serial", "processes"]}),
    "account": ("amd-epyc-2cpu", "losses", "losses-1", {"suite": ["strong"], "backend": ["serial", "processes", "threads"]}),
    "too-many": ("amd-epyc-2cpu", "scaling", "speedup-strong-1", {"suite": ["oversubscription"]}),
    "blas": ("amd-epyc-2cpu", "threads", "threads-1", {"suite": ["blas"]}),
    "gil": ("amd-epyc-2cpu", "scaling", "speedup-strong-1", {"suite": ["strong"], "backend": ["serial", "processes", "threads"]}),
    "waiting": ("tutorial-amd-epyc-2cpu", "scaling", "speedup-strong-1", {"suite": ["waiting"]}),
    "start": ("amd-epyc-2cpu", "startup", "startup-1", {"suite": ["strong"]}),
    "start-mpi": ("amd-epyc-2cpu", "startup", "startup-2", {"suite": ["strong"]}),
    "starts": ("starts-amd-epyc-2cpu", "startup", "startup-1", {"backend": ["serial", "processes"]}),
    "granularity": ("tutorial-amd-epyc-2cpu", "granularity", "granularity-2", {"suite": ["granularity"]}),
    "weak": ("amd-epyc-2cpu", "weak", "efficiency-weak-1", {"suite": ["weak"]}),
    "laws": (
        "intel-xeon-16cpu",
        "scaling",
        "speedup-strong-1",
        {"suite": ["strong"], "backend": ["serial", "processes", "multiprocess"]},
    ),
}
#: the case whose interval is shown for fewer and more blocks
_SURE = {"suite": ["strong"], "backend": ["serial", "processes"], "workers": [1, 2]}


@functools.cache
def tutorial_pictures() -> dict[str, Chart]:
    """The chart of each file of the tutorial."""
    found = {name: drawn(part(reference(run), **kept), file, chart) for name, (run, file, chart, kept) in _PICTURES.items()}
    # in the report a case is picked from many
    told = (
        found["serial"]
        .alternative.replace("for one of 1 case, picked by name. It opens with", "of")
        .removesuffix(" The table has every case.")
    )
    return {
        **found,
        "serial": replace(found["serial"], alternative=told),
        "interfaces": drawn(with_two_workers(reference()), "losses", "losses-1"),
        "sure": sure(reference()),
    }


def with_two_workers(result: Result) -> Result:
    """Strong scaling, of that count and of serial alone."""
    rounds = part(result, suite=["strong"]).rounds
    return replace(result, rounds=rounds[(rounds["workers"] == 2) | (rounds["backend"] == "serial")])


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
    of_pools = part(two, suite=["strong"], backend=["serial", "processes", "threads"])
    shown = {
        "serial": [only(tables["strong"], "serial")],
        "pool": [bare(only(tables["strong"], "serial", "processes fork"))],
        "account": [replace(only(accounts["strong"], "processes fork", "threads"), notes=[])],
        "verdicts": [verdicts(account_tables(of_pools)[0])],
        "too many": [bare(tables["oversubscription"])],
        "blas": [bare(tables["blas"])],
        "gil": [bare(only(tables["strong"], "serial", "threads"))],
        "waiting": [bare(waiting)],
        "interfaces": [bare(only(columns(tables["strong"], "wall ms", "speedup", "efficiency %"), workers="2"))],
        "starts": [started()],
        "granularity": granularity_tables(more),
        "weak": [bare(tables["weak"])],
        "trap": [bare(tables["spin"])],
        "law": laws["processes"][:1],
        "law refused": law_tables(refused, fit(refused.table, refused.scaling), "")[:1],
        "sure": [sure(two).table],
    }
    return {
        **{name: "\n".join(map(table_to_markdown, these)) for name, these in shown.items()},
        **{f"{name} picture": picture(name, chart, "images") for name, chart in tutorial_pictures().items()},
        "finding": finding(two),
        **{f"recommend {name}": in_words(two, name) for name in ("crunch", "blas")},
        "recommend waiting": in_words(more, "sleep"),
        "mood": mood(two),
        "mood granularity": mood(more),
        "doubts": doubts(two),
    }


def started() -> Table:
    """Start methods, modes and distributions beside each other: what starting them takes, and how even their shares are."""
    (table,) = account_tables(reference("starts-amd-epyc-2cpu"))
    shown = columns(only(table, workers="2"), "efficiency", "load balance", "dispatch efficiency", "start ms", "pays after")
    return replace(shown, title=shown.title.partition(": ")[2], notes=[])


def sure(result: Result) -> Chart:
    """What is known of one speedup after three blocks, four, and so on: a ring a block, tick and line as in the tables."""
    chosen = part(result, **_SURE)
    blocks = sorted(chosen.rounds["block"].unique())
    means = [(upto, _speedup(chosen, blocks[:upto])) for upto in range(3, len(blocks) + 1)]
    labels = [f"{upto} blocks" for upto, _ in means]
    of_block = [_speedup(chosen, [block]) for block in blocks]
    points = [
        {"after": f"{upto} blocks", "block": int(block), "speedup": figure(one["speedup"])}
        for upto, _ in means
        for block, one in zip(blocks[:upto], of_block, strict=False)
    ]
    middles = [
        {"after": f"{upto} blocks", "speedup": figure(one["speedup"]), "low": figure(one["speedup_low"]), "high": figure(one["speedup_high"])}
        for upto, one in means
    ]  # fmt: skip
    rows = [[str(upto), interval(one, "speedup", 1.0, ratio)] for upto, one in means]
    title = "How sure is the speedup of 2 workers of processes?"
    x = alt.X("speedup:Q", title="speedup over serial", scale=alt.Scale(zero=False))
    y = alt.Y("after:N", title=None, scale=alt.Scale(domain=labels))
    spread = alt.Chart(inline(middles)).encode(y=y)
    layers = layered((
        spread.mark_rule(color=INK, strokeWidth=1.2, opacity=0.7).encode(x=alt.X("low:Q", scale=alt.Scale(zero=False)), x2="high:Q"),
        spread.mark_tick(color=INK, thickness=2.5, height=15).encode(x=x),
        alt.Chart(inline(points)).mark_point(filled=False, color=COLOURS[0], size=36, strokeWidth=1.5, opacity=0.9)
        .encode(x=x, y=y).properties(name=DATA),
    ))  # fmt: skip
    told = " ".join(f"{count(upto, 'block')}: {interval(one, 'speedup', 1.0, ratio)}." for upto, one in means)
    return finished(
        layers, name="sure", section="scaling", title=title, notes=["A ring a block; tick and line: geometric mean, 95% interval over blocks."],
        alternative=f"The speedup of 2 workers of processes over serial, with its 95% interval, after more and more blocks. {told}",
        table=Table(title=title, head=["blocks", "speedup"], rows=rows, sections={}, notes=[]), marks=len(points), height={"step": 30},
    )  # fmt: skip


def _speedup(result: Result, blocks: list[int]) -> Row:
    """Of two workers, from these blocks alone."""
    table = scaling(part(result, block=blocks).rounds)
    (row,) = table[(table["backend"] == "processes") & (table["workers"] == 2)].to_dict("records")
    found: Row = row
    return found
