"""Where all worker processes of a pool meet, for the interfaces whose workers take calls as they come.

The barrier reaches a worker with its initializer, the one way that every start method has.
"""

from collections.abc import Callable
from typing import Any

from scalebench.backends.base import T
from scalebench.host import worker

_barrier: Any = None  # in each worker


def install(job: worker.Job, barrier: Any) -> None:
    """The initializer of a worker process."""
    global _barrier
    _barrier = barrier
    worker.install(job)


def meet(function: Callable[[], T]) -> T:
    """Wait until every worker has taken one call, so that none takes two; then do it."""
    _barrier.wait()
    return function()
