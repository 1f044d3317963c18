"""Say what to use: the cheapest case that is shown to be within 10% of the fastest, and what stands behind that.

scalebench recommend                                  from the latest run
scalebench recommend results/20260131T120000-1f3a95c0e
scalebench recommend run.json --json
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scalebench.cli.parser import add_limit, add_run
from scalebench.errors import ResultsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.report.console import command
    from scalebench.report.recommend import recommend_texts, recommendations
    from scalebench.report.terminal import print_advice
    from scalebench.results.load import load
    from scalebench.results.shapes import analysis

    result = load(asked.run)
    found: Sequence[Any] = recommendations(result) if asked.json else recommend_texts(result)
    if not found:
        raise ResultsError(
            f"{result.path} has nothing to choose between: only sweeps of sizes, or no rounds at all.\n"
            "See 'scalebench granularity', or measure cases: scalebench run --profile quick"
        )
    if asked.json:
        print(analysis("recommend", result.path, recommendations=[asdict(one) for one in found]))
    else:
        end = result.path, command("export", result.path, "-o", "run.json")
        print_advice(found, end=end)
    return cli.OK
