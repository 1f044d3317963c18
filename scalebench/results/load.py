"""Read results back: a run's folder, finished or not, one parquet or JSON file, or a folder of runs.

Files carry a schema version; loading never unpickles and never opens a path that stands in a file.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, TASKS, Column, arrow_schema, to_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

DEFAULT_RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: the rows, and what is known about the run."""

    rounds: "pd.DataFrame"  #: one row a round; columns in ``scalebench.results.schema.ROUNDS``
    source: "pd.DataFrame | Callable[[], pd.DataFrame]"  #: of :attr:`tasks`; called when they are first looked at
    about: dict[str, Any]  #: study, machine, versions, findings: the content of ``run.json``
    path: Path | None = None  #: where it was read from

    @property
    def tasks(self) -> "pd.DataFrame":
        """One row a task of a round; columns in ``TASKS``. Of many runs there are millions, so they are read when asked for."""
        return self.source() if callable(self.source) else self.source

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The doubts that were stored with the rows."""
        runs = self.about.get("runs", [self.about])
        return [finding for about in runs for finding in about.get("findings", [])]


def load(path: str | Path | None = None) -> Result:
    """Results from a run's folder, a folder of runs, a parquet or a JSON file; the latest run when None.

    Raises:
        ResultsError: Nothing there, or not results of scalebench; the message says which file.
    """
    place = latest_run() if path is None else Path(path)
    if not place.exists() and (in_default := Path(DEFAULT_RESULTS) / str(path)).exists():
        place = in_default  # a bare run id
    if not place.exists():
        raise ResultsError(f"no results at {str(place)!r}: no such file or folder.\n'scalebench list' shows the runs")
    if place.name == "run.json" and _is_run(place.parent):
        return _load_run(place.parent)
    if place.suffix == ".json" and place.is_file():
        from scalebench.results.exchange import read_json

        return read_json(place)
    if place.is_file():
        return Result(_read([place], ROUNDS), to_frame(None, TASKS), {}, place)
    if _is_run(place):
        return _load_run(place)
    runs = find_runs(place)
    if not runs:
        raise ResultsError(f"no results in {str(place)!r}: no run folder with a run.json.\nGive the folder of a run, or of runs")
    if len(runs) == 1:
        return _load_run(runs[0])
    rounds, tasks, about = _load_runs(runs)
    return Result(rounds, tasks, {"runs": about}, place)


def _is_run(folder: Path) -> bool:
    """Whether it is the folder of a run, finished or not; an exported file may be called ``run.json`` too."""
    return (folder / "run.json").is_file() and ((folder / "rounds.parquet").is_file() or (folder / "parts").is_dir())


def _load_runs(folders: list[Path]) -> tuple["pd.DataFrame", "Callable[[], pd.DataFrame]", list[dict[str, Any]]]:
    """The rounds of some runs, what reads their tasks, and what is known about each."""
    rounds: list[Path] = []
    tasks: list[Path] = []
    for folder in folders:
        mine = _files(folder, "rounds")
        kept = {file.name.removesuffix(".rounds.parquet") for file in mine}
        rounds += mine
        tasks += [
            file for file in _files(folder, "tasks") if file.parent == folder or file.name.removesuffix(".tasks.parquet") in kept
        ]
    about = [read_about(folder) for folder in folders]
    with ThreadPoolExecutor() as pool:  # read later, but a file that is damaged or of another tool is refused now
        list(pool.map(lambda file: _checked(file, TASKS), tasks))
    return _read(rounds, ROUNDS), cache(lambda: _read(tasks, TASKS)), about


def _load_run(folder: Path) -> Result:
    rounds, tasks, about = _load_runs([folder])
    return Result(rounds, tasks(), about[0], folder)  # at once: a run that is being written makes one file of its parts


def _files(folder: Path, table: str) -> list[Path]:
    """The compacted file, or the parts of a run that did not come to its end."""
    whole = folder / f"{table}.parquet"
    return [whole] if whole.exists() else sorted((folder / "parts").glob(f"*.{table}.parquet"))


def _read(files: list[Path], columns: tuple[Column, ...]) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    with ThreadPoolExecutor() as pool:
        tables = list(pool.map(lambda file: _table(file, columns), files))
    if len(tables) > 1 and all(table.schema.equals(arrow_schema(columns)) for table in tables):
        tables = [pa.concat_tables(tables)]  # as we write them: one conversion of all is many times as fast as one of each
    frames = [_frame(table, columns, file) for table, file in zip(tables, files, strict=False)]
    return pd.concat(frames, ignore_index=True) if frames else to_frame(None, columns)


def _frame(table: "pa.Table", columns: tuple[Column, ...], file: Path) -> "pd.DataFrame":
    try:
        return to_frame(table.to_pandas(integer_object_nulls=True, ignore_metadata=True), columns)
    except (ValueError, TypeError, OverflowError) as error:
        raise ResultsError(f"{file} holds values that its columns can't: {error}") from None


def _table(file: Path, columns: tuple[Column, ...]) -> "pa.Table":
    with _named(file):
        return _checked(file, columns).read(use_threads=False)  # many small files: one thread each, not one a column


def _checked(file: Path, columns: tuple[Column, ...]) -> "pq.ParquetFile":
    """An open file of parquet that has these columns, in a version that is known."""
    import pyarrow.parquet as pq

    with _named(file):
        found = pq.ParquetFile(file)
        schema = found.schema_arrow
    check_version((schema.metadata or {}).get(b"scalebench.schema_version"), file)
    missing = [one.name for one in columns if one.name not in schema.names]
    if missing:
        raise ResultsError(f"{file} lacks the columns {', '.join(missing[:5])}: not rows of scalebench")
    return found


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What goes wrong in here is said of this file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ResultsError(f"{file} can't be read as parquet: {error}") from None


def check_version(version: object, file: Path) -> None:
    """Refuse a file of a schema that this version does not know."""
    text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= SCHEMA_VERSION:
        raise ResultsError(
            f"{file} has schema version {text[:40]!r}, this scalebench reads 1 to {SCHEMA_VERSION}.\n"
            "A newer scalebench reads it: python -m pip install --upgrade scalebench"
        )


def read_about(folder: Path) -> dict[str, Any]:
    """The content of a run's ``run.json``."""
    path = folder / "run.json"
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ResultsError(f"{path} can't be read: {error}") from None
    if not isinstance(about, dict):
        raise ResultsError(f"{path} is not what scalebench writes: not a JSON object")
    return about


def find_runs(results: str | Path = DEFAULT_RESULTS) -> list[Path]:
    """The run folders below ``results``, oldest first."""
    return sorted(
        (file.parent for file in Path(results).glob("**/run.json") if _is_run(file.parent)), key=lambda folder: folder.name
    )


def latest_run(results: str | Path = DEFAULT_RESULTS) -> Path:
    """The folder of the run that was started last; committed reference runs don't count unless there is no other."""
    runs = find_runs(results)
    own = [run for run in runs if run.parent.name != "reference"] or runs
    if not own:
        raise ResultsError(f"no run in {str(results)!r}.\nMeasure one: scalebench run, or nox -s bench")
    return own[-1]
