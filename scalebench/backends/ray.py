"""``ray``: actors, one a worker, and ``ActorPool.map``.

Tasks of ray without actors run in whatever process is free or is started for them, so that nobody could set up or count the
workers beforehand; an actor is one process, from its creation to its end.

On this machine: a cluster below the host, on loopback alone, without dashboard, statistics of use or a token in the home folder. At
an address: actors in a cluster that somebody has started, which must have a node on this machine.

Sources: ray 2.60, ``_private/worker.py`` (``init``), ``_private/services.py`` (``get_node_ip_address``), ``util/actor_pool.py``.
"""

import contextlib
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, ClassVar

from scalebench.backends.addresses import VERSION, connect
from scalebench.backends.base import OpenError, PlainProcess, T
from scalebench.backends.deaths import WorkerDiedError
from scalebench.host import worker

_ANSWER_S = 90.0  # for actors in a cluster that is there to come up: each is a Python that loads ray
_SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # the frame that both sides begin with: its length, type, flags, stream
# ray starts another process for one that has not come up after 60; the launch's own limit ends what takes too long
_REGISTER_S = 600
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}


class Ray(PlainProcess):
    """Actors."""

    name: ClassVar[str] = "ray"
    summary: ClassVar[str] = "ray actors: ActorPool.map"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {}
    broadcasts: ClassVar[bool] = True
    scheduler: ClassVar[str | None] = "HOST:PORT"
    pool_s: ClassVar[tuple[float, float]] = (8.0, 4.0)

    @staticmethod
    def unavailable() -> str | None:
        return None if find_spec("ray") else "ray is not installed: python -m pip install ray"

    def open(self, workers: int, job: worker.Job, *, scheduler: str | None = None) -> "_Pool":
        if scheduler is None:
            return _Pool(_start(workers), workers)
        return _Pool(_connect(scheduler, workers), workers, scheduler)


def _start(workers: int) -> Any:
    """A cluster of one node, on loopback."""
    folder = os.path.join(tempfile.gettempdir(), "ray")  # noqa: PTH118 - goes with the launch's own folder of temporary files
    os.environ |= {
        **_QUIET,
        "RAY_TMPDIR": folder,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),  # else one is written to the home folder
        "RAY_worker_register_timeout_seconds": str(_REGISTER_S),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else it takes this machine's own address, whatever it is asked for
    }
    os.environ.pop("RAY_ADDRESS", None)
    import ray

    ray.init(
        num_cpus=workers, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1", _temp_dir=folder,
    )  # fmt: skip
    return ray


def _connect(address: str, workers: int) -> Any:
    os.environ |= _QUIET
    import ray

    try:
        _listen(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # noqa: BLE001 - of many kinds, with no common one
        raise OpenError(
            f"no cluster of ray can be joined at {address}: {str(error).strip() or type(error).__name__}.\n"
            "Start one with 'ray start --head', on this machine or with a node on it, and the same Python and ray"
        ) from None
    found = int(ray.cluster_resources().get("CPU", 0))
    if found < workers:
        ray.shutdown()
        raise OpenError(
            f"{found} of {workers} CPUs are in the cluster at {address}.\n"
            f"Add nodes with 'ray start --address={address}', or sweep fewer: --workers"
        )
    return ray


def _listen(address: str) -> None:
    """To the first words of a cluster, which speaks HTTP/2. Ray would wait a minute and more for what is silent."""
    with connect(address) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
        if connection.recv(len(_SETTINGS))[3:4] != _SETTINGS[3:4]:
            raise ValueError("another program answers")


class _Worker:
    """The actor: one process, in whose main thread all calls are made."""

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)


class _Pool:
    chunksize_found: int | None = None

    def __init__(self, ray: Any, workers: int, elsewhere: str | None = None) -> None:
        from ray.util import ActorPool

        self._ray = ray
        self._pool = ActorPool
        actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        self._actors = [actor.remote() for _ in range(workers)]
        self._pids: dict[str, int] = {}  #: by the actor's id
        if elsewhere is not None:
            try:
                self._look(elsewhere)
            except BaseException:
                self.close()
                raise
        ids = [actor._actor_id.hex() for actor in self._actors]  # noqa: SLF001 - told nowhere else
        self._pids = dict(zip(ids, self.each_worker(os.getpid), strict=True))

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        with self._deaths():
            return list(self._pool(self._actors).map(lambda actor, item: actor.call.remote(function, item), items))

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        with self._deaths():
            answers: list[T] = self._ray.get([actor.call.remote(function) for actor in self._actors])
            return answers

    def _look(self, address: str) -> None:
        """All up in bounded time, with the same scalebench."""
        own = resolve_name(VERSION)
        asked = [actor.call.remote(resolve_name, VERSION) for actor in self._actors]
        _, late = self._ray.wait(asked, num_returns=len(asked), timeout=_ANSWER_S)
        if late:
            raise OpenError(
                f"{len(asked) - len(late)} of {len(asked)} workers came up at {address} within {_ANSWER_S:g} s: its CPUs are taken, say.\n"
                "Wait until it is idle, or sweep fewer: --workers"
            )
        try:
            found = set(self._ray.get(asked))
        except ImportError as error:  # ray's own error is one of the task's kind too
            raise OpenError(
                f"a worker at {address} can't import scalebench ({error}).\nInstall it there, or put its folder on PYTHONPATH before 'ray start'"
            ) from None
        if found != {own}:
            raise OpenError(f"scalebench {own} runs here, {', '.join(sorted(found))} at {address}.\nInstall the same there")

    @contextlib.contextmanager
    def _deaths(self) -> Iterator[None]:
        """Ray says which actor is gone, and not how its process ended."""
        try:
            yield
        except self._ray.exceptions.RayActorError as error:
            pid = self._pids.get(str(error.actor_id))
            which = "a worker process" if pid is None else f"worker process {pid}"
            raise WorkerDiedError(f"{which} is gone: ray does not say how it ended") from None

    def close(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()
