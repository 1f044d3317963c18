"""Studies in files: TOML into typed tables, then into a :class:`~scalebench.study.Study`; the profiles; a project's defaults.

The types of the tables are read by msgspec; what a value of the right type may be is the study's own to say, since the
same values come from flags and from Python. Every error says file, key, value, rule and way out.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec

from scalebench import axes
from scalebench.command import KEYS
from scalebench.errors import StudyError
from scalebench.study import NOT_OF_A_PROGRAM, SUITE_KEYS, Study

PROFILES = ("quick", "default", "full", "granularity", "dispatch")

Number = int | float | str
Texts = str | list[str]
Wholes = int | str | list[int | str]
Numbers = int | float | str | list[int | float | str]

#: what a key of a study may be in a file
TYPES: dict[str, UnionType | type | Any] = {
    "name": str, "workload": str, "command": Texts, "shell": bool, "figure_of_merit": str, "prepare": Texts, "ignore_failure": bool,
    "items": str | list[Any], "items_file": str, "kwargs": str | dict[str, Any],
    "kind": Texts, "size": Numbers, "imbalance": Numbers, "tasks": Wholes, "scaling": Texts, "backend": Texts,
    "start_method": Texts, "mpi_mode": Texts, "distribution": Texts, "workers": Wholes, "nodes": Wholes, "launcher": str,
    "launcher_options": Texts | dict[str, Any], "blas_threads": Wholes, "binding": Texts,
    "chunksize": Wholes, "variants": Texts | dict[str, Any], "variant": Texts, "blocks": int | str, "rounds": int | str,
    "precision": Number, "budget": Number, "timeout": Number, "seed": int | str, "scheduler": str, "total": int | str, "task_timing": str,
    "missing_backends_fail": bool, "baselines": bool, "suites": dict[str, Any], "profile": str, "results": str,
}  # fmt: skip
#: keys of ``[tool.scalebench]`` besides those of a study
PROJECT_KEYS = ("profile", "results")
_NOT_OF_A_PROJECT = ("name", "workload", "items", "items_file", "kwargs", "variants", "variant", "suites", "scheduler", *KEYS)
#: where to see how it is done
_EXAMPLE = "'scalebench init module:function' writes a study with every key; docs/reference/study.md lists them"
_WORDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "array": "a list", "object": "a table",
          "null": "nothing"}  # fmt: skip


@functools.cache
def _table() -> type[msgspec.Struct]:
    """The type of a table: of a study, of a suite, of a project's defaults."""
    return msgspec.defstruct("Table", [(key, type_ | msgspec.UnsetType, msgspec.UNSET) for key, type_ in TYPES.items()])


def read_study(path: str | Path, defaults: Mapping[str, Any] | None = None) -> Study:
    """The study in a TOML file; its error names the file as well.

    Args:
        path: The file. A path in it (``items_file``) is relative to its folder.
        defaults: Of keys that the file doesn't name.
    Raises:
        StudyError: The file, or a value in it, is none.
    """
    values = _load(Path(path), _EXAMPLE)
    try:
        _check(values, [one.name for one in fields(Study)])
        _resolve(values, Path(path).parent)
        for suite in values.get("suites", {}).values():
            _resolve(suite, Path(path).parent)
        if "command" in values:
            defaults = of_program(defaults or {})
        return Study(**{"name": Path(path).stem, **(defaults or {}), **values})
    except StudyError as error:
        raise _in_file(path, "", error) from None


def profile(name: str = "default", defaults: Mapping[str, Any] | None = None) -> Study:
    """The study that the ``quick``, ``default``, ``full``, ``granularity`` or ``dispatch`` profile is."""
    axes.parse_name("profile", name, PROFILES, "profile")
    return read_study(Path(__file__).parent / "profiles" / f"{name}.toml", defaults)


def project_defaults(folder: Path | None = None) -> tuple[Path | None, dict[str, Any]]:
    """``[tool.scalebench]`` of the nearest ``pyproject.toml`` that has one, from ``folder`` (the working folder) upward.

    Returns:
        The file, None where there is none, and its values: those of a study, ``profile`` and ``results``.
    Raises:
        StudyError: It can't be read, or a value is none.
    """
    here = (folder or Path.cwd()).resolve()
    for file in (one / "pyproject.toml" for one in (here, *here.parents)):
        if not file.is_file():
            continue
        tools = _load(file, "Mend its TOML, or leave its folder").get("tool")
        if not isinstance(tools, dict) or "scalebench" not in tools:
            continue
        values = tools["scalebench"]
        try:
            if not isinstance(values, dict):
                raise StudyError("scalebench", values, "not a table", "Write [tool.scalebench], then its keys")
            _check(values, [*(one.name for one in fields(Study) if one.name not in _NOT_OF_A_PROJECT), *PROJECT_KEYS])
            if "profile" in values:
                axes.parse_name("profile", values["profile"], PROFILES, "profile")
            Study(**of_study(values))
        except StudyError as error:
            raise _in_file(file, "tool.scalebench.", error) from None
        return file, values
    return None, {}


def of_study(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A project's defaults without those that are not of a study."""
    return {key: value for key, value in defaults.items() if key not in PROJECT_KEYS}


def of_program(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the study of a program may have."""
    return {key: value for key, value in defaults.items() if key not in NOT_OF_A_PROGRAM}


def _load(path: Path, way_out: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise StudyError(
            "study", str(path), f"can't be read ({error.strerror})", "Give the path of a TOML file, or module:function"
        ) from None
    except (ValueError, RecursionError) as error:  # TOML's own, no UTF-8, and longer numbers or deeper lists than Python reads
        raise StudyError("study", str(path), f"not TOML: {error}", way_out) from None


def _check(values: Any, keys: Sequence[str], table: str = "", what: str = "key") -> None:
    """Names first, since those have the better hint; then types. ``table``: which one, where it is not the whole file."""
    for key in values if isinstance(values, dict) else ():
        axes.parse_name(table or "study", key, keys, what)
    try:
        msgspec.convert(values, _table())
    except msgspec.ValidationError as error:
        raise _told(error, values, [table] if table else []) from None
    for name, suite in values.get("suites", {}).items():
        _check(suite, SUITE_KEYS, f"suites.{name}", "key of a suite")


def _told(error: msgspec.ValidationError, values: Any, path: list[str]) -> StudyError:
    """What msgspec says, ``Expected `int | str`, got `array` - at `$.backend[1]```, as key, value and rule."""
    text, _, place = str(error).partition(" - at `$")
    for part in re.split(r"[.\[\]`]+", place.strip(".[`")):
        if part:
            values = values[int(part)] if isinstance(values, list) else values[part]
            path.append(part)
    match = re.match(r"Expected `([^`]+)`, got `([^`]+)`", text)
    if match is None:
        rule = text
    else:
        rule = f"is {_WORDS.get(match[2], match[2])}, must be " + " or ".join(
            _WORDS.get(one, one) for one in match[1].split(" | ")
        )
    return StudyError(".".join(path) or "study", values, rule, _EXAMPLE)


def _resolve(values: dict[str, Any], folder: Path) -> None:
    if "items_file" in values:
        values["items_file"] = str(folder / values["items_file"])


def _in_file(path: str | Path, table: str, error: StudyError) -> StudyError:
    return StudyError(f"{path}: {table}{error.key}", error.value, error.rule, error.way_out)
