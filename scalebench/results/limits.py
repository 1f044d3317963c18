"""How much of a file is read: what is small on disk may be huge in memory, so it is counted before it is read.

The limits keep a reader below 2 GiB, whatever a file holds. A file that is trusted may be larger: ``--limit 10``, or the variable
``SCALEBENCH_LIMIT``, and each of them is ten times as high.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from scalebench.errors import ResultsError, UsageError

VARIABLE = "SCALEBENCH_LIMIT"
ROWS = 10_000_000  #: of a table, in all files that are read as one
TABLE_BYTES = 512 * 2**20  #: that its columns take in memory; data frames and what is made of them take some times as much
PAGE_BYTES = 128 * 2**20  #: of a piece of a parquet file that is unpacked at a time; those that are written here have 1 MiB
JSON_BYTES = 64 * 2**20  #: unpacked; as Python objects it may be twenty times as much
ABOUT_BYTES = 16 * 2**20  #: of a ``run.json``; that of 10,000 cases, each with a finding, has 5 MB
CELLS_ROWS = 1_000_000  #: of a table of anybody's, whose cells become Python objects
CELLS_BYTES = 128 * 2**20  #: that the columns of such a parquet file take in memory
TEXT_BYTES = 32 * 2**20  #: of such a text file

_MOST = 1e6
_asked: float | None = None


@contextmanager
def raised(factor: str | None) -> Iterator[None]:
    """While in here all limits are so many times as high; None: as the variable says."""
    global _asked
    before, _asked = _asked, None if factor is None else _number(factor, "--limit")
    try:
        yield
    finally:
        _asked = before


def factor() -> float:
    """How many times as high as usual the limits are.

    Raises:
        UsageError: The variable is no such number.
    """
    if _asked is not None:
        return _asked
    text = os.environ.get(VARIABLE)
    return 1.0 if not text else _number(text, VARIABLE)


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _MOST:
        raise UsageError(
            f"{name} = {text[:40]!r}: not a number above 0 and up to {_MOST:,.0f}.\nIt says how many times as large files may be: 10"
        )
    return number


def check(path: Path, found: float, most: int, unit: str, instead: str = "") -> None:
    """Refuse what is more than may be read.

    Args:
        path: Which file.
        found: How much there is, or would be in memory.
        most: The limit, as it usually is.
        unit: ``rows``, or ``MiB`` and what of: then both are bytes.
        instead: Another way out.
    Raises:
        ResultsError: It is more; the message says how to read it nevertheless.
    """
    if found <= most * factor():
        return
    scale = 2**20 if unit.startswith("MiB") else 1
    needed = next(
        size for size in (2, 5, *(digit * 10**power for power in range(1, 20) for digit in (1, 2, 5))) if size * most >= found
    )
    raise ResultsError(f"{path}: {_rounded(found / scale)} {unit}; at most {_rounded(most * factor() / scale)} are read.\n"
                       f"{instead}If you trust it and have the memory: --limit {needed}, or {VARIABLE}={needed}")  # fmt: skip


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.3g}"


class Room:
    """What the files that are read as one table may take, together."""

    def __init__(self, rows: int | None = None, size: int | None = None, instead: str = "") -> None:
        self._most_rows = ROWS if rows is None else rows
        self._most_bytes = TABLE_BYTES if size is None else size
        self._instead = instead
        self._rows = self._bytes = 0
        self._lock = Lock()

    def take(self, path: Path, rows: int = 0, size: int = 0) -> None:
        """A file needs so much of it.

        Raises:
            ResultsError: It is more than is left.
        """
        with self._lock:
            self._rows += rows
            self._bytes += size
            check(path, self._rows, self._most_rows, "rows", self._instead)
            check(path, self._bytes, self._most_bytes, "MiB in memory", self._instead)
