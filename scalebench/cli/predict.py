"""Predict the wall time at worker counts that were not measured, by the law that fits best.

scalebench predict latest --workers 64,256
scalebench predict times.csv --workers 64 --law amdahl

With a 95% interval for one new measurement, and how far beyond the data that is. Refused where no law could be fitted.
"""

import argparse

from scalebench.cli import curves
from scalebench.errors import ResultsError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    curves.add_arguments(parser)
    parser.add_argument("--workers", metavar="N,N", required=True, help="the counts to predict, as 64,256")
    parser.add_argument("--law", metavar="NAME", help="usl, amdahl or gustafson (default: the preferred one)")


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
    found, of_run = curves.read_curves(asked)
    fits = [(curve, fit(curve.table, curve.scaling)) for curve in found]
    told = [prediction_as_data(curve, one, workers, asked.law) for curve, one in fits]
    refused: dict[str, list[str]] = {}
    for (curve, _), data in zip(fits, told, strict=True):
        if data["reason"]:
            refused.setdefault(data["reason"], []).append(title(curve, asked.source))
    notes = [f"{', '.join(titles)}: {reason}." for reason, titles in refused.items()]
    if not any(data["predictions"] for data in told):
        hints = dict.fromkeys(note for curve, _ in fits for note in curve.notes)
        raise ResultsError("\n".join([*notes, *hints, "Measure more worker counts, or more blocks or repeats"]))
    if asked.json:
        print(analysis("predict", curves.place(asked), **({"curves": told} if of_run else told[0])))
        return cli.OK
    from scalebench.report.console import command
    from scalebench.report.terminal import print_anywhere

    good = [fitted for fitted, data in zip(fits, told, strict=True) if not data["reason"]]
    where = curves.place(asked)
    end = where, command("report" if of_run else "fit", where)
    tables = [prediction_table(curve, one, predict(one, workers, asked.law), asked.source) for curve, one in good]
    print_anywhere(tables, notes, end=end)
    return cli.OK


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1 <= count <= 2**53 for count in counts):
        raise UsageError(f"--workers {text}: whole numbers of 1 or more, with commas between.\nExample: --workers 64,256")
    return counts
