"""Read results back: a run's folder, finished or not, one parquet or JSON file, or a folder of runs.

Files carry a schema version; loading never unpickles and never opens a path that stands in a file.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError
from scalebench.findings import PartsDamaged
from scalebench.results import limits
from scalebench.results.json_file import read_json_file
from scalebench.results.limits import Room
from scalebench.results.parquet_file import read_columns
from scalebench.results.parts import EARLIER, find_parts, launch_of
from scalebench.results.result import Result, check_numbers, check_rounds, check_version, checked_about
from scalebench.results.schema import ROUNDS, TASKS, Column, arrow_schema, lacking, to_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

DEFAULT_RESULTS = "results"


def load(path: str | Path | None = None, *, foreign: bool = True) -> Result:
    """Results from a run's folder, a folder of runs or of JSON files, a parquet or a JSON file; the latest run when None.

    Args:
        path: Where they are, a run's id, or ``latest``.
        foreign: Whether a file of pytest-benchmark or pyperf will do: it has no workers, and so no scaling.
    Raises:
        ResultsError: Nothing there, or not results of scalebench; the message says which file.
    """
    found = _load(path)
    if not foreign:
        refuse_foreign(found)
    return found


def refuse_foreign(found: Result) -> None:
    """Raise ResultsError where rows are of pytest-benchmark or pyperf."""
    tools = sorted({str(about["tool"]) for about in found.runs if "tool" in about})
    if tools:
        raise ResultsError(f"{found.path} is of {' and '.join(tools)}: no worker counts stand in it, so there is no scaling to show.\n"
                           f"Compare it: scalebench compare {found.path} OTHER; see its rows: scalebench export {found.path} -o rows.csv")  # fmt: skip


def load_many(paths: Sequence[str | Path], *, foreign: bool = True) -> Result:
    """Several results as one, as :func:`load` takes each of them; none at all stand for the latest run.

    Raises:
        ResultsError: One can't be read, or two hold the same run.
    """
    return _joined([load(path, foreign=foreign) for path in paths or ["latest"]], None)


def _joined(results: list[Result], place: Path | None) -> Result:
    """Their rows as those of one, with what is known of each run; one alone is as it is."""
    import pandas as pd

    if len(results) == 1:
        return results[0]
    _refuse_twice((one.path, one.rounds["run_id"].dropna().unique()) for one in results)
    rounds = pd.concat([one.rounds for one in results], ignore_index=True)
    tasks = cache(lambda: pd.concat([one.tasks for one in results], ignore_index=True))
    return Result(rounds, tasks, {"runs": [about for one in results for about in one.runs]}, place)


def _refuse_twice(held: Iterable[tuple[Path | None, Iterable[str]]]) -> None:
    """Raise ResultsError where two places hold the same run: its launches would count twice, as if there were more of them.

    Args:
        held: Each place, and the ids of the runs that it holds.
    """
    seen: dict[str, Path | None] = {}
    for place, runs in held:
        for run in runs:
            if run in seen:
                raise ResultsError(
                    f"{seen[run]} and {place} both hold run {run}.\nGive each run once, or keep the copy elsewhere"
                )
            seen[run] = place


def _load(path: str | Path | None) -> Result:
    place = latest_run() if path is None or path == "latest" else Path(path)
    if not place.exists() and (in_default := Path(DEFAULT_RESULTS) / str(path)).exists():
        place = in_default  # a bare run id
    if not place.exists():
        raise ResultsError(f"no results at {str(place)!r}: no such file or folder.\n'scalebench list' shows the runs")
    if place.name == "run.json" and _is_run(place.parent):
        return _load_runs([place.parent], place.parent)
    if place.is_file() and is_json(place):
        from scalebench.results.exchange import read_json

        return read_json(place)
    if place.is_file():
        return Result(_read([place], ROUNDS), to_frame(None, TASKS), {}, place)
    if _is_run(place):
        return _load_runs([place], place)
    runs = find_runs(place)
    if not runs:
        from scalebench.results.exchange import read_json

        files = sorted(file for file in place.iterdir() if is_json(file) and file.is_file())
        if not files:
            raise ResultsError(
                f"no results in {str(place)!r}: no run folder with a run.json.\nGive the folder of a run, or of runs"
            )
        return _joined([read_json(file) for file in files], place)
    return _load_runs(runs, place if len(runs) > 1 else runs[0])


def is_json(path: Path) -> bool:
    """By its name: plain, or packed as pyperf does."""
    return path.name.endswith((".json", ".json.gz"))


def _is_run(folder: Path) -> bool:
    """Whether it is the folder of a run, finished or not; an exported file may be called ``run.json`` too."""
    return (folder / "run.json").is_file() and ((folder / "rounds.parquet").is_file() or (folder / "parts").is_dir())


def _load_runs(folders: list[Path], place: Path) -> Result:
    """Runs as one result. Their tasks are read when asked for, but what is damaged or another tool's is refused now."""
    rounds = [file for folder in folders for file in _files(folder, "rounds")]
    about = [_about(folder) for folder in folders]
    _refuse_twice((folder, [one["run_id"]]) for folder, one in zip(folders, about, strict=True) if "run_id" in one)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: _checked(file, TASKS).close(), _task_files(folders)))
    # listed again when read: a run that is being written makes one file of its parts
    tasks = cache(lambda: _read(_task_files(folders), TASKS))
    return Result(_read(rounds, ROUNDS), tasks, {"runs": about} if len(about) > 1 else about[0], place)


