"""Say how short a task may be: METG(50%) of each interface and chunk size, from the suites that sweep sizes.

scalebench granularity                                of the latest run
scalebench granularity results/20260131T120000-1f3a95c0e
scalebench granularity run.json --json
"""

import argparse

from scalebench.cli.parser import add_limit, add_run
from scalebench.errors import ResultsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--json", action="store_true", help="print METG and the curves as JSON")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.analysis.granularity import LEAST_SIZES, curves, granularity, sweeps
    from scalebench.results.load import load
    from scalebench.results.shapes import analysis

    result = load(asked.run)
    if not sweeps(result.rounds):
        raise ResultsError(
            f"{result.path} has no suite that sweeps sizes: METG takes {LEAST_SIZES} sizes of one kind.\n"
            "Measure one: scalebench run --profile granularity"
        )
    found = granularity(result.rounds)
    if found.empty:
        raise ResultsError(
            f"{result.path}: no serial case of the sweep ran well, and METG is against the best serial rate.\n"
            "Measure the sweep with its baselines: scalebench run --profile granularity"
        )
    if asked.json:
        print(analysis("granularity", result.path, granularity=found, curves=curves(result.rounds)))
    else:
        from scalebench.report.console import command
        from scalebench.report.granularity import granularity_tables
        from scalebench.report.terminal import print_advice

        end = result.path, command("report", result.path)
        print_advice([([], table) for table in granularity_tables(result)], end=end)
    return cli.OK
