"""Write a run to one file: JSON with all rows, which every reader of scalebench takes, or the rounds as CSV.

scalebench export latest -o run.json
scalebench export results/20260131T120000-1f3a95c0e -o rounds.csv
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scalebench.cli.parser import add_limit
from scalebench.errors import ResultsError, UsageError, count

if TYPE_CHECKING:
    from scalebench.results.result import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's folder or id, or latest")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="a name that ends in .json or .csv")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.report.files import check
    from scalebench.results.exchange import write_csv, write_json
    from scalebench.results.load import load

    path = Path(asked.output)
    write = {".json": write_json, ".csv": write_csv}.get(path.suffix)
    if write is None:
        raise UsageError(f"--output {asked.output}: the name must end in .json or .csv")
    check(path, force=asked.force, folder=False)
    result = load(asked.run)
    try:
        write(result, path)
    except OSError as error:
        raise ResultsError(f"{path} can't be written: {error.strerror or error}") from None
    tasks = "" if path.suffix == ".csv" else f", {count(len(result.tasks), 'task')}"
    print(f"{path}: {count(len(result.rounds), 'round')}{tasks}")
    print(f"Results: {path}   Next: {_next(result, path)}")
    return cli.OK


def _next(result: "Result", path: Path) -> str:
    from scalebench.report.console import command

    if any("tool" in about for about in result.runs):
        return command("help", "compare")
    return command("report", path if path.suffix == ".json" else result.path)