def _task_files(folders: list[Path]) -> list[Path]:
    """Those of launches whose rounds are there: a part of tasks is written first, and the one file of all tasks too.

    The earlier tasks of a run that is being resumed become a part before their rounds do.
    """
    found: list[Path] = []
    for folder in folders:
        kept = {EARLIER, *map(launch_of, _files(folder, "rounds"))}
        found += [file for file in _files(folder, "tasks") if file.parent == folder or launch_of(file) in kept]
    return found


def _files(folder: Path, table: str) -> list[Path]:
    """The compacted file, or the parts of a run that did not come to its end."""
    whole = folder / f"{table}.parquet"
    return [whole] if whole.exists() else find_parts(folder / "parts", table).whole


def _about(folder: Path) -> dict[str, Any]:
    """What is known about a run, and what of it was left out since it is damaged."""
    about = read_about(folder)
    damaged = set(about.get("damaged", []))
    damaged |= {part.name for table in ("rounds", "tasks") if not (folder / f"{table}.parquet").exists()
                for part in find_parts(folder / "parts", table).damaged}  # fmt: skip
    if damaged:
        told = PartsDamaged(folder=str(folder), parts=sorted(damaged)).described()
        about["findings"] = [*about.get("findings", []), told]
    return about


def _read(files: list[Path], columns: tuple[Column, ...]) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    room = Room()
    with ThreadPoolExecutor() as pool:
        tables = list(pool.map(lambda file: _table(file, columns, room), files))
    rows = [table.num_rows for table in tables]
    if len(tables) > 1 and all(table.schema.equals(arrow_schema(columns)) for table in tables):
        tables = [pa.concat_tables(tables)]  # as we write them: one conversion of all is many times as fast as one of each
    frames = [_frame(table, columns, file) for table, file in zip(tables, files, strict=False)]
    found = pd.concat(frames, ignore_index=True) if frames else to_frame(None, columns)
    if columns is ROUNDS:
        check_rounds(found, zip(files, rows, strict=True))
    else:
        check_numbers(found, columns, "tasks", zip(files, rows, strict=True))
    return found


def _frame(table: "pa.Table", columns: tuple[Column, ...], file: Path) -> "pd.DataFrame":
    try:
        return to_frame(table.to_pandas(integer_object_nulls=True, ignore_metadata=True), columns)
    except (ValueError, TypeError, OverflowError) as error:
        raise ResultsError(f"{file} holds values that its columns can't: {error}.\nTake the one that scalebench wrote") from None


def _table(file: Path, columns: tuple[Column, ...], room: Room) -> "pa.Table":
    with _named(file), _checked(file, columns) as found:
        there = set(found.schema_arrow.names)
        table = read_columns(file, found, [one.name for one in columns if one.name in there], room)
        table.validate(full=True)  # a text that is none would be known for one when pandas looks at it
        return table


def _checked(file: Path, columns: tuple[Column, ...]) -> "pq.ParquetFile":
    """An open file of parquet that has these columns, in a version that is known."""
    import pyarrow.parquet as pq

    with _named(file):
        found = pq.ParquetFile(file)
        schema = found.schema_arrow
    version = check_version((schema.metadata or {}).get(b"scalebench.schema_version"), file)
    if missing := lacking(schema.names, columns, version):
        raise ResultsError(f"{file} lacks the columns {', '.join(missing[:5])}: not rows of scalebench")
    return found


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What goes wrong in here is said of this file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ResultsError(
            f"{file} can't be read as parquet: {str(error).rstrip('.')}.\nIs it whole, and a file of scalebench? A table of yours is for 'scalebench fit'"
        ) from None


def read_about(folder: Path) -> dict[str, Any]:
    """The content of a run's ``run.json``."""
    path = folder / "run.json"
    about, _ = read_json_file(path, limits.ABOUT_BYTES)
    if not isinstance(about, dict):
        raise ResultsError(f"{path} is not what scalebench writes: not a JSON object.\nTake the one that scalebench wrote")
    return checked_about(about, str(path))


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
        raise ResultsError(f"no run in {str(results)!r}.\nMeasure one: scalebench run")
    return own[-1]
