"""What is expected of a study before it runs: the right answers, the time it will take, the threads that want a CPU.

The answers and the cost come from one serial pass over all items, the reference, measured before block 0. From the
cost a model, deliberately plain, estimates each round; the estimate and the time really taken are both stored.
"""

import itertools
import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from scalebench import machine
from scalebench.backends.registry import get_backend, references
from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import (
    HostCrashedError,
    HostError,
    HostFailedError,
    HostTimeoutError,
    LauncherError,
    WorkloadError,
    count,
    shortened,
)
from scalebench.host import protocol
from scalebench.host.answers import combine
from scalebench.items import items_text
from scalebench.launchers.base import Launcher, never, options, ranks
from scalebench.programs import filled, program_request, wrong_with
from scalebench.study import Study
from scalebench.sweep import Sweep, as_serial, job_and_items
from scalebench.workloads.kinds import get_kind

LEAST_ROUNDS = 5
MOST_ROUNDS = 51
_ENOUGH_ROUNDS_S = 0.25  # timed seconds a launch should hold, where rounds are short
_REFERENCE_TIMEOUT_S = 3600.0
_SHORT_REFERENCE_S = 2.0
_LEAST_TIMEOUT_S = 60.0
_LONGEST_COMMAND = 300  # characters that somebody may be asked to type
_MANY_TASKS = 100_000  # from which on those of a built-in kind may take long, too
#: answers that are work still to be done, and what to do about each
_LAZY = {
    "coroutine": "Measure a function that runs it: asyncio.run(simulate(item))",
    "async_generator": "Measure a function that runs it to its end with asyncio.run",
    "generator": "Measure a function that goes through it: list(simulate(item))",
}
_BOOKKEEPING_S = 0.08  # of a launch, roughly: canary, verification, parts written and synced; for estimates only


@dataclass(frozen=True, slots=True)
class Reference:
    """One serial pass over the items: what the answers are and what each task costs."""

    durations: list[float]  #: seconds, by task
    digests: list[str] | None  #: of the answers, by task; None where they have no digest
    start_s: float  #: from the host's command until its worker was set up
    unchecked: str | None = None  #: the type of the answers, where they can't be compared
    varies: int | None = None  #: the first task that was answered in another way when it was run once more

    def serial_s(self, tasks: int) -> float:
        """Seconds of ``tasks`` tasks one after the other; items repeat where there are more tasks."""
        return sum(itertools.islice(itertools.cycle(self.durations), tasks)) if self.durations else 0.0

    def expected(self, tasks: int) -> str | None:
        """The digest that a round of ``tasks`` tasks must have."""
        if not self.digests:
            return None
        return combine(itertools.islice(itertools.cycle(self.digests), tasks))


def reference_key(case: Case) -> tuple[Any, ...]:
    """Equal for cases that share a reference. A spread of sizes depends on how many there are."""
    return (case.workload, case.kind, case.size, case.imbalance, case.items_digest, case.seed,
            case.tasks if case.imbalance else None)  # fmt: skip


#: told what the first item of a workload of one's own, or of very many tasks, showed, before the others are run;
#: raises where that is not wanted
Looked = Callable[[Case, Reference], None]


def measure_references(
    sweep: Sweep, timeout: float | None = None, looked: Looked = lambda _case, _first: None
) -> dict[tuple[Any, ...], Reference]:
    """Run each workload once, serially, over the most items that any case gives it; a program once, with the fewest workers.

    Args:
        sweep: What will be measured.
        timeout: Seconds that a round may take, where the study says.
        looked: Told of each workload of one's own, and of very many tasks, after its first item.

    Raises:
        WorkloadError: It can't be imported, or it fails: nothing has been measured yet.
    """
    largest: dict[tuple[Any, ...], Case] = {}
    fewest: dict[tuple[Any, ...], list[Case]] = {}
    order = list(sweep.variants)
    # the first variant that has the workload tells the answers that the others must have
    for entry in sorted(sweep.entries, key=lambda one: 0 if one.case.variant is None else order.index(one.case.variant)):
        case = entry.case
        if case.backend == PROGRAM:
            fewest.setdefault(reference_key(case), []).append(case)
            continue
        if case.items_digest is not None:
            case = replace(case, tasks=min(case.tasks, len(sweep.items[case.items_digest])))
        known = largest.setdefault(reference_key(entry.case), case)
        if known.tasks < case.tasks:
            largest[reference_key(entry.case)] = replace(case, variant=known.variant)
    programs = {key: min(cases, key=lambda one: one.workers * (one.blas_threads or 1)) for key, cases in fewest.items()}
    runs = {
        key: partial(_measure, case, sweep, timeout, looked) for key, case in largest.items() if not refusal(case, sweep.launcher)
    }
    runs |= {key: partial(_measure_program, case, sweep, timeout) for key, case in programs.items()}
    return {key: _twice(measure, sweep) for key, measure in runs.items()}


