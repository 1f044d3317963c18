"""``mpi``: classic mpi4py. Every rank works, rank 0 too; the distribution is static.

A round is scatter, run, gather. Items and records are pickled by each rank itself before they are sent, so that
one that can't be pickled is a failure of the round and not a rank that others wait for without end.
"""

import itertools
import pickle
import traceback
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from scalebench.backends.base import T
from scalebench.backends.mpi_pool import BelowMpiexec, world_mismatch
from scalebench.host import worker


class MPIClassic(BelowMpiexec):
    """All ranks of the world, driven by rank 0 through collective calls."""

    name: ClassVar[str] = "mpi"
    summary: ClassVar[str] = "mpi4py scatter and gather, every rank works"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {"distribution": ("block",)}
    broadcasts: ClassVar[bool] = True

    @staticmethod
    def ranks(workers: int, options: dict[str, Any]) -> int | None:
        return workers

    @staticmethod
    def host_arguments(options: dict[str, Any]) -> list[str]:
        return ["-m", "scalebench.backends.mpi"]

    def open(self, workers: int, job: worker.Job, *, distribution: str) -> "_World":
        return _World(workers, distribution)


class _World:
    """Rank 0's side."""

    def __init__(self, workers: int, distribution: str) -> None:
        from mpi4py import MPI

        self._comm = MPI.COMM_WORLD
        if (size := self._comm.Get_size()) != workers:
            raise RuntimeError(world_mismatch(MPI, size, workers))
        self._workers = workers
        self._cyclic = distribution == "cyclic"
        self.chunksize_found: int | None = None

    def before_round(self, function: Callable[[Any], Any]) -> None:
        self._comm.bcast(("map", function))
        self._comm.Barrier()

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        parts = split(items, self._workers, cyclic=self._cyclic)
        self.chunksize_found = len(parts[0])
        try:
            packed: list[bytes | None] = [pickle.dumps(part, pickle.HIGHEST_PROTOCOL) for part in parts]
        except Exception:
            _share(self._comm, [None] * self._workers, function)  # an empty round, so that no rank waits for one
            raise
        return join(_share(self._comm, packed, function), len(items), cyclic=self._cyclic)

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        self._comm.bcast(("call", function))
        return _gathered(self._comm, function)

    def close(self) -> None:
        self._comm.bcast(("end", None))
        self._comm.Barrier()


def _share(comm: Any, packed: list[bytes | None] | None, function: Callable[[Any], T]) -> list[list[T]]:
    """One round, called by every rank: scatter, run, gather. On rank 0, the answers by rank.

    Raises:
        RuntimeError: On rank 0, when a rank could not pickle its answers.
    """
    mine = comm.scatter(packed)
    reply: tuple[str | None, bytes]
    try:
        run = worker.in_place(function)
        answers = [run(item) for item in pickle.loads(mine)] if mine is not None else []
        reply = (None, pickle.dumps(answers, pickle.HIGHEST_PROTOCOL))
    except BaseException:  # noqa: BLE001 - raised again on rank 0; a rank that left would be waited for without end
        reply = (traceback.format_exc(), b"")
    replies = comm.gather(reply)
    if replies is None:
        return []
    for rank, (error, _) in enumerate(replies):
        if error is not None:
            raise RuntimeError(f"rank {rank} could not receive its items, run them or send its answers:\n{error}")
    return [pickle.loads(content) for _, content in replies]


def _gathered(comm: Any, function: Callable[[], T]) -> list[T]:
    """What each rank says, on rank 0; called by every rank.

    Raises:
        RuntimeError: On rank 0, when the call raised on a rank. One that left would be waited for without end.
    """
    told: tuple[str | None, Any]
    try:
        told = (None, function())
    except BaseException:  # noqa: BLE001 - raised again on rank 0
        told = (traceback.format_exc(), None)
    answers = comm.gather(told) or []
    for rank, (error, _) in enumerate(answers):
        if error is not None:
            raise RuntimeError(f"rank {rank}:\n{error}")
    return [answer for _, answer in answers]


def split(items: Sequence[Any], parts: int, *, cyclic: bool) -> list[Sequence[Any]]:
    """``items`` dealt out to ``parts`` ranks: in blocks of almost equal length, or one after the other."""
    if cyclic:
        return [items[part::parts] for part in range(parts)]
    length, longer = divmod(len(items), parts)
    edges = [part * length + min(part, longer) for part in range(parts + 1)]
    return [items[start:stop] for start, stop in itertools.pairwise(edges)]


def join(parts: Sequence[Sequence[T]], length: int, *, cyclic: bool) -> list[T]:
    """The inverse of :func:`split`."""
    if not cyclic:
        return list(itertools.chain.from_iterable(parts))
    return [parts[index % len(parts)][index // len(parts)] for index in range(length)]


def follow(comm: Any) -> None:
    """What the other ranks do: as rank 0 says, until it says to end."""
    while True:
        word, argument = comm.bcast(None)
        match word:
            case "map":
                comm.Barrier()
                _share(comm, None, argument)
            case "call":
                _gathered(comm, argument)
            case "end":
                comm.Barrier()
                return


if __name__ == "__main__":
    from mpi4py import MPI

    if MPI.COMM_WORLD.Get_rank() == 0:
        from scalebench.host.serve import serve

        if not serve():  # no pool was opened, so that nobody told the other ranks to end
            MPI.COMM_WORLD.bcast(("end", None))
            MPI.COMM_WORLD.Barrier()
    else:
        follow(MPI.COMM_WORLD)
