"""The command line: one file a command, each with ``add_arguments`` and ``main``: parse, call, print.

Help is printed without loading a heavy library: commands import what they use when they run.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from scalebench.cli.parser import Formatter, Parser, refuse_left_over, refuse_unknown
from scalebench.errors import LauncherError, NotStoredError, ScalebenchError, printable
from scalebench.interruption import interruption_of, say

OK, GATE_FAILED, WRONG_USE, CASES_FAILED, CUT_SHORT, INTERRUPTED = 0, 1, 2, 3, 4, 130
#: what the exit statuses mean
EXIT_STATUSES = {
    OK: "fine",
    GATE_FAILED: "a gate failed: `scalebench compare --fail-on`",
    WRONG_USE: "wrong use, or a file that can't be read; nothing was measured",
    CASES_FAILED: "some cases failed, crashed, timed out or gave other answers; of `scalebench doctor`: nothing can be measured here",
    CUT_SHORT: "the run can't go on: its results can't be stored any more, or hosts can't be started; what was measured before is kept",
    INTERRUPTED: "interrupted; of `scalebench run`: what was measured is kept",
}

#: one module each
COMMANDS = {
    "run": "measure a study, the default one, or a function",
    "init": "write a commented study of a function",
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
    "doctor": "what stands in the way of a good measurement here",
    "completion": "completion of commands and flags for your shell",
    "help": "this text, or that of one command",
}

_SUMMARY = """\
How does this code scale, where does it stop, and why?

scalebench doctor                        can this machine be measured on?
scalebench run --profile quick           measure, in a few minutes
scalebench run mypackage.module:simulate --items 'range(200)'       your own function
scalebench recommend                     what to use, from the latest run
scalebench help run                      all that a command can do
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    from scalebench import __version__

    whole = Parser(prog="scalebench", description=_SUMMARY, formatter_class=Formatter)
    whole.add_argument("--version", action="version", version=f"scalebench {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", title="commands", parser_class=Parser)
    for name, help_text in COMMANDS.items():
        module = import_module(f"scalebench.cli.{name}")
        one = commands.add_parser(name, help=help_text, description=module.__doc__, formatter_class=Formatter)
        module.add_arguments(one)
        one.set_defaults(main=module.main, parser=one)
    return whole


def command_parsers(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by its name."""
    (commands,) = (one.choices for one in whole._actions if isinstance(one.choices, dict))  # noqa: SLF001  # as shtab reads them
    return commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. An error is one message on the error stream, never a traceback."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]  # once it is loaded, 'list' is the command here
    try:
        if given and not given[0].startswith("-"):
            refuse_unknown(given[0], COMMANDS)
        whole = parser()
        asked, left = whole.parse_known_args(given)
        refuse_left_over(left, getattr(asked, "parser", whole))
        if "main" not in asked:
            whole.print_help()
            return OK
        return _run(asked)
    except ScalebenchError as error:
        say(f"scalebench: {printable(str(error))}")
        return CUT_SHORT if isinstance(error, NotStoredError | LauncherError) else WRONG_USE
    except (KeyboardInterrupt, ImportError) as error:
        if (ended := interruption_of(error)) is None:
            raise
        if told := getattr(ended, "__notes__", ["interrupted"])[-1]:
            say(f"scalebench: {told}")
        return int(getattr(ended, "status", INTERRUPTED))  # another one of SIGTERM and SIGHUP
    except BrokenPipeError:
        # the reader of our output has gone, as in 'scalebench report | head'
        sys.stderr.close()
        return OK


def _run(asked: argparse.Namespace) -> int:
    if getattr(asked, "limit", None) is None:
        return int(asked.main(asked))
    from scalebench.results.limits import raised

    with raised(asked.limit):
        return int(asked.main(asked))
