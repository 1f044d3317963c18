"""A JSON file, plain or gzip, read whole but for one that would not fit: what is in it is told by who reads it.

A number that is no number, or none that a time can have, is refused here with the file, the field and the value.
"""

import gzip
import hashlib
import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

from scalebench.errors import ResultsError
from scalebench.results import limits
from scalebench.results.schema import LARGEST


def read_json_file(path: Path, most: int = limits.JSON_BYTES) -> tuple[Any, str]:
    """The content, and a short digest of it. Half a surrogate pair, which is no character, is read as ``?``.

    Args:
        path: Which file.
        most: Bytes that it may have, unpacked.
    Raises:
        ResultsError: Too large, empty, or not JSON.
    """
    try:
        whole = _bytes(path, most)
    except (OSError, EOFError, zlib.error) as error:
        raise ResultsError(f"{path} can't be read: {error}") from None
    if not whole.strip():
        raise ResultsError(f"{path} is empty.\nSave it again, with the tool that made it")
    try:
        text = whole.decode(json.detect_encoding(whole))
        content = json.loads(text)
        if re.search(r"\\ud[89a-f]", text, re.IGNORECASE):  # an escape, and maybe one without its other half
            content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
        return content, hashlib.blake2b(whole, digest_size=6).hexdigest()
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} can't be read as JSON: {error}.\nSave it again, with the tool that made it") from None


def _bytes(path: Path, most: int) -> bytes:
    limits.check(path, path.stat().st_size, most, "MiB of JSON", _INSTEAD)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if not packed:
        return path.read_bytes()
    with gzip.open(path) as file:
        whole = file.read(int(most * limits.factor()) + 1)
    limits.check(path, len(whole), most, "MiB of JSON or more, unpacked", _INSTEAD)
    return whole


_INSTEAD = ("A run of scalebench: give its folder. pytest-benchmark: save without the single rounds (no --benchmark-save-data). "
            "pyperf: one file a benchmark. ")  # fmt: skip


def seconds(value: object, where: str) -> float:
    """A time: a number above zero, else an error that says ``where`` (file and field)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ResultsError(f"{where} is {_shown(value)}, not a number of seconds")
    if not 0 < value < math.inf or value > LARGEST:
        raise ResultsError(f"{where} = {value!r}: a time must be above 0.\nMeasure it again, with a finer clock if it is 0")
    return float(value)


def count(value: object, where: str) -> int:
    """How many: a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**53:
        raise ResultsError(f"{where} is {_shown(value)}, not a whole number from 1 on")
    return value


def finite(value: object) -> float | None:
    """A number of which nothing depends; None for what is none, or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        return None
    return float(value)


def mapping(value: object, where: str) -> dict[str, Any]:
    """A JSON object; none is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ResultsError(f"{where} is {_shown(value)}, not an object")
    return value


def sequence(value: object, where: str) -> list[Any]:
    """A JSON list; none is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ResultsError(f"{where} is {_shown(value)}, not a list")
    return value


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:36]} ..."
