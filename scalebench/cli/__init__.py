"""The command line: one file a command, each with ``add_arguments`` and ``main``: parse, call, print.

Help is printed without loading a heavy library: commands import what they use when they run.

Exit statuses: 0 fine; 1 a gate failed; 2 wrong use; 3 some cases failed, crashed, timed out or differ; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from scalebench.errors import ScalebenchError

OK, GATE_FAILED, WRONG_USE, CASES_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

#: one module each
COMMANDS = {
    "run": "measure a study, the default one, or a function",
    "report": "show a run: as a page, text, data or pictures",
    "recommend": "what to use: how many workers of which interface",
    "granularity": "how short a task may be",
    "compare": "compare runs, or files of pytest-benchmark or pyperf, case by case",
    "fit": "fit the laws of scaling to a table or a run",
    "predict": "predict the wall time at other worker counts",
    "list": "list the runs",
    "export": "write a run to one file",
    "backends": "what works here, and how to get the rest",
    "machine": "the machine's fingerprint",
}


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="scalebench",
        description="How does this code scale, where does it stop, and why?",
        epilog="Start with: scalebench run --profile quick",
    )
    from scalebench import __version__

    whole.add_argument("--version", action="version", version=f"scalebench {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        module = import_module(f"scalebench.cli.{name}")
        one = commands.add_parser(
            name, help=help_text, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(one)
        one.set_defaults(main=module.main)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. An error is one message on the error stream, never a traceback."""
    try:
        asked = parser().parse_args(arguments)
        return int(asked.main(asked))
    except ScalebenchError as error:
        print(f"scalebench: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("scalebench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our output has gone, as in 'scalebench report | head'
        sys.stderr.close()
        return OK
