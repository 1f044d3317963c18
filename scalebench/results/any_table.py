"""Read a table that anybody wrote: CSV, TSV or parquet, to be fitted by a law.

Promises: nothing larger than ``limits`` say is read; what is wrong is told with file, row and column; nothing is
guessed where two columns would do. Lines that begin with ``#`` are comments; the delimiter is found out. Not here:
runs of ours (``load``), and what is computed from a table.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError
from scalebench.results import limits
from scalebench.results.parquet_file import flat_columns, read_columns

if TYPE_CHECKING:
    import pandas as pd

_INSTEAD = "Keep two columns, workers and wall_s (or throughput), or some repeats for each count. "
MOST = 1e100  #: of a time or a rate, and one by it the least: squares of it are floats
MOST_COUNT = 2**53  #: a whole number that floats hold exactly
_COUNTS = ("workers", "worker", "p", "n", "np", "core", "cores", "node", "nodes", "proc", "procs", "process", "processes",
           "processor", "processors", "thread", "threads", "rank", "ranks", "cpu", "cpus", "concurrency")  # fmt: skip
#: names of a column by what it holds, in the spelling of :func:`_plain`
ALIASES = {
    "workers": frozenset(_COUNTS) | {f"n{name}" for name in _COUNTS if len(name) > 2},
    "wall_s": frozenset(("wall", "wall_time", "walltime", "wall_clock", "wallclock", "time", "t", "second", "seconds", "sec", "elapsed",
                         "elapsed_time", "runtime", "run_time", "execution_time", "exec_time", "duration", "real", "real_time")),
    "throughput": frozenset(("throughput", "x", "rate", "tps", "qps", "rps", "ops", "iops", "flops", "mflops", "gflops", "tflops",
                             "bandwidth")) | {f"{what}_{per}" for what in ("ops", "operations", "requests", "queries", "transactions",
                                                                           "tasks", "work") for per in ("s", "sec", "second")},
    "speedup": frozenset(("speedup", "speed_up")),
}  # fmt: skip
_UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "milliseconds": 1e-3, "us": 1e-6,
          "usec": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nanoseconds": 1e-9, "min": 60.0, "minutes": 60.0, "h": 3600.0, "hours": 3600.0}  # fmt: skip
#: words that say nothing about what a column holds
_FILLERS = frozenset(("number", "num", "no", "nr", "of", "the", "count", "mean", "median", "avg", "average", "total", "per", "mpi",
                      "omp", "openmp"))  # fmt: skip
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTable:
    """Columns as they stand in the file, cells as text or numbers."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    rows: Sequence[int]  #: where each row stands: its line in a text file, its number (from 1) in parquet

    def where(self, conditions: Mapping[str, str]) -> "AnyTable":
        """Only the rows whose columns hold these values, compared as text.

        Raises:
            ResultsError: No such column, or no such row.
        """
        kept = list(range(len(self.rows)))
        for name, wanted in conditions.items():
            if name not in self.columns:
                raise ResultsError(f"{self.path} has no column {name!r}.\nThere are: {_listed(self.columns)}")
            there = dict.fromkeys(str(self.columns[name][row]).strip() for row in kept)
            kept = [row for row in kept if str(self.columns[name][row]).strip() == wanted]
            if not kept:
                raise ResultsError(f"{self.path}: no row has {name} = {wanted!r}.\nThere are: {_listed(there)}")
        return self._of(kept)

    def _of(self, kept: Sequence[int]) -> "AnyTable":
        columns = {name: [cells[row] for row in kept] for name, cells in self.columns.items()}
        return AnyTable(path=self.path, columns=columns, rows=[self.rows[row] for row in kept])

    def column(self, meaning: str, chosen: Sequence[str] = ()) -> str | None:
        """The name of the column that holds what :data:`ALIASES` calls ``meaning``; None where there is none.

        Raises:
            ResultsError: More than one would do, and none of them is in ``chosen``.
        """
        named = self._named(chosen)
        if meaning in named.values():
            return next(name for name, what in named.items() if what == meaning)
        fitting = [name for name in self.columns if _plain(name)[0] in ALIASES[meaning] or name == meaning]
        found = [name for name in fitting if name in named] or fitting
        if len(found) > 1 and meaning == "workers":  # one node in all rows is not what was swept
            found = [name for name in found if len({str(cell).strip() for cell in self.columns[name]}) > 1] or found
        if len(found) > 1:
            raise ResultsError(
                f"{self.path}: several columns could be {meaning}: {_listed(found)}.\nSay which: --column {found[0]!r}"
            )
        return found[0] if found else None

    def _named(self, chosen: Sequence[str]) -> dict[str, str | None]:
        """Columns that were asked for, each with what it holds where that was said: ``NAME`` or ``MEANING=NAME``."""
        named: dict[str, str | None] = {}
        for one in chosen:
            meaning, equals, name = one.partition("=")
            told = bool(equals) and meaning in ALIASES and one not in self.columns
            named[name if told else one] = meaning if told else None
        for name in named:
            if name not in self.columns:
                raise ResultsError(f"{self.path} has no column {name!r}.\nThere are: {_listed(self.columns)}")
        return named

    def points(self, chosen: Sequence[str] = ()) -> "pd.DataFrame":
        """The table that a law is fitted to: ``workers`` and one of ``wall_s`` (s), ``throughput``, ``speedup``.

        Besides ``scaling`` and ``oversubscribed`` where the file has them. One row a row of the file.

        Args:
            chosen: Names of columns to take where several would do; ``wall_s=latency`` says what a column holds.
        Raises:
            ResultsError: No such columns, several, or a cell that is not a number > 0.
        """
        import pandas as pd

        count = self.column("workers", chosen)
        measures = {name: self.column(name, chosen) for name in ("wall_s", "throughput")}
        there = {name: column for name, column in measures.items() if column is not None}
        if len(there) > 1:
            picked = {name: column for name, column in there.items() if column in self._named(chosen)}
            if len(picked) != 1:
                first = next(iter(there.values()))
                raise ResultsError(
                    f"{self.path}: several columns were measured: {_listed(there.values())}.\nSay which: --column {first!r}"
                )
            there = picked
        if not there and (speedup := self.column("speedup", chosen)) is not None:  # computed from times, so only without them
            there = {"speedup": speedup}
        if count is None or not there:
            lacking = "of worker counts (workers, p, cores or nodes)" if count is None else "wall_s, time or throughput"
            raise ResultsError(
                f"{self.path} has no column {lacking}.\nThere are: {_listed(self.columns)}; say which is it, as --column {'workers' if count is None else 'wall_s'}=NAME"
            )
        ((meaning, column),) = there.items()
        factor = _plain(column)[1] if meaning == "wall_s" else 1.0
        found = pd.DataFrame({
            "workers": [self._count(count, row) for row in range(len(self.rows))],
            meaning: [self._number(column, row) * factor for row in range(len(self.rows))],
        })  # fmt: skip
        for name, read in (("scaling", self._scaling), ("oversubscribed", self._truth)):
            if name in self.columns:
                found[name] = [read(name, row) for row in range(len(self.rows))]
        return found

    def texts(self, chosen: Sequence[str] = ()) -> dict[str, list[str]]:
        """Columns of text that take several values at one and the same count: maybe several curves."""
        count = self.column("workers", chosen)
        found = {}
        for name, cells in self.columns.items():
            values = [str(cell).strip() for cell in cells]
            if name == count or not all(re.search(r"[A-Za-z]", value) for value in values):
                continue
            pairs = set(zip(map(str, self.columns[count] if count else values), values, strict=True))
            if len(pairs) > len({first for first, _ in pairs}) and len(set(values)) <= 20:
                found[name] = list(dict.fromkeys(values))
        return found

    def _number(self, name: str, row: int) -> float:
        cell = self.columns[name][row]
        text = str(cell).strip()
        if cell is None or text.lower() in ("", "nan", "na", "n/a", "null", "none", "-"):
            raise self._bad(
                name, row, f"{text or 'an empty cell'} is not a time or a rate", "Leave the row out, or measure it again"
            )
        try:
            value = math.nan if isinstance(cell, bool) or "_" in text else float(cell)  # Python's own 1_000 is no table's
        except (TypeError, ValueError, OverflowError):
            hint = " with a point, not a comma" if re.fullmatch(r"[\d.]+,\d+", text) else ""
            raise self._bad(
                name, row, f"{text[:40]!r} is not a number", f"Write numbers only{hint}, the unit in the heading"
            ) from None
        if math.isnan(value):
            raise self._bad(name, row, f"{text[:40]!r} is not a number", "Write numbers only, the unit in the heading")
        if value <= 0:
            raise self._bad(name, row, f"{text[:40]} is not above 0", "Leave the row out, or measure it again")
        if not 1 / MOST <= value <= MOST:
            raise self._bad(
                name, row, f"{text[:40]} is not between {1 / MOST:g} and {MOST:g}", "Leave the row out, or use another unit"
            )
        return value

    def _count(self, name: str, row: int) -> int:
        value = self._number(name, row)
        if not value.is_integer() or not 1 <= value <= MOST_COUNT:
            raise self._bad(
                name, row, f"{self.columns[name][row]} is not a whole number of 1 or more", "Give the count of workers"
            )
        return int(value)

    def _scaling(self, name: str, row: int) -> str:
        text = str(self.columns[name][row]).strip().lower()
        if text not in ("strong", "weak"):
            raise self._bad(
                name, row, f"{text[:40]!r} is neither strong nor weak", "Write one of the two, or leave the column out"
            )
        return text

    def _truth(self, name: str, row: int) -> bool:
        text = str(self.columns[name][row]).strip().lower()
        if text not in _TRUTH:
            raise self._bad(
                name, row, f"{text[:40]!r} is neither true nor false", "Write one of the two, or leave the column out"
            )
        return _TRUTH[text]

    def _bad(self, name: str, row: int, what: str, way_out: str) -> ResultsError:
        place = "row" if self.path.suffix == ".parquet" else "line"
        return ResultsError(f"{self.path}, {place} {self.rows[row]}, column {name!r}: {what}.\n{way_out}")


