"""One launch: a fresh host runs one case in one block; what it told becomes rows.

Promises: always at least one row, whatever happened; the row's status and message tell the cause; no process of the
launch is left. Not here: which launch is next (``runner``), where rows go (``results.store``).
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scalebench import machine, plan
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import BackendUnavailableError, HostCrashedError, HostError, HostFailedError, HostTimeoutError, StudyError
from scalebench.host import protocol
from scalebench.launchers.base import has_ranks, never
from scalebench.launchers.process import HostProcess
from scalebench.programs import wrong_with
from scalebench.results.schema import TASKS, to_table
from scalebench.study import Study
from scalebench.sweep import Sweep
from scalebench.workloads.kinds import get_kind

if TYPE_CHECKING:
    import pyarrow as pa

_OPEN_TIMEOUT_S = 120.0
_CLOSE_TIMEOUT_S = 30.0
INTERRUPTED = "interrupted"  #: why a launch has fewer rounds than planned


@dataclass(slots=True)
class Launch:
    """What one launch told so far. ``rows()`` and ``tasks()`` are what is stored."""

    case: Case
    identity: dict[str, Any]  #: the columns that say which launch it is
    found: dict[str, Any] = field(default_factory=dict)  #: columns that are the same in all of its rounds
    rounds: list[dict[str, Any]] = field(default_factory=list)  #: the other columns, the warm-up's first
    columns: list[dict[str, Any]] = field(default_factory=list)  #: of the tasks, a table for each counted round
    nodes: list[int] = field(default_factory=list)  #: of each worker
    status: str = "ok"
    message: str | None = None
    stop_reason: str = "planned"
    taken_away: bool = False  #: its job or its host went, which says nothing of the case

    def fail(self, status: str, message: str, **facts: Any) -> None:
        """Note why it ended; the round in flight becomes a row with that status."""
        self.status, self.message, self.stop_reason = status, message, status
        warming = bool(self.found) and not self.rounds  # the first pass is the warm-up
        number = None if not self.found else max(0, len(self.rounds) - 1)
        self.rounds.append({"round": number, "warmup": warming, "status": status, "message": message, **facts})

    def rows(self) -> list[dict[str, Any]]:
        """One row a round, warm-up and failure included."""
        common = {**self.identity, **self.case.asked(), **self.found, "stop_reason": self.stop_reason}
        return [{**common, **one} for one in self.rounds]

    def tasks(self) -> "pa.Table":
        """One row a task of a round."""
        import pyarrow as pa

        key = {name: self.identity[name] for name in ("run_id", "case_id", "block", "attempt")}
        tables = [to_table({**key, **one}, TASKS) for one in self.columns]
        return pa.concat_tables(tables) if tables else to_table([], TASKS)


def launch(
    case: Case,
    identity: dict[str, Any],
    sweep: Sweep,
    study: Study,
    reference: plan.Reference | None,
    rounds: int | None,
    task_timing: str = "on",
    ends: Callable[[], bool] = never,
) -> Launch:
    """Run one case once in a fresh host.

    Args:
        case: What to run.
        identity: ``run_id``, ``machine_id``, ``study``, ``suite``, ``block``, ``attempt``.
        sweep: Where the case's items and function are.
        study: Its settings.
        reference: The right answers and the cost; None leaves answers unchecked.
        rounds: Timed rounds; None: decided from the warm-up.
        task_timing: ``off``: the counted rounds record no tasks; their work is that of the warm-up, which does.
        ends: Asked before each round but the warm-up; where it says so, no further one is begun.
    """
    pilot = rounds is None and study.rounds is None
    told = Launch(case, {**identity, "case_id": case.case_id, "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                         "canary_s": machine.canary() if sweep.launcher.here else None}, stop_reason="pilot" if pilot else "planned")  # fmt: skip
    if (refused := plan.refusal(case, sweep.launcher)) is not None:
        told.fail("skipped", refused)
        return told
    host: HostProcess | None = None
    try:
        host = sweep.launcher.start(case, sweep.start_of(case))
        if case.backend == PROGRAM:
            _measure_program(told, host, sweep, study, reference, rounds, ends)
        else:
            _measure(told, host, sweep, study, reference, rounds, task_timing, ends)
            told.found["exit_status"] = host.end(patience=_CLOSE_TIMEOUT_S)
    except BackendUnavailableError as error:
        told.fail("unavailable", str(error))
    except StudyError as error:  # it was looked at before the run: a program that is gone since
        told.fail("failed", str(error))
    except HostError as error:
        exit_status = None
        if isinstance(error, HostCrashedError):
            exit_status, told.taken_away = error.exit_status, error.taken_away
        told.fail(error.status, str(error), exit_status=exit_status)
    finally:
        if host is not None:
            told.taken_away = host.taken_away
            host.end()
    return told


def _measure(
    told: Launch,
    host: HostProcess,
    sweep: Sweep,
    study: Study,
    reference: plan.Reference | None,
    rounds: int | None,
    task_timing: str,
    ends: Callable[[], bool],
) -> None:
    case = told.case
    expected = None if reference is None else reference.expected(case.tasks)
    # answers that vary by themselves say nothing, in another run neither
    varies = reference is not None and reference.varies is not None
    timeout = plan.timeout_s(case, reference, study, sweep.launcher.cpus(case.nodes))
    opened = host.ask(plan.open_request(case, sweep), max(_OPEN_TIMEOUT_S, timeout))
    _note_open(told, opened, machine.clock() - host.started, here=sweep.launcher.here)
    _check_nodes(told)
    told.found["processes"] = host.count_processes()
    warmup = host.ask({"do": "round", "task_timing": "on"}, timeout)
    _note_round(told, warmup, None, expected, varies=varies)
    _note_workers(told, host.ask({"do": "describe"}, max(_OPEN_TIMEOUT_S, timeout))["workers"])
    for number in range(plan.rounds_for(warmup["wall_s"], study) if rounds is None else rounds):
        if ends():
            told.stop_reason = INTERRUPTED
            break
        _note_round(told, host.ask({"do": "round", "task_timing": task_timing}, timeout), number, expected, varies=varies)
    told.found["shutdown_s"] = host.ask({"do": "close"}, max(_CLOSE_TIMEOUT_S, study.timeout or 0.0))["shutdown_s"]


def _measure_program(
    told: Launch,
    host: HostProcess,
    sweep: Sweep,
    study: Study,
    reference: plan.Reference | None,
    rounds: int | None,
    ends: Callable[[], bool],
) -> None:
    """The rounds of a program. What it is made of (processes, workers, the start of a pool) is its own: null."""
    case, program = told.case, sweep.programs[told.case.workload]
    timeout = plan.timeout_s(case, reference, study, sweep.launcher.cpus(case.nodes))
    opened = host.ask(plan.open_request(case, sweep), _OPEN_TIMEOUT_S)
    # its own steps or ranks are not there to be asked: one that names {nodes} has the CPUs that as many nodes told
    over_nodes = "nodes" in program.placeholders and not sweep.launcher.here
    cpus = sweep.launcher.cpus(case.nodes) if over_nodes else opened["cpus"]
    told.found |= {**_room(case, cpus, gil=True, here=sweep.launcher.here), "clock_error_s": 0.0}
    planned = rounds
    while planned is None or len(told.rounds) <= planned:  # the first is the warm-up
        if told.rounds and ends():
            told.stop_reason = INTERRUPTED
            return
        try:
            reply = host.ask({"do": "round"}, timeout)
        except HostTimeoutError:
            raise HostTimeoutError(f"the command did not end within {timeout:g} s", "round", timeout) from None
        facts = {name: reply[name] for name in ("wall_s", "exit_status", "cpu_tree_s", "ctx_involuntary", "rss_peak_bytes")}
        facts |= {"work_units": case.tasks, "task_timing": "off", "figure_of_merit": reply.get("figure_of_merit")}
        if (wrong := wrong_with(reply, program)) is not None:
            told.fail(wrong[0], host.explain(wrong[1]) if wrong[0] == "crashed" else wrong[1], **facts)
            return
        told.rounds.append({"round": max(0, len(told.rounds) - 1), "warmup": not told.rounds, "answers": "unchecked",
                            "status": "ok", "message": None, **facts})  # fmt: skip
        planned = plan.rounds_for(reply["wall_s"], study) if planned is None else planned


def _room(case: Case, cpus: int | None, *, gil: bool, here: bool) -> dict[str, Any]:
    """How many threads are expected to want a CPU, and how many CPUs there are for them: of this machine, or those told."""
    budget = min(machine.cpu_budget(), cpus or machine.cpu_budget()) if here else cpus
    runnable = plan.runnable_threads(case, gil)
    return {"cpu_budget": budget, "runnable_threads": runnable, "oversubscribed": None if budget is None else runnable > budget}


def _note_open(told: Launch, opened: dict[str, Any], since_start_s: float, *, here: bool) -> None:
    """``here``: whether the host is on this machine, and no other."""
    case = told.case
    here = here and {one["node"] for one in opened["workers"]} <= {platform.node()}  # those at an address may be anywhere
    told.found |= {
        # ranks come up with the host: their start is its command's; other workers start when the pool is made
        "startup_s": since_start_s if has_ranks(get_backend(case.backend)) else opened["startup_s"],
        "broadcast_s": opened.get("broadcast_s"),  # a revision's host may be older
        "gil": opened["gil"],
        **_room(case, opened["cpus"] if here else opened["cpus_of_nodes"], gil=opened["gil"], here=here),
    }
    _note_workers(told, opened["workers"])


def _note_workers(told: Launch, workers: Sequence[dict[str, Any]]) -> None:
    """What the workers reported of themselves: after the open, and again after the warm-up."""
    places = list(dict.fromkeys(one["node"] for one in workers))
    told.nodes = [places.index(one["node"]) for one in workers]
    threads = [one["blas_threads"] for one in workers if one["blas_threads"] is not None]
    told.found |= {
        "workers_found": len(workers),
        "nodes_found": len(places),
        "ranks_per_node": max(map(told.nodes.count, set(told.nodes))) if has_ranks(get_backend(told.case.backend)) else None,
        "blas_found_min": min(threads, default=None),
        "blas_found_max": max(threads, default=None),
        "blas_library": next((one["blas_library"] for one in workers if one["blas_library"]), None),
    }


def _check_nodes(told: Launch) -> None:
    """Ranks must be on as many nodes as was asked.

    Raises:
        HostFailedError: They are on fewer, or more.
    """
    found = len(set(told.nodes))
    if has_ranks(get_backend(told.case.backend)) and found != told.case.nodes:
        raise HostFailedError(f"the workers came up on {found} of {told.case.nodes} nodes")


def _note_round(told: Launch, reply: dict[str, Any], number: int | None, expected: str | None, *, varies: bool) -> None:
    """One row, and the columns of its tasks where they were recorded. ``number`` None: the warm-up."""
    answers = _judge(reply, expected)
    recorded = reply["tasks"] is not None
    told.rounds.append({
        "round": number or 0,
        "warmup": number is None,
        "wall_s": reply["wall_s"],
        **(_note_tasks(told, reply["tasks"], number) if recorded else {"work_units": _work_of_warmup(told)}),
        "task_timing": "on" if recorded else "off",
        "chunksize_found": reply["chunksize"],
        "cpu_tree_s": reply["cpu_tree_s"],
        "ctx_involuntary": reply["ctx_involuntary"],
        "rss_peak_bytes": reply["rss_peak_bytes"],
        "clock_error_s": reply["clock_error_s"],
        "answers_digest": None if varies else reply["digest"],
        "answers": answers,
        "status": "mismatch" if answers == "differ" else "ok",
        "message": _mismatch(reply, told.case) if answers == "differ" else None,
    })  # fmt: skip
    if answers == "differ":
        told.status, told.message = "mismatch", _mismatch(reply, told.case)


def _note_tasks(told: Launch, packed: dict[str, str], number: int | None) -> dict[str, Any]:
    """The sums of a round's tasks; the tasks themselves are kept, but for the warm-up's."""
    import numpy as np

    columns: dict[str, Any] = {
        name: np.asarray(protocol.unpack(text, "q" if name in ("worker", "work_units") else "d")) for name, text in packed.items()
    }
    busy = columns["stop_s"] - columns["start_s"]
    per_worker = np.bincount(columns["worker"], weights=busy) if len(busy) else np.zeros(1)
    if get_backend(told.case.backend).threads and (told.case.blas_threads or 1) > 1:
        columns["cpu_s"] = np.full(len(busy), np.nan)  # a thread's CPU time can't cover the BLAS threads that all share
    if number is not None:
        places = {"task": np.arange(len(busy)), "node": np.asarray(told.nodes)[columns["worker"]]}
        told.columns.append({"round": number, **places, **columns})
    return {
        "busy_s": float(busy.sum()),
        "busy_max_s": float(per_worker.max()),
        "cpu_s": float(columns["cpu_s"].sum()),
        "cpu_wait_s": float(columns["cpu_wait_s"].sum()),
        "work_units": int(columns["work_units"].sum()),
    }


def _work_of_warmup(told: Launch) -> int | None:
    """The work of a round whose tasks were not recorded: the warm-up's, unless it depends on the moment."""
    kind = get_kind(told.case.kind) if told.case.kind else None
    if kind is not None and kind.fixed_time and kind.cpu_bound:
        return None
    found: int = told.rounds[0]["work_units"]
    return found


def _judge(reply: dict[str, Any], expected: str | None) -> str:
    if reply["wrong"] is not None:
        return "differ" if reply["wrong"] else "same"
    if expected is None or reply["digest"] is None:
        return "unchecked"
    return "same" if reply["digest"] == expected else "differ"


def _mismatch(reply: dict[str, Any], case: Case) -> str:
    if reply["wrong"]:
        return f"the workload's own check refused the answers of tasks {', '.join(map(str, reply['wrong']))}"
    of_variant = "" if case.variant is None else f" (the study's first variant; this is {case.variant!r})"
    return f"the answers are not those of the serial reference{of_variant}"
