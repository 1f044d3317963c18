"""Worker processes that died, for the interfaces that don't say how."""

from collections.abc import Iterable
from concurrent.futures import BrokenExecutor
from typing import Any

from scalebench.host.endings import ending

_END_S = 2.0  # for a pool to end the workers that are left


class WorkerDiedError(BrokenExecutor):
    """A worker is gone, and with it the task that it had; the message says how it ended."""


def unread(error: BaseException) -> RuntimeError:
    """What to raise where nobody died, but the interface could not read an answer, and broke: by its own last words."""
    words = [line for line in str(error.__cause__ or error).splitlines() if line.strip(" '\"")]
    return RuntimeError(f"an answer can be pickled, but not unpickled: {words[-1] if words else error}")


def why_broken(error: BrokenExecutor, manager: Any, processes: Iterable[Any], by_pool: int) -> Exception:
    """What to raise for a pool of executors that broke, and does not say why.

    Args:
        error: What it raised.
        manager: Its thread that ends the other workers, which is waited for; None where it has gone.
        processes: All that it had; it forgets those that died.
        by_pool: See :func:`first_death`.
    """
    if error.__cause__ is not None:  # nobody died: it could not read an answer
        return unread(error)
    if manager is not None:
        manager.join(_END_S)
    return first_death(processes, by_pool) or error


def first_death(processes: Iterable[Any], by_pool: int | None = None) -> WorkerDiedError | None:
    """Of some worker processes one that ended by itself; None where none has.

    Args:
        processes: Of multiprocessing, or of a module with the same interface.
        by_pool: The signal by which the interface ends the others, once one has died.
    """
    ended = [(one.pid, one.exitcode) for one in processes if one.exitcode is not None]
    own = [one for one in ended if by_pool is None or one[1] != -by_pool] or ended
    return WorkerDiedError(f"worker process {own[0][0]} {ending(own[0][1])}") if own else None
