"""The columns of a result: name, type, unit, range and meaning; the one place that knows them.

Null means not measured, 0 means zero. Seconds are float64, counts int64, text UTF-8.

Schema versions; a file of an older one is read, and what it lacks is null:
    1   the first; never in a release.
    2   ``nodes_found``; never in a release.
    3   ``broadcast_s``; in ``run.json`` a study that can be read again, its arguments and a command beside ``workload``; of 0.1.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION = 3

STATUSES = ("ok", "failed", "timeout", "crashed", "unavailable", "mismatch", "skipped")
#: those after which nobody should be told that all is well
BAD_STATUSES = ("failed", "timeout", "crashed", "mismatch")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``docs/reference/columns.md`` is written from these."""

    name: str
    type: str  #: ``str``, ``int``, ``float`` (64 bits each) or ``bool``
    meaning: str
    unit: str = ""  #: of a number; ``ratio``: of two things of one kind; ``index`` or ``number`` where it counts nothing
    range: str = ""  #: of a number: ``>= 0``, ``> 0``, ``0 to 1``, ``any``; of text: the values that there are, empty: any
    of: str = ""  #: of a ratio: what it is taken against, its denominator
    since: int = 1  #: the schema version that brought it


def _columns(*rows: tuple[Any, ...]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


def lacking(found: Container[str], columns: tuple[Column, ...], version: int) -> list[str]:
    """The names of those that a file of this version must have, and has not."""
    return [one.name for one in columns if one.since <= version and one.name not in found]


#: which launch and round a row is of
WHICH = _columns(
    ("run_id", "str", "one execution of a study on one machine"),
    ("machine_id", "str", "a digest of the machine's fingerprint"),
    ("case_id", "str", "a digest of what was asked; equal on all machines"),
    ("study", "str", "name of the study"),
    ("suite", "str", "name of the suite that the case belongs to"),
    ("block", "int", "pass over all cases, from 0", "index", ">= 0"),
    ("attempt", "int", "launch of the case in this block, from 0", "index", ">= 0"),
    ("round", "int", "timed pass over all tasks, from 0; null where none was reached", "index", ">= 0"),
    ("warmup", "bool", "a pass before the counted ones"),
    ("started_at", "str", "UTC, ISO 8601, when the launch was begun"),
)
#: what was asked for: the fields of a case
ASKED = _columns(
    ("workload", "str", "really_hard_task, or module:attribute"),
    ("kind", "str", "of the really_hard_task family", "", "sleep, spin, crunch, blas, stream"),
    ("size", "str", "work of a mean task", "the kind's"),
    ("imbalance", "float", "half-width of the spread of task sizes", "ratio", "0 to 1", "the mean size of a task"),
    ("items_digest", "str", "of given items; null where they follow from tasks"),
    ("seed", "int", "of the imbalance", "number", ">= 0"),
    ("scaling", "str", "strong: same total work; weak: same work per worker", "", "strong, weak"),
    ("variant", "str", "another start command for the host"),
    ("backend", "str", "parallel interface"),
    ("start_method", "str", "of worker processes", "", "fork, forkserver, spawn"),
    ("mpi_mode", "str", "world: ranks started with the host; spawn: started by it", "", "world, spawn"),
    ("distribution", "str", "static dealing of tasks to ranks", "", "block, cyclic"),
    ("workers", "int", "processes, threads or ranks that run tasks", "count", ">= 1"),
    ("blas_threads", "int", "asked for in each worker", "threads per worker", ">= 1"),
    ("binding", "str", "of workers to CPUs; null: none", "", "cores, threads"),
    ("chunksize", "int", "tasks sent at a time; null: the interface's own default", "tasks", ">= 1"),
    ("tasks", "int", "in all, each round", "tasks per round", ">= 1"),
    ("launcher", "str", "how the host was started"),
    ("nodes", "int", "machines that the launcher was to put the workers on", "count", ">= 1"),
)
#: what was found to be true
FOUND = _columns(
    ("workers_found", "int", "workers that reported", "count", ">= 0"),
    ("nodes_found", "int", "machines that workers reported from", "count", ">= 1", "", 2),
    ("processes", "int", "all that the case started, launchers and managers too", "count", ">= 1"),
    ("blas_found_min", "int", "fewest BLAS threads found in a worker after the warm-up; null: no BLAS", "threads", ">= 1"),
    ("blas_found_max", "int", "most BLAS threads found in a worker after the warm-up; null: no BLAS", "threads", ">= 1"),
    ("blas_library", "str", "which BLAS the workers loaded"),
    ("chunksize_found", "int", "tasks that the interface really sent at a time", "tasks", ">= 1"),
    ("ranks_per_node", "int", "most MPI ranks on one node; null without MPI", "count", ">= 1"),
    ("gil", "bool", "whether the host's interpreter had its global lock on"),
    ("cpu_budget", "int", "CPUs that the workers might use", "count", ">= 1"),
    ("runnable_threads", "int", "threads expected to want a CPU at a time", "count", ">= 0"),
    ("oversubscribed", "bool", "runnable_threads > cpu_budget"),
)
TIMES = _columns(
    ("wall_s", "float", "the whole round, around the interface's own map", "s per round", "> 0"),
    ("startup_s", "float", "from the start of the workers until all are set up", "s per launch", ">= 0"),
    (
        "broadcast_s",
        "float",
        "of startup_s: one call to each worker that is up, with the workload and its shared arguments if they did not come with its start",
        "s per launch",
        ">= 0",
        "",
        3,
    ),
    ("shutdown_s", "float", "until no worker is left", "s per launch", ">= 0"),
    ("busy_s", "float", "sum of the tasks' wall times in their workers", "s per round", ">= 0"),
    ("busy_max_s", "float", "the same of the worker that was busy longest", "s per round", ">= 0"),
    ("cpu_s", "float", "sum of the tasks' CPU times; null where they can't cover the BLAS threads", "s per round", ">= 0"),
    ("cpu_wait_s", "float", "sum of the tasks' times runnable without a CPU", "s per round", ">= 0"),
    ("cpu_tree_s", "float", "CPU time of the host and all workers of its node", "s per round", ">= 0"),
    ("canary_s", "float", "a fixed small task, timed by the controller before the launch", "s per launch", "> 0"),
    ("clock_error_s", "float", "uncertainty of clocks between nodes; 0 on one machine", "s", ">= 0"),
)
FACTS = _columns(
    ("work_units", "int", "work counted inside the tasks", "the workload's, per round", ">= 0"),
    ("ctx_involuntary", "int", "times that a thread of host or worker lost its CPU", "count per round", ">= 0"),
    ("rss_peak_bytes", "int", "largest peak resident set of any one of the processes", "bytes", "> 0"),
    ("answers_digest", "str", "of all answers in item order; null where they have no digest"),
    ("answers", "str", "compared with the serial reference", "", "same, differ, unchecked"),
    ("exit_status", "int", "of the host; negative: the signal that ended it", "number", "any"),
    ("figure_of_merit", "float", "pulled from a program's output", "the program's", "any"),
    ("task_timing", "str", "off: tasks not recorded one by one", "", "on, off"),
    (
        "stop_reason",
        "str",
        "why the launch had no more rounds; pilot: a first launch, by its warm-up",
        "",
        f"planned, pilot, interrupted, {', '.join(STATUSES[1:])}",
    ),
    ("status", "str", "what became of the round, or of the launch that has none", "", ", ".join(STATUSES)),
    ("message", "str", "the cause, where the status is not ok"),
)
ROUNDS = (*WHICH, *ASKED, *FOUND, *TIMES, *FACTS)

TASKS = _columns(
    ("run_id", "str", "as in the rounds"),
    ("case_id", "str", "as in the rounds"),
    ("block", "int", "as in the rounds", "index", ">= 0"),
    ("attempt", "int", "as in the rounds", "index", ">= 0"),
    ("round", "int", "as in the rounds", "index", ">= 0"),
    ("task", "int", "position of the item, from 0", "index", ">= 0"),
    ("worker", "int", "which worker ran it, from 0", "index", ">= 0"),
    ("node", "int", "which node that was on, from 0", "index", ">= 0"),
    ("start_s", "float", "from the round's start; of another node it may be wrong by clock_error_s", "s", "any"),
    ("stop_s", "float", "the same of its end", "s", "any"),
    ("cpu_s", "float", "CPU time", "s per task", ">= 0"),
    ("cpu_wait_s", "float", "runnable without a CPU", "s per task", ">= 0"),
    ("work_units", "int", "work counted inside the task", "the workload's", ">= 0"),
)

#: what is known about a run: the keys of ``run.json``, and of ``Result.about``
ABOUT = {
    "run_id": "one execution of a study on one machine: when it began, to the microsecond, and a random end; also the folder's name",
    "schema_version": "version of the columns",
    "scalebench": "version of scalebench that measured",
    "study": "the study, by its keys, as it can be read again; words stand for long items, objects, addresses and paths, which are not kept",
    "suites": "the `case_id`s of each suite, in the order of the sweep",
    "machine": "the machine's fingerprint, as `scalebench machine --json` prints it: no host name, no user",
    "git_commit": "of the working folder; null outside of a repository",
    "variants": "by name: what each variant was on this machine",
    "started_at": "UTC, ISO 8601",
    "load_average": "of the machine, over the minute before",
    "cases": "how many, baselines included",
    "estimate_s": "seconds that the run was expected to take",
    "status": "`running`, `finished` or `interrupted`",
    "resumed": "each time that the run went on: when, the load average, the launches that it had; absent where it never was",
    "ended_by": "why there were no more blocks: `blocks`, `budget`, `precision`, `most blocks` (of a precision) or `no case left`; absent where the run did not come to its end",
    "actual_s": "seconds that it took in all, each time that it went on, but for what it waited for a queue; absent while it is running",
    "damaged": "names of the parts that were not as written, and so left out; absent where none was",
    "findings": "the doubts: code, numbers and sentence of each",
}

#: of any number in a column of floats, whatever its sign: sums and ratios of such numbers are numbers still
LARGEST = 1e100
_PANDAS = {"str": "string", "int": "Int64", "float": "float64", "bool": "boolean"}


@cache
def arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """The parquet schema of some columns, with the version in its metadata."""
    import pyarrow as pa

    types = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    metadata = {"scalebench.schema_version": str(SCHEMA_VERSION)}
    return pa.schema([(one.name, types[one.type]) for one in columns], metadata=metadata)


@cache
def stored_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """The same with what tells pandas, where it reads the file itself, that whole numbers and truth values may be null."""
    import pyarrow as pa

    schema = arrow_schema(columns)
    return pa.Table.from_pandas(to_frame(None, columns), schema, preserve_index=False).schema


def to_frame(rows: Any, columns: tuple[Column, ...]) -> "pd.DataFrame":
    """A frame with exactly these columns and types, from rows or columns; what is missing is null.

    Raises:
        ValueError, TypeError: A value that its column can't hold.
    """
    import pandas as pd

    # as objects: a null beside whole numbers would make them floats
    whole = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, dtype=object)
    frame = whole.reindex(columns=[one.name for one in columns])
    return frame.astype({one.name: _PANDAS[one.type] for one in columns})


def to_table(rows: Sequence[Mapping[str, Any]] | Mapping[str, Any], columns: tuple[Column, ...]) -> "pa.Table":
    """The same as a table of Arrow, which takes a twentieth of the time where there are few rows.

    Args:
        rows: Rows, or columns: arrays of one length, and single values that hold for all rows.
        columns: What the table has.
    Raises:
        ValueError, TypeError, OverflowError: A value that its column can't hold; but of a fraction a column of whole numbers keeps the
            whole part, as Arrow has it.
    """
    import pyarrow as pa

    schema = arrow_schema(columns)
    if isinstance(rows, Mapping):
        count = max((len(value) for value in rows.values() if hasattr(value, "__array__")), default=0)
        arrays = [
            pa.array(value, field.type, from_pandas=True)  # NaN is null
            if hasattr(value := rows.get(field.name), "__array__")
            else pa.repeat(pa.scalar(value, field.type), count)
            for field in schema
        ]
    else:
        arrays = [pa.array([row.get(field.name) for row in rows], field.type, from_pandas=True) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
