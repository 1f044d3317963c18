"""Predict the wall time at worker counts that were not measured, by the law that fits best or by simulation.

scalebench predict latest --workers 64,256
scalebench predict times.csv --workers 64..1024 --law amdahl
scalebench predict latest --workers 512,4096 --simulate

With a 95% interval for one new measurement, and how far beyond the data that is. Refused where no law could be fitted.
--simulate plays a round of a run from its measured parts: task times, what a task costs the manager, start-up; and tells how far off
it is at the largest count of the run, from half as many and fewer. What it assumes stands in docs/simulation.md; a run to simulate is
measured by 'scalebench run --profile dispatch'.
"""

import argparse

from scalebench.cli import curves
from scalebench.errors import ResultsError, StudyError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    curves.add_arguments(parser)
    parser.add_argument(
        "--workers", metavar="N", required=True, help="the counts to predict: 64,256 - 64..1024 - 2x,4x (x: the CPU budget here)"
    )
    parser.add_argument("--law", metavar="NAME", help="usl, amdahl or gustafson (default: the preferred one)")
    parser.add_argument("--simulate", action="store_true", help="play a round from the measured parts of a run, on --cpus CPUs")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.analysis.laws.fit import fit
    from scalebench.analysis.laws.predict import predict
    from scalebench.analysis.laws.registry import LAWS
    from scalebench.report.laws import prediction_as_data, prediction_table, title
    from scalebench.results.shapes import analysis

    workers = _counts(asked.workers)
    if asked.law is not None and asked.law not in LAWS:
        raise UsageError(f"--law {asked.law}: no such law.\nThere are: {', '.join(LAWS)}")
    if asked.simulate:
        return _simulate(asked, workers)
    found, of_run = curves.read_curves(asked)
    fits = [(curve, fit(curve.table, curve.scaling)) for curve in found]
    told = [prediction_as_data(curve, one, workers, asked.law) for curve, one in fits]
    refused: dict[str, list[str]] = {}
    for (curve, _), data in zip(fits, told, strict=True):
        if data["reason"]:
            refused.setdefault(data["reason"], []).append(title(curve, asked.source))
    notes = [f"{', '.join(titles)}: {reason}." for reason, titles in refused.items()]
    if asked.json:  # also where nothing could be predicted: it has the reasons
        print(analysis("predict", curves.place(asked), **({"curves": told} if of_run else told[0])))
    if not any(data["predictions"] for data in told):
        hints = dict.fromkeys(note for curve, _ in fits for note in curve.notes)
        raise ResultsError("\n".join([*notes, *hints, "Measure more worker counts, or more blocks or repeats"]))
    if asked.json:
        return cli.OK
    from scalebench.report.console import command
    from scalebench.report.terminal import print_anywhere

    good = [fitted for fitted, data in zip(fits, told, strict=True) if not data["reason"]]
    where = curves.place(asked)
    end = where, command("report" if of_run else "fit", where)
    tables = [prediction_table(curve, one, predict(one, workers, asked.law), asked.source) for curve, one in good]
    print_anywhere(tables, notes, end=end)
    return cli.OK


def _simulate(asked: argparse.Namespace, workers: list[int]) -> int:
    from scalebench import cli
    from scalebench.analysis.simulation.holdout import at_the_largest
    from scalebench.analysis.simulation.predict import simulate
    from scalebench.report.simulation import refusals, simulation_as_data, simulation_tables
    from scalebench.results.shapes import analysis

    for flag in ("law", "column", "oversubscribed"):
        if getattr(asked, flag):
            raise UsageError(f"--{flag} and --simulate: that is of a law, and nothing is fitted here.\nLeave one of them out")
    result, rounds = curves.read_run(asked)
    if asked.scaling is not None:
        rounds = rounds[rounds["scaling"] == asked.scaling]
    found = simulate(result.rounds, result.tasks, workers, cpus=asked.cpus, of=set(rounds["case_id"]))
    refused = refusals(found)
    if not found:
        kind = "" if asked.scaling is None else f"{asked.scaling} scaling of a "
        raise ResultsError(f"{result.path} has no {kind}backend that ran well with two worker counts.\n"
                           "Leave --scaling out, or measure what can be simulated: scalebench run --profile dispatch")  # fmt: skip
    checks = at_the_largest(result.rounds, result.tasks, found, cpus=asked.cpus)
    where = curves.place(asked)
    if asked.json:
        told = [simulation_as_data(one, check) for one, check in zip(found, checks, strict=True)]
        print(analysis("simulation", where, simulations=told))
    if all(one.reason is not None for one in found):
        raise ResultsError("\n".join(refused))
    if asked.json:
        return cli.OK
    from scalebench.report.console import command
    from scalebench.report.terminal import print_anywhere

    tables = [
        table for one, check in zip(found, checks, strict=True) if one.reason is None for table in simulation_tables(one, check)
    ]
    print_anywhere(tables, refused, end=(where, command("report", where)))
    return cli.OK


def _counts(text: str) -> list[int]:
    """As of ``scalebench run``, but for more workers than anybody starts."""
    from scalebench.axes import parse_workers
    from scalebench.results.any_table import MOST_COUNT

    try:
        return parse_workers(text, most=MOST_COUNT)
    except StudyError as error:
        raise UsageError(f"--workers {text}: {error.rule}.\nExamples: --workers 64,256 or --workers 64..1024") from None
