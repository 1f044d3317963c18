"""Compare runs case by case, the first with each other one; or the variants of one run, block by block.

scalebench compare results/20260131T120000-1f3a95c0e results/20260201T090000-22ab01d7f
scalebench compare before/ after/                 folders of runs: from three a side on, drift is excluded
scalebench compare before.json after.json         files of pytest-benchmark or pyperf (.json, .json.gz)
scalebench compare RUN                            the variants of one run
scalebench compare A B --fail-on slower:5%        a gate

Exit statuses: 0 fine; 1 --fail-on found a change that is significant and, as measured, beyond its limit; 2 wrong use, or it
found one and drift is not excluded; 3 with --fail-on, a case failed that ran well before.
"""

import argparse
import math
import sys
from typing import TYPE_CHECKING

from scalebench.cli.parser import add_limit
from scalebench.errors import NoneRanWellError, UsageError, count, printable
from scalebench.interruption import say, whoever_reads

if TYPE_CHECKING:
    import pandas as pd

    from scalebench.analysis.comparison import Comparison

FORMATS = ("terminal", "markdown", "json")
LOCATIONS = ("median", "low-quantile", "minimum")  #: those of ``analysis.statistics``, which loads pandas
_DIRECTIONS = ("slower", "faster")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run's folder or id, latest, a folder of runs, parquet or JSON; the first is the baseline",
    )
    parser.add_argument("--baseline", metavar="NAME", help="another one as given, or a variant, to compare with")
    parser.add_argument("--margin", metavar="SHARE", default="2%", help="a change that makes no difference (default: 2%%)")
    parser.add_argument("--location", metavar="NAME", help="the round that stands for a launch: median, low-quantile or minimum")
    parser.add_argument("--fail-on", metavar="CHANGE", action="append", default=[],
                        help="slower:5%% or faster:5%%: exit with 1 on a change that is significant and, as measured, beyond that")  # fmt: skip
    parser.add_argument(
        "--accept-drift", action="store_true", help="let --fail-on judge runs that were not interleaved, fewer than three a side"
    )
    parser.add_argument("--format", metavar="NAME", default="terminal", help="terminal, markdown or json")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli

    if asked.format not in FORMATS:
        raise UsageError(f"--format {asked.format}: no such format.\nThere are: {', '.join(FORMATS)}")
    if asked.location is not None and asked.location not in LOCATIONS:
        raise UsageError(f"--location {asked.location}: no such statistic.\nThere are: {', '.join(LOCATIONS)}")
    margin = share(asked.margin, f"--margin {asked.margin}")
    gates = [gate(text) for text in asked.fail_on]
    try:
        told = _compare(asked, margin)
    except NoneRanWellError as error:
        if not gates:
            raise
        _say(str(error))
        return cli.CASES_FAILED
    with whoever_reads(sys.stdout):  # a gate is one although its reader goes
        _print(told, asked)
    return judge(told, gates, accept_drift=asked.accept_drift)


def _compare(asked: argparse.Namespace, margin: float) -> "Comparison":
    from scalebench.analysis.comparison import comparison
    from scalebench.analysis.statistics import LOCATION
    from scalebench.results.load import load

    results = [(name, load(name)) for name in asked.runs]
    return comparison(results, baseline=asked.baseline, margin=margin, location=asked.location or LOCATION)


def _print(told: "Comparison", asked: argparse.Namespace) -> None:
    if asked.format == "json":
        print(as_json(told, asked.runs))
        return
    from scalebench.report.compare import comparison_tables

    if asked.format == "markdown":
        from scalebench.report.markdown import table_to_markdown

        print("\n".join(map(table_to_markdown, comparison_tables(told))))
    else:
        from scalebench.report.terminal import print_anywhere

        print_anywhere(comparison_tables(told), end=(", ".join(asked.runs), _next(told, asked.runs)))


