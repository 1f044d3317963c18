"""Fit the laws of scaling to a table of worker counts and times, or to each curve of a run.

scalebench fit times.csv                      columns workers (or p, cores, nodes) and wall_s, time or throughput
scalebench fit times.csv --scaling weak --json
scalebench fit latest --where backend=processes

Amdahl, Gustafson (weak scaling), the Universal Scalability Law, and Karp-Flatt for each point. A law needs four distinct
counts, the held-out prediction of the largest five, a preference six; what the data can't show is refused, with its reason.
"""

import argparse

from scalebench.cli import curves


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
        print(analysis("fit", asked.source, **({"curves": data} if of_run else data[0])))
        return cli.OK
    from scalebench.report.terminal import print_anywhere

    print_anywhere([table for curve, one in fits for table in law_tables(curve, one, asked.source)])
    return cli.OK
