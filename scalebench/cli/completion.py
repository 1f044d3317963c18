"""Print a script that completes commands, flags and their values with the TAB key.

scalebench completion bash >> ~/.bash_completion
scalebench completion zsh > ~/.zfunc/_scalebench           with fpath+=~/.zfunc before compinit in ~/.zshrc
scalebench completion fish > ~/.config/fish/completions/scalebench.fish

The script is a plain list: pressing TAB starts no Python. Write it again after an update of scalebench.
"""

import argparse
from collections.abc import Iterable

_SHELLS = ("bash", "zsh", "fish")
_LAWS = ("usl", "amdahl", "gustafson")  #: those of ``analysis.laws.registry``, which loads NumPy
#: what is a file or a folder, by how help names it
_FILES = ("RUN", "TABLE|RUN", "DIR", "FILE", "PATH", "STUDY.toml | module:function")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help="bash, zsh or fish")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli

    print(script(asked.shell))
    return cli.OK


def script(shell: str) -> str:
    """What a shell is to read."""
    import shtab

    from scalebench import cli
    from scalebench.findings import FINDINGS

    whole = cli.parser()
    commands = cli.command_parsers(whole)
    for one in commands.values():
        for action in one._actions:  # noqa: SLF001  # as shtab reads them
            if action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.choices is None and action.nargs != 0 and (values := _values(action.dest, one.prog)):
                action.choices = values
    for action in commands["help"]._actions:  # noqa: SLF001
        if action.dest == "about":
            action.choices = [*cli.COMMANDS, *(one.code for one in FINDINGS)]
    told: str = shtab.complete(whole, shell=shell)
    return told


def _values(name: str, command: str) -> list[str]:
    """The values that a flag has names for."""
    from scalebench.backends.registry import references
    from scalebench.cli import compare
    from scalebench.report import formats
    from scalebench.study import CHOICES
    from scalebench.study_file import PROFILES
    from scalebench.workloads.kinds import KINDS

    known: dict[str, Iterable[str]] = {
        **CHOICES, "profile": PROFILES, "kind": KINDS, "backend": [*references(), "all"], "location": compare.LOCATIONS, "law": _LAWS,
        "format": compare.FORMATS if command.endswith("compare") else formats.names(),
    }  # fmt: skip
    return list(known.get(name, ()))
