"""What runs in each worker: it is given a workload once, then runs one task after another and records each.

Promises: a task's record is taken around the task alone; a task that raises, whatever it raises, becomes a
:class:`TaskFailure` with its traceback, worker and node, so that no pool has to carry the exception; set-up never
raises, its failure is reported by :func:`ready`.
"""

import functools
import os
import pickle
import platform
import threading
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from scalebench.host import probe
from scalebench.host.recorder import Record, make_recorder
from scalebench.workloads.describe import Workload, as_workload

_HERE = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is more than a worker needs; frames of this folder are in no traceback of a task


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is given once: which workload to run, and how it names itself."""

    workload: str  #: ``module:attribute``, or what to show of a pickled one
    kind: str | None = None  #: of the ``really_hard_task`` family; ``workload`` is then its name
    pickled: bytes | None = None  #: a function pickled by value, where no reference can name it
    kwargs: bytes | None = None  #: the pickled keyword arguments of each task; None: it has none
    threaded: bool = False  #: workers are threads of one process


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task that raised: text only, so that it travels whatever the exception was made of."""

    error: str  #: type and message
    traceback: str
    worker: int
    node: str
    called: bool = True  #: whether the function under test was reached: no where it takes other arguments

    def __str__(self) -> str:
        return f"{self.error}\nin worker {self.worker} on {self.node}:\n{self.traceback.rstrip()}"


class _State(threading.local):
    """Of this worker: a process, a rank or a thread."""

    task: Callable[[Any], Any] | None = None  #: None until installed
    record: Callable[[Any], Record]  #: the task, recorded; set when installed
    failure: TaskFailure | None = None
    job: Job | None = None  #: taken, and not yet set up
    key: int = -1
    threaded: bool = False


_state = _State()


def install(job: Job) -> None:
    """Make this process, rank or thread a worker for ``job``: import the workload and run its set-up, once."""
    take(job)
    set_up()


def take(job: Job) -> None:
    """Keep what this worker is given once; nothing of it is looked at yet."""
    state = _state
    state.task = state.failure = None  # of an earlier launch, where the worker has outlived it
    state.job = job
    state.threaded = job.threaded
    # one number that no other worker of the launch has, on this node or another
    state.key = zlib.crc32(platform.node().encode()) << 32 | (threading.get_native_id() if job.threaded else os.getpid())


def set_up() -> TaskFailure | None:
    """The rest of :func:`install`, of the job that was taken; returns what :func:`ready` does."""
    state = _state
    job, state.job = state.job, None
    if job is None:
        return ready()
    # the process's CPU time covers its BLAS threads; threads of one process can only be told apart by their own
    cpu_clock = time.thread_time if job.threaded else time.process_time
    try:
        workload = resolve(job)
        state.task = _bind(workload)
        state.record = make_recorder(state.task, workload.work_units, state.key, cpu_clock)
    except BaseException as error:  # noqa: BLE001 - reported by ready(), whatever it was
        state.failure = _failure(error)
    return ready()


def resolve(job: Job) -> Workload:
    """The workload that ``job`` names, imported here."""
    if job.kind is not None:
        run = import_module(f"scalebench.workloads.{job.kind}").KIND.run
        return Workload(function=lambda item: run(*item))
    workload = as_workload(_attribute(job), job.workload)
    if job.kwargs is None:
        return workload
    return replace(workload, function=functools.partial(workload.function, **pickle.loads(job.kwargs)))


def _attribute(job: Job) -> Any:
    if job.pickled is not None:
        return pickle.loads(job.pickled)
    module, _, attribute = job.workload.partition(":")
    value: Any = import_module(module)
    for name in attribute.split("."):
        value = getattr(value, name)
    return value


def _bind(workload: Workload) -> Callable[[Any], Any]:
    """The function of one item that tasks call; runs the set-up where there is one."""
    function = workload.function
    if workload.setup is None:
        return function
    shared = workload.setup()
    return lambda item: function(item, shared)


def ready() -> TaskFailure | None:
    """What went wrong in :func:`install`; None when this worker is ready."""
    if _state.task is None and _state.failure is None:
        return TaskFailure("the worker was never set up", "", _state.key, platform.node())
    return _state.failure


def describe() -> dict[str, Any]:
    """What :mod:`probe` finds in this worker."""
    return probe.describe_worker(_state.key)


def read_clock() -> tuple[int, float]:
    """The key of this worker, and what the clock of its tasks says now, s."""
    return _state.key, time.perf_counter()


def software() -> tuple[str, dict[str, str | None]]:
    """The node of this worker, and the versions that it runs."""
    return platform.node(), probe.software()


def bind(places: dict[int, list[int]]) -> tuple[int, list[int]]:
    """Bind this worker to its place, by key; returns the key and the CPUs as read back."""
    return _state.key, probe.bind(places[_state.key], whole_process=not _state.threaded)


def run_plainly(item: Any) -> Any:
    """Run one task and record nothing (``task_timing`` off): what it raises is the interface's to carry."""
    task = _state.task
    assert task is not None
    return task(item)


def in_place(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same for a worker that gets its whole share at once: :func:`run_plainly` without its call around each task."""
    return _state.task if function is run_plainly and _state.task is not None else function


def run_task(item: Any) -> Record | TaskFailure:
    """Run one task and record it; the function that backends map over the items."""
    try:
        return _state.record(item)
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a task is a failed task, not a lost worker
        return _failure(error, of_task=True)


def _failure(error: BaseException, *, of_task: bool = False) -> TaskFailure:
    """Of a task without the frames of this folder; of set-up with all, since they say what was being done."""
    try:
        kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    except Exception:  # noqa: BLE001 - an exception whose own str() raises
        kind = type(error).__name__
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename.startswith(_HERE):
        own = own.tb_next
    told = "".join(traceback.format_exception(type(error), error, own if of_task else error.__traceback__))
    return TaskFailure(kind, told, _state.key, platform.node(), own is not None)