def read_table(path: Path) -> AnyTable:
    """A table from a text file or parquet.

    Raises:
        ResultsError: Too large, empty, not a table; the message says what, where, and the way out.
    """
    if not path.is_file():
        raise ResultsError(f"{path} is not a file of its own.\nGive a CSV, TSV or parquet file, or the folder of a run")
    size = path.stat().st_size
    if path.suffix != ".parquet":
        limits.check(path, size, limits.TEXT_BYTES, "MiB of text", _INSTEAD)
    if not size:
        raise ResultsError(f"{path} is empty.\nA table has a heading, as 'workers,wall_s', and one line for each measurement")
    table = _parquet(path) if path.suffix == ".parquet" else _text(path)
    names = [name for name in table.columns if name]
    if not table.rows:
        raise ResultsError(f"{path} has a heading ({_listed(names)}) and no rows.\nAdd one line for each measurement")
    return table


def _parquet(path: Path) -> AnyTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    room = limits.Room(limits.CELLS_ROWS, limits.CELLS_BYTES, _INSTEAD)
    try:
        with pq.ParquetFile(path) as found:
            names = flat_columns(found)
            _no_duplicates(path, names)
            # the few columns that can matter
            wanted = [name for name in names if _known(name) or len(names) <= 32]
            columns = read_columns(path, found, wanted, room).to_pydict()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultsError(
            f"{path} can't be read as parquet: {str(error).rstrip('.')}.\nIs it whole? Write or copy it again"
        ) from None
    length = len(next(iter(columns.values()), []))
    return AnyTable(path=path, columns=columns, rows=range(1, length + 1))


