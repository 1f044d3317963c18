"""Print the machine's fingerprint: what results depend on. It holds no host name.

scalebench machine
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.cli.parser import wrapped
    from scalebench.machine import fingerprint
    from scalebench.results.shapes import analysis

    facts = fingerprint()
    if asked.json:
        print(analysis("machine", machine=facts))
        return cli.OK
    for name, value in facts.items():
        shown = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        print(wrapped("-" if shown is None else str(shown), 25, name))
    return cli.OK
