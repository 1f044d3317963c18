"""Where workers are that no launch starts: at an address, looked at before anything is measured, or in jobs of a queue.

It is of a machine, so it is a setting of a study and no part of what a case is: no file of results has an address.
"""

from collections.abc import Iterable

from scalebench.backends.addresses import connect, host_and_port, place
from scalebench.backends.registry import get_backend
from scalebench.errors import StudyError

_OR_HERE = "or leave scheduler out: workers are then started here"


def check(address: str, backends: Iterable[str]) -> None:
    """That it is an address, and one that the backends of a study can use which use any.

    Raises:
        StudyError: It is none.
    """
    backends = list(backends)
    if starter_of_jobs(address, backends) is not None:
        return
    takers = {name: looks for name in backends if (looks := get_backend(name).scheduler) is not None}
    if not takers:
        rule = f"no backend of the study ({', '.join(dict.fromkeys(backends))}) finds its workers at an address"
        raise StudyError("scheduler", address, rule, "Leave it out, or give one that does: --backend dask")
    forms = {looks.removesuffix("HOST:PORT") for looks in takers.values()}
    if len(forms) > 1:
        rule = "; ".join(f"{name} takes {looks}" for name, looks in takers.items())
        raise StudyError("scheduler", address, rule, f"Give each of them a study of its own, {_OR_HERE}")
    looks = next(iter(takers.values()))
    if forms != {address.removesuffix(place(address))} or host_and_port(address) is None:
        queues = [f" or {queue}" for name in takers for queue in get_backend(name).jobs]
        rule = f"must be {looks}{''.join(queues)}"
        raise StudyError("scheduler", address, rule, f"For example {looks.replace('HOST:PORT', '10.0.0.1:8786')}")


def starter_of_jobs(queue: str | None, backends: Iterable[str]) -> str | None:
    """The module that starts workers in jobs of a queue, where one of the backends has one; None for an address."""
    return next(
        (get_backend(name).jobs[queue] for name in backends if queue is not None and queue in get_backend(name).jobs), None
    )


def reach(address: str) -> None:
    """That somebody answers there: it is found out once, and not by each launch.

    Raises:
        StudyError: Nobody does, or not within some seconds.
    """
    try:
        connect(address).close()
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise StudyError("scheduler", address, f"nobody answers there ({why})", f"Start it first, {_OR_HERE}") from None
