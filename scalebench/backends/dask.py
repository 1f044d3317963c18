"""``dask``: dask.distributed's ``Client.map`` and ``gather``.

On this machine: a LocalCluster of as many processes as asked for, one thread each, its scheduler in the host, as users of it have
it; without its dashboard, and without its limit of memory, by which workers would write to disk and be ended. At an address:
workers that are there, which somebody else has started, or ``dask_jobs`` in jobs of Slurm.

A worker that is lost has its tasks, and those answers that it still held, computed again elsewhere, and dask says nothing. Here
that is the end of the round: the scheduler tells each worker that goes in the same stream in which it tells what is done.

There is no ``chunksize``: ``batch_size`` of ``Client.map`` is how many tasks go to the scheduler at a time, each worker is
sent one task after the other in any case.

Sources: distributed 2026.8, ``deploy/local.py``, ``nanny.py``, ``Scheduler.remove_worker``.
"""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, ClassVar

from scalebench.backends import deaths
from scalebench.backends.addresses import CONNECT_S, VERSION, connect
from scalebench.backends.base import OpenError, PlainProcess, T
from scalebench.host import worker

_ANSWER_S = 10.0  # for an idle worker to answer
_DEAD_S = 2.0  # for a nanny to notice how its worker ended
_LENGTH, _LONGEST = 8, 1 << 20  # bytes of the number that a message begins with; more than a scheduler greets with
#: what must be the same in the host and in the workers besides Python: what tasks, answers and work are made of
_SAME = ("dask", "distributed", "cloudpickle", "msgpack", "toolz", "tornado", "numpy")


class Dask(PlainProcess):
    """Worker processes behind a scheduler."""

    name: ClassVar[str] = "dask"
    summary: ClassVar[str] = "dask.distributed: Client.map and gather"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {}
    broadcasts: ClassVar[bool] = True
    scheduler: ClassVar[str | None] = "tcp://HOST:PORT"
    jobs: ClassVar[Mapping[str, str]] = {"slurm": "scalebench.backends.dask_jobs"}
    pool_s: ClassVar[tuple[float, float]] = (2.0, 1.0)

    @staticmethod
    def unavailable() -> str | None:
        return None if find_spec("distributed") else "distributed is not installed: python -m pip install distributed"

    def open(self, workers: int, job: worker.Job, *, scheduler: str | None = None) -> "_Pool":
        if scheduler is None:
            return _local(workers)
        return _there(scheduler, workers)


def _local(workers: int) -> "_Pool":
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", protocol="tcp://", memory_limit=0, dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # no page, but its port would be a fixed one
    )  # fmt: skip
    client = Client(cluster, set_as_default=False)
    addresses = [nanny.worker_address for nanny in cluster.workers.values()]
    processes = [nanny.process.process for nanny in cluster.workers.values()]
    return _Pool(client, addresses, cluster=cluster, processes=processes)


def _there(address: str, workers: int) -> "_Pool":
    """A pool of the first workers at an address, one node after the other; all that could go wrong later is looked at now."""
    from distributed import Client

    try:
        _listen(address)
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise OpenError(
            f"no scheduler of dask answers at {address} within {CONNECT_S:g} s ({str(error) or type(error).__name__}).\n"
            "Start one with 'dask scheduler', and workers with 'dask worker ADDRESS --nthreads 1'; give its address as --scheduler"
        ) from None
    try:
        return _Pool(client, _fit(client, address, workers), elsewhere=address)
    except BaseException:
        _close(client)
        raise


def _listen(address: str) -> None:
    """To the first words of a scheduler. A client would wait without end for what is silent, or speaks of something else."""
    with connect(address) as connection:
        if int.from_bytes(connection.recv(_LENGTH), "little") not in range(1, _LONGEST):
            raise ValueError("another program does")


def _fit(client: Any, address: str, asked: int) -> list[str]:
    """Addresses of as many workers as asked for.

    Raises:
        OpenError: There are fewer, or they could not run the tasks as this host would.
    """
    with contextlib.suppress(TimeoutError):  # they are counted below
        client.wait_for_workers(asked, timeout=CONNECT_S)  # those that have just been started
    there = client.scheduler_info(n_workers=-1)["workers"]
    if len(there) < asked:
        raise OpenError(
            f"{len(there)} of {asked} workers are at {address}.\n"
            f"Start more with 'dask worker {address} --nthreads 1', or sweep fewer: --workers"
        )
    # node by node, and by name: the same for the same workers
    chosen = sorted(there, key=lambda one: (there[one]["host"], str(there[one]["name"]), one))[:asked]
    if many := [one for one in chosen if there[one]["nthreads"] != 1]:
        raise OpenError(
            f"the worker {many[0]} runs {there[many[0]]['nthreads']} tasks at a time, a worker is to run one.\n"
            "Start them with --nthreads 1"
        )
    _wake(client, chosen)
    _compare(client, address, chosen)
    return chosen


