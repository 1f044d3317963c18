"""Say what scalebench does, what one of its commands does, or what a finding means.

scalebench help
scalebench help run                    the same as scalebench run --help
scalebench help SB104                  what was seen, what it means, what to do
"""

import argparse

from scalebench.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "about", nargs="?", metavar="COMMAND", help="which one, or the code of a finding (default: all of them in short)"
    )


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.cli.parser import refuse_unknown

    if asked.about is None:
        cli.parser().print_help()
        return cli.OK
    if asked.about.startswith("SB"):
        from scalebench.report.html.explained import page_of

        if (page := page_of(asked.about)) is None:
            raise UsageError(f"{asked.about}: no such finding.\nA report names those of its run: scalebench report")
        print(page)
        return cli.OK
    refuse_unknown(asked.about, cli.COMMANDS)
    cli.command_parsers(cli.parser())[asked.about].print_help()
    return cli.OK
