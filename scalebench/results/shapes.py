"""The two shapes of JSON that scalebench writes, described in ``docs/json.md``: *results* and *an analysis*.

Results are rows, as they were measured: ``results.exchange`` writes and reads them. An analysis is what one command has to
say: of results, of a table, or of this machine. Absent figures are null; NaN and Infinity, which are not JSON, are never
written.

Versions of an analysis:
    1   the first.
"""

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

ANALYSIS_VERSION = 1


def analysis(name: str, path: object = None, **content: Any) -> str:
    """What ``scalebench NAME --json`` prints.

    Args:
        name: The command.
        path: What was read: a file or folder, several of them, or None where nothing was.
        content: What it says, by key; DataFrames become lists of rows.
    """
    whole = {"analysis_version": ANALYSIS_VERSION, "analysis": name, "path": path, **content}
    return json.dumps(plain(whole), allow_nan=False)


def plain(value: Any) -> Any:
    """As JSON can hold it: text for what is neither number, text, list nor object; None for what is absent or not finite."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, PurePath):
        return str(value)
    if callable(rows := getattr(value, "to_dict", None)) and hasattr(value, "columns"):
        return plain(rows(orient="records"))
    if callable(single := getattr(value, "tolist", None)):  # an array, or a number of NumPy
        return plain(single())
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)
