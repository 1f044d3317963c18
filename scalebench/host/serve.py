"""Answer the controller: open a pool, run rounds, probe the workers, close.

Times are taken here, around the backend's own map, and nowhere else in between: answers are digested and records
packed after the clock has stopped. What goes wrong is a reply ``{"error": ...}``; only a death leaves none.
"""

import contextlib
import functools
import operator
import os
import pickle
import platform
import time
import traceback
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from scalebench.backends.base import Backend, OpenError, Pool
from scalebench.backends.deaths import WorkerDiedError
from scalebench.host import answers, nodes, probe, protocol, worker
from scalebench.host.recorder import Record
from scalebench.workloads.family import make_items


@dataclass
class _Session:
    """An open pool with its items, between the requests ``open`` and ``close``."""

    pool: Pool
    job: worker.Job
    items: Sequence[Any]
    workers: list[dict[str, Any]]
    usage: probe.Usage


def serve() -> bool:
    """Answer requests until the controller closes the pool or goes away: then it is closed here. Whether there was one."""
    lines, replies = protocol.streams()
    session: _Session | None = None
    for request in protocol.requests(lines, replies):
        try:
            match request["do"]:
                case "about":
                    from scalebench.host.about import about  # in no measured launch

                    reply = about(request)
                case "open":
                    session, reply = _open(request)
                case "describe":
                    reply = {"workers": _describe(session)}
                case "round":
                    reply = _round(session, request)
                case "close":
                    reply = _close(session)
                case other:
                    reply = {"error": f"unknown request {other!r}", "status": "failed"}
        except WorkerDiedError as error:
            reply = {"error": str(error), "status": "crashed"}
        except BrokenExecutor as error:
            reply = {"error": f"{type(error).__name__}: {error}", "status": "crashed"}
        except OpenError as error:
            reply = {"error": str(error), "status": "failed", "brief": error.brief}
        except BaseException:  # noqa: BLE001 - every failure is a row
            reply = {"error": traceback.format_exc(), "status": "failed"}
        with contextlib.suppress(OSError):  # nobody listens any more: the requests end too
            replies.write(protocol.encode(reply))
        if request["do"] == "close":
            return session is not None
    if session is not None:
        session.pool.close()  # else ranks of MPI wait for this one without end
    return session is not None


def _open(request: dict[str, Any]) -> tuple[_Session, dict[str, Any]]:
    """Start the workers, all of them, and set each up; the clock covers both."""
    items = _items(request["items"])
    job = worker.Job(**request["job"])
    module, _, name = request["backend"].partition(":")
    backend: Backend = getattr(import_module(module), name)()
    start = time.perf_counter()
    pool = backend.open(request["workers"], job, **request["options"])
    up = time.perf_counter()
    told: list[worker.TaskFailure | None]
    if backend.broadcasts:
        pool.each_worker(functools.partial(worker.take, job))
        broadcast_s = time.perf_counter() - up
        told = pool.each_worker(worker.set_up)
    else:
        told = pool.each_worker(worker.ready)
        broadcast_s = time.perf_counter() - up
    if failures := [failure for failure in told if failure is not None]:
        raise OpenError(f"setting up the workload failed: {failures[0]}", failures[0].error)
    cpus = probe.allowed_cpus()
    if request["binding"] is not None:
        cpus = _bind(pool, request["binding"])
    startup_s = time.perf_counter() - start
    workers = pool.each_worker(worker.describe)
    keys = {(one["node"], one["key"]) for one in workers}
    if len(keys) != request["workers"]:
        raise OpenError(f"{len(keys)} of {request['workers']} workers came up with {request['backend']}")
    pids = [one["pid"] for one in workers if one["node"] == platform.node()]
    several = {one["node"] for one in workers} != {platform.node()}
    if several and (differs := nodes.differing_software(pool)) is not None:
        raise OpenError(f"the nodes don't run the same software: {differs}")
    session = _Session(pool, job, items, workers, probe.Usage([os.getpid(), *pids]))
    reply = {
        "startup_s": startup_s,
        "broadcast_s": broadcast_s,
        "workers": workers,
        "gil": probe.gil_enabled(),
        "cpus": cpus,
        "cpus_of_nodes": nodes.cpus_of(workers),
        "python": platform.python_version(),
        "tasks": len(items),
    }
    return session, reply


