"""Processes of launches: found by the mark in their environment, killed, resource trackers last.

Whatever a launch starts inherits its mark, so that a process whose parent has gone is found too. Used by the controller, which
ends its launches (``process``), and by the guard, which ends those of a controller that was killed (``guard``).
"""

import contextlib
import time
from collections.abc import Callable, Iterable

import psutil

from scalebench.launchers.leftovers import is_tracker

VARIABLE = "SCALEBENCH_LAUNCH"  #: in the environment of a launch
_LOOKS = 20  # a process may be born while one looks
_GONE_S = 0.5  # for killed processes to be gone before the next look
_TRACKERS_S = 2.0  # for resource trackers to remove what the killed ones left


def mark_of(process: psutil.Process) -> str:
    """Its mark; empty where it has none, or nobody may know."""
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(VARIABLE, "")
    return ""


def runs(process: psutil.Process) -> bool:
    """Whether it is there and does not only wait to be reaped."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_all(find: Callable[[], list[psutil.Process]], look: Callable[[list[psutil.Process]], None]) -> None:
    """Kill what ``find`` finds, until that is nothing.

    Args:
        find: Those that run now; some are born meanwhile.
        look: Told of them before they are killed, when they are stopped: what they have does not change any more.
    """
    found: list[psutil.Process] = []
    for _ in range(_LOOKS):
        found = find()
        others = [one for one in found if not is_tracker(one)]
        for one in others:
            with contextlib.suppress(psutil.Error):
                one.suspend()
        look(found)
        if not others:
            break
        _kill(others)
        wait_for(others, _GONE_S)
    wait_for(found, _TRACKERS_S)
    _kill(find())


def wait_for(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Until all have ended, or it takes too long. Not by ``wait``: the exit status of a child is its starter's to take."""
    give_up = time.perf_counter() + seconds
    while any(map(runs, processes)) and time.perf_counter() < give_up:
        time.sleep(0.002)


def _kill(processes: Iterable[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.Error):
            one.kill()
