"""A variant: another start command for the host. What is asked, as text, TOML or Python; what became of it here.

::

    [variants.old]                  --variant old=path/to/python       an interpreter, or a virtual environment's folder
    python = "path/to/python"       --variant old=git:HEAD~1           a revision of the workload's git repository
                                    --variant old=env:KEY=VALUE,K2=V2  variables, added to the environment
    [variants.new]                  --variant new                      as it is: nothing is changed

A table may hold ``python``, ``env`` and ``revision`` together; a flag gives one of them. What stands before the first
``=`` of a flag is the name; what begins with ``git:`` or ``env:`` is that, and everything else is an interpreter
(``python:`` may stand before it). A comma in ``env:`` begins another variable only where a KEY= follows.

Not here: whether there is such an interpreter (``interpreters``) or revision (``prepare``).
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from scalebench import axes
from scalebench.errors import StudyError
from scalebench.results.kept import PATH

#: what the BLAS and OpenMP libraries that a worker may load take their thread counts from
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,31}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEXT = re.compile(rf",(?={_KEY.pattern}=)")
#: variables that a variant can't set, and what to use instead
_TAKEN = {
    **dict.fromkeys(THREAD_VARIABLES, "the axis blas_threads sets it: --blas-threads 1,2"),
    "SCALEBENCH_LAUNCH": "scalebench finds the processes of a launch by it: leave it out",
}
_WAYS = "Give NAME=path/to/python, NAME=git:REVISION, NAME=env:KEY=VALUE[,KEY=VALUE], or NAME alone for no change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is asked: each None or empty leaves that as it is."""

    python: str | None = None  #: path, name or virtual environment's folder of an interpreter
    env: Mapping[str, str] = field(default_factory=dict)  #: variables on top of the controller's environment
    revision: str | None = None  #: of the git repository that the workload is in

    def described(self) -> dict[str, Any]:
        """As a run keeps it: no path of this machine, the name of the file instead."""
        env = {key: PATH if "/" in value or "\\" in value else value for key, value in self.env.items()}
        return {"python": None if self.python is None else PurePath(self.python).name, "env": env, "revision": self.revision}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How hosts start: what a variant became on this machine."""

    python: str = sys.executable
    arguments: tuple[str, ...] = ()  #: of the interpreter
    environment: tuple[tuple[str, str], ...] = ()  #: on top of the controller's
    missing: Mapping[str, str] = field(default_factory=dict)  #: backend -> why it can't run there
    about: Mapping[str, Any] = field(default_factory=dict)  #: what ``run.json`` says of it


HERE = Start()  #: this interpreter, as it is


def read_variants(value: Any) -> dict[str, Variant]:
    """Variants by name: from a table of tables or texts, or from flags' texts ``NAME=WHAT``.

    Raises:
        StudyError: A bad name, a name given twice, or something that is no start command.
    """
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray)):
        pairs = [_split_flag(one) for one in value]
    else:
        raise StudyError("variants", value, "must be a table, one entry a variant", _WAYS)
    found: dict[str, Variant] = {}
    for name, one in pairs:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            rule = "a variant's name has letters, digits and _ . + - only, begins with a letter or digit, and is at most 32 long"
            raise StudyError("variants", name, rule, "For example --variant old=git:HEAD~1")
        if name in found:
            raise StudyError("variants", name, "two variants have this name", "Give each its own")
        found[name] = _read(name, one)
    return found


def _split_flag(text: Any) -> tuple[str, Any]:
    """``NAME=WHAT`` or ``NAME``."""
    if not isinstance(text, str):
        raise StudyError("variants", text, "neither a table nor NAME=WHAT", _WAYS)
    name, equals, what = text.partition("=")
    return name, what if equals else {}


def _read(name: str, value: Any) -> Variant:
    key = f"variants.{name}"
    if isinstance(value, Variant):
        return value
    if isinstance(value, str):
        value = _read_text(key, value)
    if not isinstance(value, Mapping):
        raise StudyError(key, value, "neither a table nor text", "Write [variants.NAME], then python, env or revision")
    for one in value:
        axes.parse_name(key, str(one), ("python", "env", "revision"), "key of a variant")
    for one in ("python", "revision"):
        text = value.get(one)
        if text is not None and (not isinstance(text, str) or not text.strip() or "\0" in text):
            raise StudyError(f"{key}.{one}", text, "must be text, and not empty", "Leave it out to leave it as it is")
    return Variant(python=value.get("python"), env=_read_env(key, value.get("env", {})), revision=value.get("revision"))


def _read_text(key: str, text: str) -> dict[str, Any]:
    kind, colon, rest = text.partition(":")
    if colon and kind == "git":
        return {"revision": rest}
    if colon and kind == "env":
        pairs = [part.partition("=") for part in _NEXT.split(rest)]
        if wrong := [name for name, equals, _ in pairs if not equals]:
            raise StudyError(key, text, f"{wrong[0]!r} has no value", "Write env:KEY=VALUE, with a comma before the next KEY=")
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise StudyError(key, text, "a variable is given twice", "Give each one value")
        return {"env": {name: value for name, _, value in pairs}}
    if colon and kind == "python":
        return {"python": rest}
    if not text:
        raise StudyError(key, text, "nothing stands after the =", _WAYS)
    return {"python": text}


def _read_env(key: str, env: Any) -> dict[str, str]:
    if not isinstance(env, Mapping):
        raise StudyError(f"{key}.env", env, "must be a table of variables", 'For example env = { OPENBLAS_CORETYPE = "Haswell" }')
    read: dict[str, str] = {}
    for name, value in env.items():
        if not isinstance(name, str) or not _KEY.fullmatch(name):
            rule = "not a variable's name: letters, digits and _, not beginning with a digit"
            raise StudyError(f"{key}.env", name, rule, "For example env:OPENBLAS_CORETYPE=Haswell")
        if name in _TAKEN:
            raise StudyError(f"{key}.env", name, "can't be set by a variant", _TAKEN[name][0].upper() + _TAKEN[name][1:])
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "\0" in str(value):
            raise StudyError(f"{key}.env", value, f"not a value of the variable {name}", "Give text or a number")
        read[name] = str(value)
    return read
