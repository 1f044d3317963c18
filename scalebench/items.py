"""What tasks are called with: a sequence, the text of one, or a file of them. Never evaluated as code.

Keyword arguments, which all tasks share, are read here too.
"""

import ast
import csv
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scalebench.errors import StudyError
from scalebench.host.answers import digest

_LONGEST_TEXT = 4_000  # characters of items that a run tells of itself
_MOST_ITEMS = 1_000_000
_MOST_BYTES = 256 * 2**20  # of a file of items: all of them are held, and sent to each host


def read_items(value: Any) -> Sequence[Any] | None:
    """Items from a sequence, ``"range(200)"`` or the text of a Python literal; never evaluated as code."""
    if value is None:
        return None
    items = value
    try:
        if isinstance(value, str):
            match = re.fullmatch(r"\s*range\(\s*(-?\d[\d_]*(?:\s*,\s*-?\d[\d_]*){0,2})\s*\)\s*", value)
            items = range(*map(int, match[1].split(","))) if match else ast.literal_eval(value)
        len(items)  # a range may be longer than Python can count
    except (TypeError, ValueError, OverflowError, SyntaxError, MemoryError, RecursionError):
        items = None
    if isinstance(items, (str, bytes)) or not isinstance(items, Sequence):
        way_out = "Give a list, or text as 'range(200)' or '[3, 5, 10, 15]'"
        if isinstance(value, str) and Path(value).suffix.lower() in _READERS:
            way_out = f"Items of a file: --items-file {value}"
        elif isinstance(value, str) and value.lstrip().startswith("range("):
            way_out = "Write its numbers out, as in range(200) or range(0, 1_000, 10): nothing is computed"
        raise StudyError("items", value, "not a sequence of items", way_out)
    if len(items) > _MOST_ITEMS:
        rule = f"{len(items):,} items; each is held, sent and timed: at most {_MOST_ITEMS:,}"
        raise StudyError(
            "items",
            value if isinstance(value, (str, range)) else f"{len(items):,} items",
            rule,
            "Let an item stand for more work",
        )
    if not len(items):
        raise StudyError(
            "items",
            value,
            "an empty item list leaves nothing to measure",
            "Give at least one item, or leave items out for 0, 1, ... tasks - 1",
        )
    return items


def items_text(items: Sequence[Any]) -> str:
    """Items as :func:`read_items` reads them again; how many there are where they are too many or have no such text.

    >>> items_text(range(200)), items_text([3, 5]), items_text([object()])
    ('range(0, 200)', '[3, 5]', '1 items')
    """
    if isinstance(items, range):
        return repr(items)
    counted = f"{len(items)} items"
    left = _LONGEST_TEXT
    try:
        for item in items:  # one by one: the text of large items is some times as large
            left -= len(item if isinstance(item, str | bytes | bytearray) else repr(item))
            if left < 0:
                return counted
        text = repr(list(items))
        return text if len(text) <= _LONGEST_TEXT and bool(ast.literal_eval(text) == list(items)) else counted
    except Exception:  # noqa: BLE001 - items are anybody's, and so are their repr and ==
        return counted


def read_items_file(path: str | Path) -> list[Any]:
    """Items from a file, by its ending.

    - ``.json``: one array; each of its elements is an item
    - ``.csv``: a heading and lines; each line is an item: a dict by the heading's names, or the value itself where there is
      only one column. A column is of whole numbers, else of numbers, where all its values are; else of text
    - ``.txt``: each line that is not blank is an item; numbers as in a column of a CSV

    Raises:
        StudyError: Not such a file; the message says where in it.
    """
    name = str(path)
    read = _READERS.get(Path(name).suffix.lower())
    if read is None:
        raise StudyError("items_file", name, "the ending says how to read it, and this is none of " + ", ".join(_READERS), "Rename or convert it")  # fmt: skip
    try:
        if (size := Path(name).stat().st_size) > _MOST_BYTES:
            rule = f"{size / 2**20:.0f} MiB, and all items are held at a time: at most {_MOST_BYTES >> 20} MiB"
            raise StudyError("items_file", name, rule, "Give names of files, or numbers, as items; let tasks read what they need")
        text = Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StudyError(
            "items_file", name, f"can't be read ({error.strerror})", "Give the path of a JSON, CSV or text file"
        ) from None
    except UnicodeDecodeError as error:
        raise StudyError("items_file", name, f"not UTF-8: byte {error.start} is none", "Save it as UTF-8") from None
    items = read(name, text)
    if not items:
        raise StudyError("items_file", name, "holds no item", "Write at least one")
    return items