def _twice(measure: Callable[[], Reference], sweep: Sweep) -> Reference:
    """Once more where its job was lost, in another one, or its host could not be started: that says nothing of the workload."""
    try:
        return measure()
    except HostError:  # of that alone: all others are told as what they say of the workload
        sweep.launcher.wait(never)
    try:
        return measure()
    except HostError as error:
        raise LauncherError(f"{error}.\nNothing was measured. Begin again when that has passed") from None


def _measure_program(case: Case, sweep: Sweep, timeout: float | None) -> Reference:
    """Its cost, by task; there are no answers to compare."""
    shown = shlex.join(filled(sweep.programs[case.workload].command, case, sweep))
    host = sweep.launcher.start(case)
    try:
        host.ask(open_request(case, sweep), _LEAST_TIMEOUT_S)
        start_s = machine.clock() - host.started
        reply = host.ask({"do": "round"}, timeout or _REFERENCE_TIMEOUT_S)
    except HostError as error:
        if host.taken_away:
            raise
        if isinstance(error, HostTimeoutError):
            limit = timeout or _REFERENCE_TIMEOUT_S
            raise WorkloadError(
                f"{shown}: did not end within {limit:g} s. Nothing was measured.\nGive --timeout, or less work"
            ) from None
        raise WorkloadError(f"{shown}: {error}\nNothing was measured.") from None
    finally:
        host.end()
    if (wrong := wrong_with(reply, sweep.programs[case.workload])) is not None:
        raise WorkloadError(f"{shown}: {wrong[1]}\nNothing was measured. {wrong[2]}")
    return Reference([reply["wall_s"] * case.workers / case.tasks], None, start_s)


def _measure(case: Case, sweep: Sweep, timeout: float | None, looked: Looked) -> Reference:
    serial, limit = as_serial(case), timeout or _REFERENCE_TIMEOUT_S
    named = f"workload = {case.workload!r}"
    replies: list[dict[str, Any]] = []
    at_first = case.kind is None or case.tasks >= _MANY_TASKS
    host = sweep.launcher.start(serial, sweep.start_of(serial))
    try:
        host.ask(open_request(serial, sweep), max(_LEAST_TIMEOUT_S, timeout or 0.0))
        start_s = machine.clock() - host.started
        request = {"do": "round", "task_timing": "on", "digests": True}
        if at_first:  # nobody knows how long it takes, or whether it works at all
            replies.append(host.ask({**request, "first": 1}, limit))
            if (lazy := replies[0].get("unchecked")) in _LAZY:
                raise WorkloadError(
                    f"{named}: returns a {lazy}: calling it ran nothing, so there is nothing to time.\n{_LAZY[lazy]}"
                )
            looked(case, Reference(_durations(replies[0]), None, start_s))
        reply = host.ask(request, limit)
        replies.append(reply)
        durations = _durations(reply)
        if reply["wrong"]:
            wrong = ", ".join(map(str, reply["wrong"]))
            raise WorkloadError(
                f"{named}: its own check refuses the answers to items {wrong} when they are run one after the other. "
                "Nothing was measured.\nMend the check or the function"
            )
        if reply["wall_s"] < _SHORT_REFERENCE_S:  # a second look at what was cold, or met a busy moment
            replies.append(host.ask(request, limit))
            durations = list(map(min, durations, _durations(replies[-1])))
    except HostError as error:
        if host.taken_away:
            raise
        raise WorkloadError(f"{named}: {_cause(error, case, sweep, at_first=at_first and not replies)}") from None
    finally:
        host.end()
    varies = _first_other(replies) if case.kind is None else None
    return Reference(durations, None if varies is not None else reply["digests"], start_s, reply.get("unchecked"), varies)