def _wake(client: Any, chosen: Sequence[str]) -> None:
    """See that each worker is idle: one that still has a task of another launch would let this one wait for ever."""
    give_up = time.perf_counter() + _ANSWER_S
    for address, future in zip(chosen, _submit(client, chosen, int), strict=True):
        try:
            future.result(timeout=max(0.0, give_up - time.perf_counter()))
        except TimeoutError:
            raise OpenError(
                f"the worker {address} does not answer within {_ANSWER_S:g} s: it has another task, of a launch that was ended, say, "
                "or its host can't be reached.\nStart that worker again, or wait until it is idle"
            ) from None


def _submit(client: Any, addresses: Sequence[str], function: Callable[[], T]) -> list[Any]:
    """One call for each worker, and no other does it."""
    return [client.submit(function, workers=[one], pure=False, allow_other_workers=False) for one in addresses]


def _compare(client: Any, address: str, chosen: Sequence[str]) -> None:
    """Python and packages of the workers and of the scheduler with those here."""
    told = client.get_versions()
    here = told["client"]["packages"]
    own = resolve_name(VERSION)
    for place, one in {"the scheduler": told["scheduler"], **{one: told["workers"].get(one) for one in chosen}}.items():
        if one is None:
            raise OpenError(f"the worker {place} of {address} does not answer.\nStart it again, or sweep fewer: --workers")
        there = one["packages"]
        differs = [f"{name} {there.get(name)} there, {here.get(name)} here" for name in ("python", *_SAME)
                   if there.get(name) != here.get(name) and not (name == "numpy" and place == "the scheduler")]  # fmt: skip
        if differs:
            raise OpenError(f"{place} of {address} has other versions: {'; '.join(differs)}.\nStart it with the same environment")
    found = client.run(resolve_name, VERSION, workers=list(chosen), on_error="return")
    try:
        found["the scheduler"] = client.run_on_scheduler(resolve_name, VERSION)
    except ImportError as error:
        found["the scheduler"] = error
    for place, version_there in found.items():
        if version_there != own:
            cause = f"can't import it ({version_there})" if isinstance(version_there, Exception) else f"has {version_there}"
            raise OpenError(
                f"scalebench {own} runs here, {place} of {address} {cause}.\n"
                "Install the same there, or put its folder on PYTHONPATH before you start it"
            )


class _Pool:
    """A client and those workers that it uses."""

    chunksize_found: int | None = None

    def __init__(
        self, client: Any, addresses: list[str], *, cluster: Any = None, processes: Sequence[Any] = (), elsewhere: str | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._addresses = addresses
        self._cluster = cluster
        self._processes = processes
        self._elsewhere = elsewhere
        anywhere = cluster is not None or len(addresses) == len(client.scheduler_info(n_workers=-1)["workers"])
        #: tasks that may go anywhere are scheduled in another way than those that are bound to some workers
        self._bound = {} if anywhere else {"workers": addresses}
        self._asked: Sequence[Any] = ()
        self._lost: list[str] = []
        self._joined: list[str] = []  # where tasks may go anywhere, to those too
        client.subscribe_topic("all", self._hear)

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        # not pure: else a second round would be answered with what the first has found
        return self._gather(self._client.map(function, items, pure=False, **self._bound))

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        return self._gather(_submit(self._client, self._addresses, function))

    def _gather(self, futures: list[Any]) -> list[Any]:
        self._asked = futures
        try:
            answers: list[Any] = self._client.gather(futures) if not self._changed else []
        except Exception as error:
            if self._changed or isinstance(error, concurrent.futures.CancelledError):
                raise self._ended() from None
            raise
        finally:
            self._asked = ()
        if self._changed:  # answers were computed once more, or by one worker more
            raise self._ended()
        return answers

    @property
    def _changed(self) -> bool:
        return bool(self._lost or self._joined)

    def _hear(self, event: tuple[float, Any]) -> Any:
        """In the client's own thread: what the scheduler tells everybody. No answer is waited for once a worker is lost, or there is
        another one.
        """
        told = event[1]
        if not isinstance(told, dict):
            return None
        action, worker = told.get("action"), str(told.get("worker"))
        if action == "remove-worker" and worker in self._addresses:
            self._lost.append(worker)
        elif action == "add-worker" and worker not in self._addresses and not self._bound:
            self._joined.append(worker)
        if self._changed and self._asked:
            return self._client.cancel(list(self._asked), asynchronous=True, force=True)
        return None

    def _ended(self) -> Exception:
        """Why the round did."""
        if self._joined and not self._lost:
            return RuntimeError(
                f"the worker {self._joined[0]} joined in the middle of a launch, and would be given some of its tasks; the next launch leaves it out"
            )
        give_up = time.perf_counter() + (_DEAD_S if self._processes else 0.0)
        while (death := deaths.first_death(self._processes)) is None and time.perf_counter() < give_up:
            time.sleep(0.01)
        if death is not None:
            return death
        if not self._lost:
            return deaths.WorkerDiedError(f"the connection to the scheduler at {self._elsewhere} is lost")
        return deaths.WorkerDiedError(f"the worker {self._lost[0]} is lost: it has ended, or its host can't be reached")

    def close(self) -> None:
        self._client.unsubscribe_topic("all")
        _close(self._client)
        if self._cluster is not None:
            self._cluster.close()


def _close(client: Any) -> None:
    with contextlib.suppress(TimeoutError):  # a scheduler that is gone, or busy, need not say good-bye
        client.close(timeout=CONNECT_S)
