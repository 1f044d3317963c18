"""Fit the laws of scaling to a table of worker counts and times, or to each curve of a run.

scalebench fit times.csv                      columns workers (or p, cores, nodes) and wall_s, time or throughput
scalebench fit times.csv --scaling weak --json
scalebench fit latest --where backend=processes

Amdahl, Gustafson (weak scaling), the Universal Scalability Law, and Karp-Flatt for each point. A law needs four distinct
counts, the held-out prediction of the largest five, a preference six; what the data can't show is refused, with its reason.
"""

import argparse
from typing import TYPE_CHECKING

from scalebench.cli import curves

if TYPE_CHECKING:
    from scalebench.analysis.laws.fit import Fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    curves.add_arguments(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.analysis.laws.fit import fit
    from scalebench.report.laws import fit_as_data, law_tables
    from scalebench.results.shapes import analysis

    found, of_run = curves.read_curves(asked)
    fits = [(curve, fit(curve.table, curve.scaling)) for curve in found]
    if asked.json:
        data = [fit_as_data(curve, one) for curve, one in fits]
        print(analysis("fit", curves.place(asked), **({"curves": data} if of_run else data[0])))
        return cli.OK
    from scalebench.report.terminal import print_anywhere

    end = curves.place(asked), _next(asked, [one for _, one in fits], of_run=of_run)
    print_anywhere([table for curve, one in fits for table in law_tables(curve, one, asked.source)], end=end)
    return cli.OK


def _next(asked: argparse.Namespace, fits: "list[Fit]", *, of_run: bool) -> str:
    """A prediction at twice the largest count, where some law was fitted."""
    from scalebench.report.console import command

    fitted = [one for one in fits if one.used is not None]
    if fitted:
        chosen = [] if asked.scaling is None else ["--scaling", asked.scaling]
        chosen += [word for name in ("where", "column") for text in getattr(asked, name) for word in (f"--{name}", text)]
        most = max(int(one.points.workers[-1]) for one in fitted)
        return command("predict", curves.place(asked), *chosen, "--workers", 2 * most)
    return command("report", curves.place(asked)) if of_run else command("help", "fit")