def _bind(pool: Pool, binding: str) -> int:
    """Give each worker of a node a place of its own, as far as they go round; what was read back must be that.

    Returns how many CPUs the workers may use now, together.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise OpenError(f"binding={binding!r}: this system can't bind processes to CPUs")
    places = probe.places(binding)
    keys: dict[str, list[int]] = {}
    for one in pool.each_worker(worker.describe):
        keys.setdefault(one["node"], []).append(one["key"])
    asked = {key: places[index % len(places)] for node in keys.values() for index, key in enumerate(sorted(node))}
    found = dict(pool.each_worker(functools.partial(worker.bind, asked)))
    if found != asked:
        raise OpenError(
            f"binding={binding!r}: workers were to run on {sorted(asked.values())}, they may run on {sorted(found.values())}"
        )
    return len({cpu for place in asked.values() for cpu in place})


def _items(recipe: dict[str, Any]) -> Sequence[Any]:
    if "pickled" in recipe:
        items: Sequence[Any] = pickle.loads(recipe.pop("pickled"))  # which may be large
        return [items[index % len(items)] for index in range(recipe["tasks"])]
    return make_items(**recipe)


def _describe(session: _Session | None) -> list[dict[str, Any]]:
    if session is None:
        raise RuntimeError("no pool is open")
    session.workers = session.pool.each_worker(worker.describe)
    return session.workers


def _round(session: _Session | None, request: dict[str, Any]) -> dict[str, Any]:
    """One timed pass over all items through the warm pool."""
    if session is None:
        raise RuntimeError("no pool is open")
    pool, items = session.pool, session.items[: request.get("first")]
    function: Callable[[Any], Any] = worker.run_task if request["task_timing"] == "on" else worker.run_plainly
    clocks = nodes.align(pool, session.workers)
    session.usage.read()
    pool.before_round(function)
    start = time.perf_counter()
    records = pool.map(function, items)
    wall_s = time.perf_counter() - start
    used = session.usage.read()
    facts = {"wall_s": wall_s, "chunksize": pool.chunksize_found, "clock_error_s": clocks.error_s, **used}
    if request["task_timing"] == "off":
        return {**facts, **_answers(session, items, records, keep_digests=False), "tasks": None}
    good: list[Record] = []
    for task, record in enumerate(records):
        if isinstance(record, worker.TaskFailure):
            return {"error": f"task {task} raised {record}", "status": "failed", "task": _failed_task(task, items[task], record)}
        good.append(record)
    return {
        **facts,
        **_answers(session, items, [record[0] for record in good], keep_digests=bool(request.get("digests"))),
        "tasks": _pack(good, start, {one["key"]: index for index, one in enumerate(session.workers)}, clocks),
    }


def _failed_task(task: int, item: Any, failure: worker.TaskFailure) -> dict[str, Any]:
    """A task that raised, for somebody who waits at a terminal."""
    try:
        shown = repr(item)
    except Exception:  # noqa: BLE001 - an object's own __repr__ may raise anything
        shown = f"a {type(item).__name__}"
    return {"task": task, "item": shown if len(shown) <= 200 else shown[:200] + "...", "error": failure.error, "traceback": failure.traceback,
            "called": failure.called}  # fmt: skip


def _answers(session: _Session, items: Sequence[Any], values: list[Any], *, keep_digests: bool) -> dict[str, Any]:
    """The digest of the round's answers and what the workload's own check says, null where there is none."""
    check = worker.resolve(session.job).check
    if check is not None:
        wrong = [task for task, (item, value) in enumerate(zip(items, values, strict=True)) if not check(item, value)]
        return {"digest": None, "digests": None, "wrong": wrong[:10]}
    digests = [answers.digest(value) for value in values]
    if not values or None in digests or all(value is None for value in values):
        unchecked = next((type(value).__qualname__ for value, one in zip(values, digests, strict=True) if one is None), "None")
        return {"digest": None, "digests": None, "wrong": None, "unchecked": unchecked}
    whole = [one for one in digests if one is not None]
    return {"digest": answers.combine(whole), "digests": whole if keep_digests else None, "wrong": None}


def _pack(records: Sequence[Record], origin: float, places: dict[int, int], clocks: nodes.Clocks) -> dict[str, str]:
    """The task records as columns; starts and stops from the round's start on the host's clock, workers numbered from 0.

    Raises:
        WorkerDiedError: A worker is none of those that were set up: what its BLAS threads are, and where it is bound, was never asked.
    """
    _, starts, stops, cpus, waits, keys, units = zip(*records, strict=True) if records else ((),) * 7
    if not places.keys() >= set(keys):
        raise WorkerDiedError("a task ran in a worker that did not start with the others: the interface has replaced one, as joblib does where "
                              "a worker's memory grew by 300 MB")  # fmt: skip
    nan = float("nan")
    origins = [origin + clocks.ahead_s.get(key, 0.0) for key in keys]
    return {
        "worker": protocol.pack(array("q", [places[key] for key in keys])),
        "start_s": protocol.pack(array("d", list(map(operator.sub, starts, origins)))),
        "stop_s": protocol.pack(array("d", list(map(operator.sub, stops, origins)))),
        "cpu_s": protocol.pack(array("d", cpus)),
        "cpu_wait_s": protocol.pack(array("d", [nan if wait is None else wait for wait in waits])),
        "work_units": protocol.pack(array("q", units)),
    }


def _close(session: _Session | None) -> dict[str, Any]:
    start = time.perf_counter()
    if session is not None:
        session.pool.close()
    return {"shutdown_s": time.perf_counter() - start}


if __name__ == "__main__":
    serve()
