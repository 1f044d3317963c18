"""List the runs below a results folder, oldest first.

scalebench list
scalebench list results/reference
"""

import argparse

from scalebench.cli.parser import add_limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="?", metavar="DIR", default="results", help="where to look (default: results)")
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    add_limit(parser)


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.results.load import find_runs, read_about
    from scalebench.results.shapes import analysis

    runs = [(folder, read_about(folder)) for folder in find_runs(asked.results)]
    if asked.json:
        print(analysis("list", asked.results, runs=[{"path": folder, **about} for folder, about in runs]))
        return cli.OK
    if not runs:
        print(f"no runs in {asked.results}; measure one: scalebench run --profile quick")
        return cli.OK
    from scalebench.report.console import command, console, last_line, put

    terminal = console()
    for folder, about in runs:
        study, machine = about.get("study") or {}, about.get("machine") or {}
        actual = about.get("actual_s")
        took = f"{actual:.0f} s" if isinstance(actual, float) else "-"
        facts = study.get("name"), f"{about.get('cases')} cases", took, about.get("status"), machine.get("machine_id")
        put(terminal, "  ".join(map(str, (folder, *facts))), soft_wrap=True)
    last_line(terminal, asked.results, command("report", runs[-1][0]))
    return cli.OK