def _next(told: "Comparison", names: list[str]) -> str:
    """The report of what was compared; of files that hold no scaling, their rows."""
    from scalebench.report.console import command

    last = names[-1]
    if any("tool" in about for about in told.runs[-1]):
        return command("export", last, "-o", "rounds.csv")
    return command("report", *([] if last == "latest" else [last]))


def share(text: str, typed: str) -> float:
    """``5%`` or ``0.05``; ``typed``: the flag that it is of, as it was given."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise UsageError(f"{typed}: a share of the time, above 0 and below 100%.\nFor example: 5% or 0.05")
    return value


def gate(text: str) -> tuple[str, float]:
    """``slower:5%``: the direction, and the share."""
    direction, _, limit = text.partition(":")
    if direction not in _DIRECTIONS:
        raise UsageError(f"--fail-on {text}: {direction!r} is no direction.\nFor example: slower:5%, or faster:5%")
    return direction, share(limit, f"--fail-on {text}")


def judge(told: "Comparison", gates: list[tuple[str, float]], *, accept_drift: bool) -> int:
    """The exit status; why it is not 0 goes to the error stream."""
    from scalebench import cli
    from scalebench.analysis.compare import CANT_TELL, DIFFERS, beyond

    status = cli.OK
    for direction, change in gates:
        found = told.found[beyond(told.found, direction, change)]
        drifting = found["verdict"] == DIFFERS
        certain = found if accept_drift else found[~drifting]
        if len(certain):
            _say(f"{_cases(certain)} significantly {direction}, as measured by more than {change * 100:g}%: {_names(certain)}")
            status = cli.GATE_FAILED
        elif len(found):
            _say(f"{_cases(found)} significantly {direction}, as measured by more than {change * 100:g}%, drift not excluded: {_names(found)}.\n"
                  "Measure three runs a side, or both as variants of one run; or judge them as they are: --accept-drift")  # fmt: skip
            status = status or cli.WRONG_USE
        blind = int((~(told.found["detectable"] <= 1 + change) & told.found["verdict"].eq(CANT_TELL)).sum())
        if blind:
            _say(f"{blind} of {count(len(told.found), 'case')} would not have shown a change of {change * 100:g}%: more --blocks")
    if gates and len(told.failed) and status == cli.OK:
        _say(f"{count(len(told.failed), 'case')} failed that ran well in the baseline: {', '.join(told.failed['label'][:3])}")
        status = cli.CASES_FAILED
    return status


def _say(text: str) -> None:
    """On the error stream; names of cases are a file's."""
    say(f"scalebench: {printable(text)}")


def _names(found: "pd.DataFrame") -> str:
    from scalebench.analysis.compare import label

    worst = found.loc[found["ratio"].map(lambda ratio: abs(math.log(ratio))).nlargest(3).index]
    names = [f"{label(one)} ({one['ratio']:.3f}{_interval(one)})" for _, one in worst.iterrows()]
    return ", ".join(names) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _cases(found: "pd.DataFrame") -> str:
    return f"{len(found)} case{'s are' if len(found) > 1 else ' is'}"


def _interval(one: "pd.Series") -> str:
    return f" [{one['ratio_low']:.3f},{one['ratio_high']:.3f}]" if math.isfinite(one["ratio_low"]) else ""


def as_json(told: "Comparison", paths: list[str]) -> str:
    """The comparison as rows; absent figures are null."""
    from scalebench.results.shapes import analysis

    sides = [
        {"name": side.name, "runs": [{key: value for key, value in about.items() if key != "summaries"} for about in runs]}
        for side, runs in zip(told.sides, told.runs, strict=True)
    ]
    return analysis(
        "compare",
        paths,
        sides=sides,
        interleaved=told.paired,
        margin=told.margin,
        location=told.location,
        differences=[{"field": one.field, "values": list(one.values)} for one in told.differences],
        comparisons=told.found,
        shape=told.shape,
        failed=told.failed,
        only_in=[{"side": side, "cases": names} for side, names in told.only_in if names],
    )
