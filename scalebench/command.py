"""A program as a workload: the command that starts it, a template that each case fills, and what is read from its output.

A command is split into arguments as a shell would split it, once, before its placeholders are filled: a value never
becomes two arguments. No shell runs it unless ``shell`` says so; each value is then quoted for it. ``{{`` and ``}}`` are
braces.

Pure: whether there is such a program is for ``prepare`` to say.
"""

import re
import shlex
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from scalebench.errors import StudyError

#: what a command may name, and what fills it
PLACEHOLDERS = {
    "workers": "the axis workers",
    "blas_threads": "the axis blas_threads",
    "nodes": "the axis nodes",
    "size": "the axis size",
    "tasks": "tasks in all",
    "seed": "the study's seed",
    "variant": "the variant's name",
    "python": "the variant's interpreter, else this one",
}
PROGRAM = "program"  #: what a row has for a backend, where the workload is a program
#: keys of a study that say what its program is
KEYS = ("command", "shell", "figure_of_merit", "prepare", "ignore_failure")
_PLAIN = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)
_SHELL = ("/bin/sh", "-c")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_SHELL_SIGNS = re.compile(r"\|\|?|&&?|;|\d*>>?(&\d)?|<<?<?|&>")  # between words, what only a shell understands


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Arguments with placeholders; for a shell one text."""

    arguments: tuple[str, ...]
    shell: bool = False

    @property
    def text(self) -> str:
        """As it would be typed: equal for equal commands, however they were written."""
        if self.shell:
            return shlex.join([*_SHELL, *self.arguments])
        return " ".join(one if _PLAIN.fullmatch(one) else shlex.quote(one) for one in self.arguments)

    @property
    def placeholders(self) -> frozenset[str]:
        """Those that it names."""
        return frozenset(name for one in self.arguments for _, name, _, _ in string.Formatter().parse(one) if name is not None)

    def fill(self, values: Mapping[str, object]) -> list[str]:
        """The arguments of one case."""
        if self.shell:
            return [*_SHELL, self.arguments[0].format_map({name: shlex.quote(str(one)) for name, one in values.items()})]
        return [one.format_map(values) for one in self.arguments]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command that is measured, and what goes with it."""

    command: Command
    prepare: Command | None = None  #: run before each round, outside the clock
    figure_of_merit: str | None = None  #: a regular expression; its group is a number in the output
    ignore_failure: bool = False  #: a round counts whatever its exit status was

    @property
    def placeholders(self) -> frozenset[str]:
        """Those that it names, or what prepares it does."""
        return self.command.placeholders | (self.prepare.placeholders if self.prepare else frozenset())


def short_name(workload: str) -> str:
    """The program's own name, of a command's text: ``./build/app --n {size}`` is ``app``."""
    words = shlex.split(workload)
    if tuple(words[:2]) == _SHELL:
        words = words[2].split()
    return PurePath(words[1] if words[0] == "{python}" and len(words) > 1 else words[0]).name


def read_program(asked: Mapping[str, Any]) -> Program:
    """The program that the values of :data:`KEYS` are.

    Raises:
        StudyError: A template that can't be filled, or a figure of merit that can't be found.
    """
    for key in ("shell", "ignore_failure"):
        if not isinstance(asked[key], bool):
            raise StudyError(key, asked[key], "must be true or false", "Leave it out for false")
    prepare, figure = asked["prepare"], asked["figure_of_merit"]
    return Program(
        command=_read_command("command", asked["command"], shell=asked["shell"]),
        prepare=None if prepare is None else _read_command("prepare", prepare, shell=asked["shell"]),
        figure_of_merit=None if figure is None else _read_figure(figure),
        ignore_failure=asked["ignore_failure"],
    )


def _read_command(key: str, value: Any, *, shell: bool) -> Command:
    if isinstance(value, str):
        arguments = [value] if shell else _split(key, value)
    elif isinstance(value, Sequence) and all(isinstance(one, str) for one in value) and not isinstance(value, (bytes, bytearray)):
        if shell:
            raise StudyError(key, list(value), "a shell reads one text, not a list of arguments", "Give text, or leave shell out")
        arguments = list(value)
    else:
        raise StudyError(key, value, "neither text nor a list of texts", "For example command = './app --n {size}'")
    if not arguments or not arguments[0].strip():
        raise StudyError(key, value, "names no program", "For example --command './app --threads {workers}'")
    if any("\0" in one for one in arguments):
        raise StudyError(key, value, "holds a null character, which no argument can", "Leave it out")
    for one in arguments:
        _check_template(key, value, one)
    return Command(arguments=tuple(arguments), shell=shell)


def _split(key: str, text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise StudyError(key, text, f"can't be split into arguments: {error}", "Close the quotation, or give a list") from None
    for word in _QUOTED.sub("_", text).split():
        if _SHELL_SIGNS.fullmatch(word):
            way_out = f"Give --shell to have a shell run it, or quote it if the program is to get it: '{word}'"
            raise StudyError(key, text, f"{word} means something to a shell only", way_out)
    return words


def _check_template(key: str, value: Any, template: str) -> None:
    known = "There are: " + ", ".join(f"{{{name}}}" for name in PLACEHOLDERS) + "; {{ and }} are braces"
    try:
        fields = [
            (name, form, conversion) for _, name, form, conversion in string.Formatter().parse(template) if name is not None
        ]
    except ValueError as error:
        raise StudyError(key, value, f"braces that don't pair ({error})", known) from None
    for name, form, conversion in fields:
        if name not in PLACEHOLDERS:
            raise StudyError(key, value, f"{{{name}}} is no placeholder", known)
        if form or conversion:
            raise StudyError(key, value, f"{{{name}}} takes no format", f"Write {{{name}}} alone")


def _read_figure(value: Any) -> str:
    way_out = r"For example --figure-of-merit 'GFLOP/s: ([\d.]+)'"
    if not isinstance(value, str) or not value:
        raise StudyError("figure_of_merit", value, "must be a regular expression", way_out)
    try:
        pattern = re.compile(value, re.MULTILINE)
    except re.error as error:
        raise StudyError("figure_of_merit", value, f"not a regular expression: {error}", way_out) from None
    if pattern.groups != 1 and "figure_of_merit" not in pattern.groupindex:
        rule = f"has {pattern.groups} groups, so which is the figure can't be told"
        raise StudyError(
            "figure_of_merit", value, rule, f"Put one pair of brackets around the number, or name it (?P<figure_of_merit>...). {way_out}"
        )  # fmt: skip
    return value


def check_axes(program: Program, several: Mapping[str, Sequence[Any]], given: Iterable[str]) -> None:
    """Each axis with several values must reach the program.

    Args:
        program: As read.
        several: The values of the axes that a placeholder names.
        given: Placeholders that have a value.
    Raises:
        StudyError: It would measure the same thing under several names, or a placeholder has nothing to be filled with.
    """
    named = program.placeholders
    for axis, values in several.items():
        if axis not in named and (len(values) > 1 or (axis == "size" and values[0] is not None)):
            listed = ",".join(map(str, values))
            more = "; 'env OMP_NUM_THREADS={workers} ./app' sets a variable" if axis == "workers" else ""
            raise StudyError(
                axis, listed, f"the command doesn't say {{{axis}}}, so it would be the same command each time",
                f"Say {{{axis}}} in the command{more}, or " + ("leave size out" if axis == "size" else "give one value"),
            )  # fmt: skip
    for name in sorted(named - set(given)):
        ways = {"size": "Give --size", "variant": "Give --variant NAME, once for each"}
        raise StudyError("command", program.command.text, f"says {{{name}}}, and the study has none", ways[name])
