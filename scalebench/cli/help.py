"""Say what scalebench does, or what one of its commands does.

scalebench help
scalebench help run                    the same as scalebench run --help
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("about", nargs="?", metavar="COMMAND", help="which one (default: all of them in short)")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.cli.parser import refuse_unknown

    if asked.about is None:
        cli.parser().print_help()
        return cli.OK
    refuse_unknown(asked.about, cli.COMMANDS)
    cli.command_parsers(cli.parser())[asked.about].print_help()
    return cli.OK