def _cause(error: HostError, case: Case, sweep: Sweep, *, at_first: bool) -> str:
    """Why the reference could not be measured; ``at_first``: not even its first item."""
    if isinstance(error, HostTimeoutError):
        what, way_out = (
            "its first item" if at_first else "one pass over its items",
            "Give fewer items or less work, or a longer --timeout",
        )
        if error.request == "open":
            what, way_out = "its import and set-up", "Do less there, or give a longer --timeout"
        return f"{what} took longer than {error.seconds:g} s. Nothing was measured.\n{way_out}"
    if isinstance(error, HostCrashedError):
        return _of_crash(error, case, sweep, at_first=at_first)
    if isinstance(error, HostFailedError) and error.task is not None:
        return _of_task(error.task)
    if isinstance(error, HostFailedError) and error.brief is not None:
        return f"can't be set up: {error.brief}.\n{_way_in(error.brief, case.reference)}"
    return f"does not run serially, so there is nothing to compare with:\n{error}"


def _first_other(replies: list[dict[str, Any]]) -> int | None:
    """The first task that passes over the same items answered in different ways."""
    told = [reply["digests"] for reply in replies if reply["digests"]]
    return next(
        (task for one, other in itertools.pairwise(told) for task, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        None,
    )


def _of_task(task: Mapping[str, Any]) -> str:
    """What a task raised, once, with the traceback that is its own."""
    which = f"item {task['task']} ({task['item']})"
    if not task["called"]:
        return (f"can't be called with {which}: {task['error']}.\n"
                "It is called with one item: function(item); what else it needs is for --kwargs, "
                "and an object that a worker makes once for the setup of a scalebench.Workload")  # fmt: skip
    return f"raised on {which}:\n{task['traceback'].rstrip()}\nNothing was measured. Mend it, or leave that item out"


def _of_crash(error: HostCrashedError, case: Case, sweep: Sweep, *, at_first: bool) -> str:
    """Of a process that is gone nobody can ask which item it was at: how to find that by hand."""
    items = range(case.tasks) if case.items_digest is None else sweep.items[case.items_digest]
    which = f"its first item ({shortened(repr(items[0]), 200)})" if at_first else f"one of its {count(case.tasks, 'item')}"
    way_out = f"{_by_hand(case, sweep, items)}Mend it, or leave that item out"
    if error.request == "open":
        which, way_out = "its import or set-up", f"{_by_hand(case, sweep, items)}Mend that"
    elif case.kind is not None:
        way_out = "Give a smaller --size"
    return f"{which} ended the process of the serial reference:\n{error}\nNothing was measured. {way_out}"


def _by_hand(case: Case, sweep: Sweep, items: Sequence[Any]) -> str:
    """How to see where a function ends its process, as it is typed; nothing where no short command says it."""
    module, _, attribute = case.reference.partition(":")
    call = ", ".join(["item", *(f"{name}={value!r}" for name, value in sweep.kwargs.get(case.workload, {}).items())])
    code = f"import {module}; [print(item, flush=True) or {module}.{attribute}({call}) for item in {items_text(items)}]"
    if sweep.functions.get(case.workload) is not None or len(code) > _LONGEST_COMMAND:
        return ""
    return f"See where: python -c {shlex.quote(code)}\n"


def _way_in(error: str, reference: str) -> str:
    module, _, attribute = reference.partition(":")
    if module.endswith(".py"):
        return f"Modules are named as in an import: {module.removesuffix('.py')}:{attribute}"
    if error.startswith("TypeError") and "not a function of one item" in error:
        return "Give module:function, or the name of a scalebench.Workload"
    return "Give module:function, importable by this Python; the working folder is looked in too"


def _durations(reply: dict[str, Any]) -> list[float]:
    starts, stops = (protocol.unpack(reply["tasks"][name], "d") for name in ("start_s", "stop_s"))
    return [stop - start for start, stop in zip(starts, stops, strict=True)]


def open_request(case: Case, sweep: Sweep) -> dict[str, Any]:
    """The first request to the host of a case."""
    if case.backend == PROGRAM:
        return {"do": "open", "program": program_request(case, sweep)}
    job, items = job_and_items(case, sweep)
    backend = get_backend(case.backend)
    own = options(case, backend)
    if sweep.address is not None and backend.scheduler is not None:
        own["scheduler"] = sweep.address
    return {
        "do": "open", "backend": references()[case.backend], "workers": case.workers, "options": own, "binding": case.binding,
        "job": job, "items": items,
    }  # fmt: skip


def refusal(case: Case, launcher: Launcher) -> str | None:
    """Why a case must not be started at all; None when it may."""
    held = held_bytes(case)
    there = launcher.machine()  # None: this one
    memory_gib = machine.memory_bytes() / 2**30 if there is None else there["memory_gib"] * case.nodes
    if held is not None and held > memory_gib * 2**30:
        where = "this machine has" if there is None else "its node has" if case.nodes == 1 else f"its {case.nodes} nodes have"
        return (f"refused: {count(case.workers, 'worker')} would hold {held / 2**30:.1f} GiB, {where} {memory_gib:.1f} GiB; "
                "use a smaller --size or fewer --workers")  # fmt: skip
    return None


def held_bytes(case: Case) -> int | None:
    """Bytes that the tasks of all workers hold at a time; None where the kind doesn't say."""
    kind = get_kind(case.kind) if case.kind else None
    if kind is None or kind.bytes_needed is None or case.size is None:
        return None
    shape, units = kind.parse(case.size)
    largest = math.ceil(units * (1 + (case.imbalance or 0)))
    return kind.bytes_needed(shape, largest) * case.workers


def runnable_threads(case: Case, gil: bool = True) -> int:
    """Threads expected to want a CPU at a time: by backend (threads share one BLAS, and the GIL) and by workload."""
    kind = get_kind(case.kind) if case.kind else None
    if kind is not None and not kind.cpu_bound:
        return 0
    if get_backend(case.backend).threads:
        if kind is not None and kind.holds_gil and gil:
            return 1
        return max(case.workers, case.blas_threads or 1)
    return case.workers * (case.blas_threads or 1)


def round_s(case: Case, reference: Reference) -> float:
    """Seconds that one round of a case is expected to take."""
    serial_s = reference.serial_s(case.tasks)
    kind = get_kind(case.kind) if case.kind else None
    if kind is not None and kind.fixed_time:
        holds = kind.holds_gil and get_backend(case.backend).threads
        return serial_s if holds and kind.cpu_bound else serial_s / case.workers
    threads = max(1, runnable_threads(case))
    budget = machine.cpu_budget()
    # BLAS threads of several workers wait for each other while some have no CPU: as much slower as oversubscribed
    contention = threads / budget if (case.blas_threads or 1) > 1 and case.workers > 1 and threads > budget else 1
    return serial_s / min(threads, budget) * max(1.0, contention)


def rounds_for(round_wall_s: float, study: Study) -> int:
    """Timed rounds of a launch: what the study says, else at least 5, and more where they are short.

    An odd number: the lower median of an even number of rounds is below the median, of 6 by a fifth of their standard deviation.
    """
    if study.rounds is not None:
        return int(study.rounds)
    enough = math.ceil(_ENOUGH_ROUNDS_S / max(round_wall_s, 1e-9))
    return max(LEAST_ROUNDS, min(MOST_ROUNDS, enough + 1 - enough % 2))


def blocks_for(study: Study) -> int:
    """Blocks that a run is planned with: what the study says; with a precision the fewest that can reach it."""
    if study.precision is None:
        return int(study.blocks)
    from scalebench.analysis.precision import LEAST

    return LEAST


def launch_s(case: Case, reference: Reference, study: Study) -> float:
    """Seconds that one launch of a case is expected to take: start, warm-up, rounds, end."""
    fresh = case.workers if ranks(case) is not None or case.start_method not in (None, "fork") else 0
    # fresh interpreters start side by side, as many at a time as there are CPUs
    start_s = reference.start_s * (1 + fresh / machine.cpu_budget())
    backend = get_backend(case.backend)
    if study.scheduler is None or backend.scheduler is None:
        fixed_s, worker_s = backend.pool_s
        start_s += fixed_s + worker_s * case.workers / machine.cpu_budget()
    one = round_s(case, reference)
    return _BOOKKEEPING_S + start_s + one * (1 + rounds_for(one, study))


def estimate_s(cases: Iterable[Case], references: dict[tuple[Any, ...], Reference], study: Study) -> float:
    """Seconds that all blocks are expected to take."""
    known = [(case, reference) for case in cases if (reference := references.get(reference_key(case)))]
    whole = float(blocks_for(study) * sum(launch_s(case, reference, study) for case, reference in known))
    return whole if study.budget is None else min(whole, float(study.budget))


def timeout_s(case: Case, reference: Reference | None, study: Study, cpus: int | None = None) -> float:
    """Seconds that one round may take before it is given up, on so many CPUs; None: on those of this machine."""
    if study.timeout is not None:
        return float(study.timeout)
    if reference is None:
        return _LEAST_TIMEOUT_S
    # oversubscribed BLAS threads were seen to cost ten times the serial time
    return max(
        _LEAST_TIMEOUT_S, 20 * reference.serial_s(case.tasks) * max(1, runnable_threads(case) / (cpus or machine.cpu_budget()))
    )
