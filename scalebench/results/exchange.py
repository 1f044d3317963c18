"""One file with a run's rows: JSON to mail, CSV for a spreadsheet; and JSON back.

The JSON is columnar: ``{"schema_version": ..., "about": {...}, "rounds": {column: [...]}, "tasks": {column: [...]}}``.
Python writes floats in the fewest digits that give the same float back, so nothing is lost.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError, printable
from scalebench.results.json_file import read_json_file
from scalebench.results.result import Result, check_numbers, check_rounds, check_version, checked_about
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, TASKS, Column, lacking, to_frame
from scalebench.results.store import write_atomically

if TYPE_CHECKING:
    import pandas as pd


def as_json(result: Result) -> str:
    """The whole run as one object.

    Raises:
        ResultsError: It holds a number that JSON doesn't have.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "about": result.about,
        "rounds": _plain(result.rounds, ROUNDS),
        "tasks": _plain(result.tasks, TASKS),
    }
    try:
        return json.dumps(content, allow_nan=False, default=str)
    except ValueError as error:
        raise ResultsError(f"{result.path} can't be written as JSON, which has no such number: {error}.\nLook for it with 'scalebench export -o rows.csv'") from None  # fmt: skip


def write_json(result: Result, path: Path) -> None:
    """The same in a file."""
    write_atomically(path, as_json(result).encode())


def _plain(frame: "pd.DataFrame", columns: tuple[Column, ...]) -> dict[str, list[Any]]:
    return {one.name: frame[one.name].astype(object).where(frame[one.name].notna(), None).tolist() for one in columns}


def read_json(path: Path) -> Result:
    """The inverse of :func:`write_json`: the same frames. Files of pytest-benchmark and pyperf too.

    Raises:
        ResultsError: Not JSON, or not of this shape.
    """
    content, digest = read_json_file(path)
    if isinstance(content, dict) and "schema_version" not in content:
        from scalebench.results import pyperf, pytest_benchmark

        if pytest_benchmark.wrote(content):
            return pytest_benchmark.read(content, path, digest)
        if pyperf.wrote(content):
            return pyperf.read(content, path, digest)
    if isinstance(content, dict) and "analysis" in content:
        raise ResultsError(
            f"{path} is an analysis, printed by 'scalebench {content['analysis']} --json': no rows stand in it.\n"
            "Give the run itself, or a file that 'scalebench export RUN -o FILE.json' or 'scalebench run --json' wrote"
        )
    if not isinstance(content, dict) or "schema_version" not in content:
        raise ResultsError(
            f"{path} is JSON of another tool.\nGive a file that 'scalebench export RUN -o FILE.json' wrote, "
            "or one of pytest-benchmark or pyperf"
        )
    version = check_version(content["schema_version"], path)
    try:
        for table in ("rounds", "tasks", "about"):
            if not isinstance(content[table], dict):
                raise TypeError(f"{table} is a {type(content[table]).__name__}, not an object")
        rounds = _whole(content["rounds"], ROUNDS, version)
        tasks = _whole(content["tasks"], TASKS, version)
        about = dict(content["about"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ResultsError(
            f"{path} is not whole: {_said(error)}.\nExport the run again: scalebench export RUN -o {path.name}"
        ) from None
    check_rounds(rounds, [(path, len(rounds))])
    check_numbers(tasks, TASKS, "tasks", [(path, len(tasks))])
    return Result(rounds, tasks, checked_about(about, str(path)), path)


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _whole(table: dict[str, Any], columns: tuple[Column, ...], version: int) -> "pd.DataFrame":
    """All columns of that version must be there: one that is missing would be read as never measured."""
    if missing := lacking(table, columns, version):
        raise KeyError(missing[0])
    return to_frame({one.name: list(table[one.name]) for one in columns if one.name in table}, columns)


def write_csv(result: Result, path: Path) -> None:
    """The rounds as CSV; null is empty."""
    write_atomically(path, as_csv(result.rounds).encode("utf-8", "backslashreplace"))


def as_csv(frame: "pd.DataFrame") -> str:
    """A table for spreadsheets, which would take text such as ``=1+2`` for a formula and do what it says: an apostrophe stands before it.

    Numbers are as they are; text has no control characters. Lines end as RFC 4180 has it.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    texts = [name for name in frame if not (is_numeric_dtype(frame[name]) or is_bool_dtype(frame[name]))]
    safe = {name: frame[name].astype(object).map(_cell, na_action="ignore") for name in texts}
    return str(frame.assign(**{str(name): cells for name, cells in safe.items()}).to_csv(index=False, lineterminator="\r\n"))


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and their full-width forms