def _read_json(name: str, text: str) -> list[Any]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StudyError("items_file", name, f"not JSON: {error}", "Write one array: [3, 5, 10, 15]") from None
    if not isinstance(items, list):
        raise StudyError("items_file", name, f"holds {_json_type(items)}, not an array", "Write one array: [3, 5, 10, 15]")
    return items


def _json_type(value: Any) -> str:
    return {dict: "an object", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _read_csv(name: str, text: str) -> list[Any]:
    try:
        heading, *rows = ([cell.strip() for cell in row] for row in csv.reader(text.splitlines(), strict=True) if any(row))
    except ValueError:
        raise StudyError("items_file", name, "holds no item", "Write a heading, then a line for each item") from None
    except csv.Error as error:
        raise StudyError("items_file", name, f"not CSV: {error}", "Write a heading, then a line for each item") from None
    if "" in heading or len(set(heading)) < len(heading):
        rule = f"its heading is {','.join(heading)!r}: each column needs a name of its own"
        raise StudyError("items_file", name, rule, "Name the columns in the first line")
    if all(_number(cell) is not None for cell in heading):
        rule = f"its first line, {','.join(heading)!r}, is a heading, and this one looks like an item"
        raise StudyError("items_file", name, rule, "Name the columns in the first line, or use a .txt file of one item a line")
    for number, row in enumerate(rows, 1):
        if len(row) != len(heading):
            rule = f"item {number} has {len(row)} values, the heading has {len(heading)}"
            raise StudyError("items_file", name, rule, "Give each line a value for each column")
    columns = [_typed([row[index] for row in rows]) for index in range(len(heading))]
    if len(columns) == 1:
        return columns[0]
    return [dict(zip(heading, row, strict=True)) for row in zip(*columns, strict=True)]


def _read_lines(_name: str, text: str) -> list[Any]:
    return _typed([line.strip() for line in text.splitlines() if line.strip()])


_READERS: dict[str, Callable[[str, str], list[Any]]] = {".json": _read_json, ".csv": _read_csv, ".txt": _read_lines}


def _typed(texts: list[str]) -> list[Any]:
    """As whole numbers or numbers, where all are; 007 is text."""
    numbers = [_number(text) for text in texts]
    if None in numbers:
        return texts
    return numbers if all(isinstance(one, int) for one in numbers) else [float(text) for text in texts]


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"[+-]?(0|[1-9]\d{0,4000})", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.\d*|\.\d+|\d+)(e[+-]?\d+)?", text, re.IGNORECASE) and not re.match(r"[+-]?0\d", text):
        return float(text)
    return None


def read_kwargs(value: Any) -> dict[str, Any]:
    """Keyword arguments from a table, or from text: ``steps=1000, method='rk4'`` or ``{"steps": 1000}``; never evaluated as code.

    >>> read_kwargs("steps=1000, method='rk4'")
    {'steps': 1000, 'method': 'rk4'}
    """
    if value is None:
        return {}
    found: Any = value
    way_out = "Write values as in Python: --kwargs \"steps=1000, method='rk4'\"; in a study file: [kwargs], steps = 1000"
    if isinstance(value, str):
        try:
            found = _literal_table(value) if value.lstrip().startswith("{") else _literal_keywords(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise StudyError(
                "kwargs", value, "neither NAME=VALUE, with commas between them, nor a table of names and values", way_out
            ) from None
    if not isinstance(found, Mapping):
        raise StudyError("kwargs", value, "not a table of names and values", way_out)
    for name in found:
        if not isinstance(name, str) or not name.isidentifier():
            raise StudyError("kwargs", value, f"{name!r} is not the name of an argument", way_out)
    return dict(found)


def kwargs_kept(kwargs: Mapping[str, Any]) -> dict[str, Any] | str | None:
    """Keyword arguments as :func:`read_kwargs` reads them again: a table, or text for values that TOML lacks; None where there is none.

    >>> kwargs_kept({"steps": 10}), kwargs_kept({"span": (0, 1)}), kwargs_kept({"model": object()})
    ({'steps': 10}, 'span=(0, 1)', None)
    """
    if all(map(_is_plain, kwargs.values())):
        return dict(kwargs)
    try:
        text = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
        same = len(text) <= _LONGEST_TEXT and digest(dict(kwargs)) == digest(read_kwargs(text)) is not None
        return text if same else None
    except Exception:  # noqa: BLE001 - arguments are anybody's, and so is their repr
        return None


def _is_plain(value: Any) -> bool:
    """Whether JSON and TOML give it back as it is."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and _is_plain(one) for key, one in value.items())
    return type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))


def _literal_table(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return ast.literal_eval(text)


def _literal_keywords(text: str) -> dict[str, Any]:
    call = ast.parse(f"_({text}\n)", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError(text)
    found = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg is not None}
    if len(found) < len(call.keywords):  # a name twice, or **other
        raise ValueError(text)
    return found