def _text(path: Path) -> AnyTable:
    raw = path.read_bytes()
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    limits.check(path, lines, limits.CELLS_ROWS, "rows", _INSTEAD)
    if raw[:4] in (b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08\x00") or (
        b"\0" in raw[:4096] and raw[:2] not in (b"\xff\xfe", b"\xfe\xff")
    ):
        way_out = "Call it .parquet" if raw[:4] == b"PAR1" else "Save it as CSV"
        raise ResultsError(f"{path} is not text.\n{way_out}")
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{path}, line {raw[: error.start].count(10) + 1}: byte {raw[error.start]:#x} is not UTF-8.\nSave it as UTF-8"
        ) from None
    if text.lstrip()[:1] in ("{", "["):
        raise ResultsError(f"{path} looks like JSON, not like a table.\nWrite its workers and wall_s as CSV")
    return _cells(path, text)


def _cells(path: Path, text: str) -> AnyTable:
    lines = [(number, line) for number, line in enumerate(io.StringIO(text, newline=None), 1) if line.strip()]
    data = [(number, line) for number, line in lines if not line.lstrip().startswith("#")]
    if not data:
        raise ResultsError(f"{path} holds no table, only comments or empty lines.\nA table has a heading, as 'workers,wall_s'")
    delimiter = _delimiter(data[0][1])
    heading = _split(path, *data[0], delimiter)
    if all(map(_is_number, heading)):  # a heading may stand in a comment, as plotting tools want it
        cells = heading
        comments = [(number, line.lstrip("# \t")) for number, line in lines if number < data[0][0]]
        heading = _split(path, *comments[-1], delimiter) if comments else []
        if len(heading) != len(cells):
            raise ResultsError(
                f"{path}, line {data[0][0]}: a row of numbers where the heading should be.\nAdd one: workers,wall_s"
            )
    else:
        data = data[1:]
    _no_duplicates(path, heading)
    columns: dict[str, list[Any]] = {name: [] for name in heading}
    rows = []
    for number, line in data:
        cells = _split(path, number, line, delimiter)
        if not any(cells):
            continue
        if len(cells) != len(heading):
            hint = "; a decimal comma would be one cell too many" if len(cells) > len(heading) else ""
            raise ResultsError(
                f"{path}, line {number}: {len(cells)} cells, the heading has {len(heading)} ({_listed(heading)}).\n"
                f"Mend the line{hint}"
            )
        for name, cell in zip(heading, cells, strict=True):
            columns[name].append(cell)
        rows.append(number)
    return AnyTable(path=path, columns=columns, rows=rows)


