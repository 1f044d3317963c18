"""A run's folder while it is being written: one part per launch, compacted at the end.

Promises: a launch is stored whole or not at all (write, fsync, rename; the rounds come last and stand for the
launch); killing the controller at any time loses at most the launch in flight.

::

    results/<run id>/run.json          study, machine, versions, findings; replaced whole
                     rounds.parquet    one row a round
                     tasks.parquet     one row a task of a round
                     parts/            while it runs: a file for each launch and table (``parts``)
"""

import contextlib
import fcntl
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scalebench.errors import NotStoredError, ResultsError
from scalebench.results.parts import EARLIER, find_parts, launch_of, part_name
from scalebench.results.schema import ROUNDS, TASKS, Column, stored_schema, to_table

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP = 2**20  #: rows that are held at a time where tables are joined
_FEW = 200  # tables that are held as they were read


def new_run_id(results: Path | None = None) -> str:
    """Sortable by time, unique without asking anybody: ``20260131T120000-1f3a95c0e``.

    The microseconds come before what is random: two short runs fit into one second, and the latest is read by default. So where
    the clock was set back since the last run in ``results``, the id is of the moment after that one.
    """
    moment = datetime.now(UTC)
    last = None if results is None else max(filter(_RUN_ID.fullmatch, os.listdir(results)), default=None)
    if last is not None and last > f"{_moment_text(moment)}ffff":
        with contextlib.suppress(ValueError, OverflowError):  # a name that looks like one and has no such moment
            then = datetime.strptime(last[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC, microsecond=int(last[16:21], 16))
            moment = then + timedelta(microseconds=1)
    return f"{_moment_text(moment)}{secrets.token_hex(2)}"


_RUN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{9}")


def _moment_text(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}-{moment.microsecond:05x}"


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """What is written in here becomes the file at the end: it is there whole, or as it was before."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """The same of content that is at hand."""
    with written_atomically(path) as file:
        file.write(content)


@contextlib.contextmanager
def _parquet_writer(file: BinaryIO, columns: tuple[Column, ...]) -> "Iterator[pq.ParquetWriter]":
    import pyarrow.parquet as pq

    # times don't repeat: split into their bytes they take two thirds of what a dictionary of them does
    floats = {one.name: "BYTE_STREAM_SPLIT" for one in columns if one.type == "float"}
    with pq.ParquetWriter(
        file, stored_schema(columns), compression="zstd", compression_level=9,
        use_dictionary=[one.name for one in columns if one.name not in floats], column_encoding=floats,
    ) as writer:  # fmt: skip
        yield writer


def write_table(table: "pa.Table", file: BinaryIO, columns: tuple[Column, ...]) -> None:
    """Some rows as a parquet file."""
    with _parquet_writer(file, columns) as writer:
        writer.write_table(table.cast(stored_schema(columns)), row_group_size=ROW_GROUP)


def _join(files: Iterable[Path], file: BinaryIO, columns: tuple[Column, ...]) -> None:
    """One file of many, holding no more than :data:`ROW_GROUP` rows (and those of a file's group) at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[pa.Table] = []
    few: list[pa.Table] = []  # a table of ten rows takes more memory than ten rows do
    with _parquet_writer(file, columns) as writer:
        for one in files:
            with pq.ParquetFile(one) as part:
                few += [part.read_row_group(group, use_threads=False) for group in range(part.num_row_groups)]
            rows = sum(map(len, few))
            if len(few) >= _FEW or rows >= ROW_GROUP:
                held.append(pa.concat_tables(few).combine_chunks())
                few.clear()
                if sum(map(len, held)) >= ROW_GROUP:
                    writer.write_table(pa.concat_tables(held).cast(stored_schema(columns)))
                    held.clear()
        if held or few:
            writer.write_table(pa.concat_tables([*held, *few]).cast(stored_schema(columns)))


def _utf8(text: str) -> str:
    """The message of a failed task may name a file whose name is no UTF-8; that must not end the sweep."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class Store:
    """One run's folder, being written by one controller."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self.about = about  #: what ``run.json`` says
        self._lock: int | None = None  #: a descriptor

    @classmethod
    def create(cls, results: str | Path, about: dict[str, Any]) -> "Store":
        """A new run below ``results``.

        Raises:
            ResultsError: The folder can't be made or written; nothing has been measured yet.
        """
        try:
            Path(results).mkdir(parents=True, exist_ok=True)
            run_id = new_run_id(Path(results))
            folder = Path(results) / run_id
            (folder / "parts").mkdir(parents=True)
            store = cls(folder, {"run_id": run_id, **about})
            store._save()
        except OSError as error:
            raise ResultsError(
                f"results folder {str(results)!r} can't be written: {error.strerror or error}.\nGive another with --results DIR"
            ) from None
        store._own()
        return store

    @classmethod
    def reopen(cls, folder: Path, about: Mapping[str, Any]) -> "Store":
        """A run that did not come to its end, to be written on: what it has becomes parts again.

        Raises:
            ResultsError: It can't be written, or it is being written.
        """
        store, parts = cls(folder, dict(about)), folder / "parts"
        try:
            parts.mkdir(exist_ok=True)
            store._own()
            tasks, rounds = folder / "tasks.parquet", folder / "rounds.parquet"
            if rounds.exists() and tasks.exists():  # of a compaction that came to its end; its parts perhaps did not go
                for part in parts.glob("*.parquet"):
                    part.unlink()
            for file, name in ((tasks, "tasks"), (rounds, "rounds")):
                if rounds.exists() and file.exists():
                    os.replace(file, parts / f"{EARLIER}.{name}.parquet")
            tasks.unlink(missing_ok=True)  # of a compaction that did not: the parts are whole
            of_rounds, of_tasks = find_parts(parts, "rounds"), find_parts(parts, "tasks")
            kept = set(map(launch_of, of_rounds.whole))
            gone = [name for name in store._damaged() if name.endswith(".tasks.parquet")]  # without rounds they are made again
            store._tell([*gone, *(part.name for part in of_tasks.damaged if launch_of(part) in kept)])
            alone = [part for part in of_tasks.whole if launch_of(part) not in kept]  # of a launch that was cut off
            for part in [*of_rounds.damaged, *of_tasks.damaged, *alone]:
                part.unlink()  # their launches are made again, with other tasks
        except OSError as error:
            raise ResultsError(f"{folder} can't be written: {error.strerror or error}.\nMake it writable, then again") from None
        return store

    def _damaged(self) -> list[str]:
        """Names of parts that have gone, since they were not as written."""
        told = self.about.get("damaged")
        return [name for name in told if isinstance(name, str)] if isinstance(told, list) else []

    def _tell(self, damaged: Iterable[str]) -> None:
        """Note which parts are lost, before they go: a reader tells it."""
        if names := sorted(set(damaged)):
            self.about["damaged"] = names
        elif self.about.pop("damaged", None) is None:
            return
        self._save()

    def _own(self) -> None:
        """Be the only one that writes this run, as long as this process lives: a lock on its folder."""
        self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._disown()
            raise ResultsError(f"{self.folder} is being written by another process.\nWait for it, or begin another run") from None
        except OSError:
            pass  # a file system without locks

    def _disown(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def run_id(self) -> str:
        return str(self.about["run_id"])

    def save(self, **changes: Any) -> None:
        """Write ``run.json`` anew, with some entries changed.

        Raises:
            NotStoredError: It can't be written.
        """
        self.about.update(changes)
        with self._writing():
            self._save()

    def _save(self) -> None:
        write_atomically(self.folder / "run.json", json.dumps(self.about, indent=1, default=str).encode())

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{self.folder} can't be written any more: {error.strerror or error}."
            if self.folder.is_dir():
                kept, place = "What was stored until then is intact.\nMake room, or make it writable, then:", str(self.folder)
            else:
                kept, place = "It was moved or removed, and with it what was stored until then.\nFrom where it is now:", "FOLDER"
            raise NotStoredError(f"{what} {kept} scalebench run --resume {place}") from None

    def write_launch(self, name: str, rounds: Sequence[Mapping[str, Any]], tasks: "pa.Table | None") -> None:
        """Store one launch: its tasks first, then the rounds, which make it count.

        Raises:
            NotStoredError: It can't be written.
        """
        if tasks is not None and len(tasks):
            self._write_part(name, "tasks", tasks, TASKS)
        texts = [{key: _utf8(value) if isinstance(value, str) else value for key, value in row.items()} for row in rounds]
        self._write_part(name, "rounds", to_table(texts, ROUNDS), ROUNDS)

    def _write_part(self, name: str, table: str, rows: "pa.Table", columns: tuple[Column, ...]) -> None:
        content = io.BytesIO()
        write_table(rows, content, columns)
        with self._writing():
            write_atomically(self.folder / "parts" / part_name(name, table, content.getbuffer()), content.getbuffer())

    def compact(self) -> None:
        """Make one file of all parts of each table, then remove the parts.

        Raises:
            NotStoredError: They can't be written; the parts are as they were.
        """
        parts = self.folder / "parts"
        found = {"tasks": find_parts(parts, "tasks"), "rounds": find_parts(parts, "rounds")}
        kept = set(map(launch_of, found["rounds"].whole))
        lost = [*found["rounds"].damaged, *(part for part in found["tasks"].damaged if launch_of(part) in kept)]
        with self._writing():
            self._tell([*self._damaged(), *(part.name for part in lost)])
        for table, columns in (("tasks", TASKS), ("rounds", ROUNDS)):
            files = [part for part in found[table].whole if launch_of(part) in kept]
            with self._writing(), written_atomically(self.folder / f"{table}.parquet") as file:
                _join(files, file, columns)
        shutil.rmtree(parts, ignore_errors=True)
        self._disown()