def _delimiter(heading: str) -> str | None:
    """The one that splits the heading into most cells; None for white space."""
    counts = {delimiter: heading.count(delimiter) for delimiter in (",", ";", "\t", "|")}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def _split(path: Path, number: int, line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        cells = [cell.strip() for cell in next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))]
    except csv.Error:  # of one line, not strict, there is no other
        raise ResultsError(
            f"{path}, line {number}: a cell of more than {csv.field_size_limit():,} characters.\n"
            "Leave its column out, or mend the quotation mark that is not closed"
        ) from None
    return cells[1:-1] if delimiter == "|" and len(cells) > 2 and cells[0] == cells[-1] == "" else cells


def _no_duplicates(path: Path, names: Sequence[str]) -> None:
    twice = list(dict.fromkeys(name for name in names if name and names.count(name) > 1))
    if twice:
        raise ResultsError(f"{path} has columns of the same name: {_listed(twice)}.\nRename or remove all but one")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _known(name: str) -> bool:
    return name in ("scaling", "oversubscribed") or any(_plain(name)[0] in names for names in ALIASES.values())


def _plain(name: str) -> tuple[str, float]:
    """A heading without its unit and fillers, and the seconds in its unit: ``Run Time (ms)`` -> ``run_time``, 0.001."""
    low = name.strip().lower()
    unit = re.search(r"[(\[]\s*(\w+)\s*[)\]]", low)
    words = [word for word in re.split(r"[^a-z0-9]+", re.sub(r"[(\[].*?[)\]]", " ", low)) if word]
    if unit is None and len(words) > 1 and words[-1] in _UNITS and "_".join(words) not in ALIASES["throughput"]:
        return _plain(f"{' '.join(words[:-1])} ({words[-1]})")
    kept = [word for word in words if word not in _FILLERS]
    return "_".join(kept or words), _UNITS.get(unit[1], 1.0) if unit else 1.0


def _listed(names: Any) -> str:
    texts = [str(name)[:40] for name in names]
    return ", ".join(texts[:12]) + (", ..." if len(texts) > 12 else "")
