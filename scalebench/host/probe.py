"""What is true in a measured process: its threads, memory, waiting and CPU time. Verified, never believed.

Facts that a system lacks are None. Sources: ``proc(5)`` for ``status``, ``schedstat``; CPU clocks of other
processes are Linux's dynamic clock ids, ``clock_getcpuclockid(3)``.
"""

import contextlib
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_SHARED = ("scalebench", "numpy", "scipy", "mpi4py", "cloudpickle")  # packages that an answer or a time may depend on
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: the clock of CPU time as the scheduler accounts it


def blas_threads() -> tuple[int | None, str | None]:
    """Threads that the BLAS of this process would use now, and which BLAS; (None, None) where none is loaded."""
    # threadpoolctl finds libraries, it doesn't load them; without NumPy or SciPy there is none to be found,
    # and its import would be the largest part of a light host
    if "threadpoolctl" not in sys.modules and not {"numpy", "scipy", "torch"} & sys.modules.keys():
        return None, None
    try:
        from threadpoolctl import threadpool_info
    except ImportError:  # a variant's interpreter without it: the copied host has brought one
        threadpool_info = import_module("scalebench.host._threadpoolctl").threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return None, None
    most = max(pools, key=lambda pool: int(pool["num_threads"]))
    return int(most["num_threads"]), f"{most['internal_api']} {most['version'] or ''}".strip()


def describe_worker(key: int) -> dict[str, Any]:
    """What a worker reports of itself after the warm-up; ``key`` is how it names itself in task records."""
    threads, library = blas_threads()
    return {
        "key": key,
        "pid": os.getpid(),
        "thread": threading.get_native_id(),
        "node": platform.node(),
        "blas_threads": threads,
        "blas_library": library,
        "cpus": allowed_cpus(),
        "cpu_mask": cpu_mask(),
        "cpu_quota": cpu_quota(),
    }


def allowed_cpus() -> int | None:
    """How many CPUs the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def cpu_mask() -> str | None:
    """Which CPUs those are: the bits of a hexadecimal number; None where the system doesn't tell."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return f"{sum(1 << cpu for cpu in os.sched_getaffinity(0)):x}"


def cpu_quota() -> float | None:
    """CPUs' worth of time that the cgroup of this process allows; None without a limit. Both versions, cgroups(7)."""
    for quota, period in (("cpu.max", None), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            with open(f"/sys/fs/cgroup/{quota}") as file:
                words = file.read().split()
            if period is not None:
                with open(f"/sys/fs/cgroup/{period}") as file:
                    words += file.read().split()
            if int(words[0]) > 0:
                return int(words[0]) / int(words[1])
        except (OSError, ValueError, IndexError):
            continue
    return None


def software() -> dict[str, str | None]:
    """Versions that all nodes of a launch must share."""
    found: dict[str, str | None] = {"Python": platform.python_version()}
    return found | {name: installed(name) for name in _SHARED}


def installed(package: str) -> str | None:
    """Its version; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def places(binding: str) -> list[list[int]]:
    """The CPUs that a worker may be bound to, one list a place: ``threads`` one CPU each, ``cores`` all CPUs of a core.

    Only those that this process is allowed; a core's siblings are Linux's ``thread_siblings_list``.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if binding == "threads":
        return [[cpu] for cpu in allowed]
    cores: dict[str, list[int]] = {}
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as siblings:
                core = siblings.read().strip()
        except OSError:
            core = str(cpu)
        cores.setdefault(core, []).append(cpu)
    return list(cores.values())


def bind(cpus: list[int], *, whole_process: bool) -> list[int]:
    """Bind this thread, or all threads of this process, to some CPUs; returns where it may run now, read back."""
    threads = [int(thread) for thread in os.listdir("/proc/self/task")] if whole_process else [0]
    for thread in threads:
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cpus)
    return sorted(os.sched_getaffinity(0))


def gil_enabled() -> bool:
    """Whether this interpreter runs with the global lock."""
    check = getattr(sys, "_is_gil_enabled", None)
    return True if check is None else bool(check())


class Usage:
    """What a set of processes of this machine has used since the last reading: CPU time, switches, memory."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = sorted(set(pids))
        self._last: tuple[float | None, int | None] = (None, None)
        self.read()

    def read(self) -> dict[str, Any]:
        """CPU seconds and involuntary context switches since the last call; the largest peak resident set."""
        cpu = _sum(cpu_seconds(pid) for pid in self._pids)
        switches = _sum(involuntary_switches(pid) for pid in self._pids)
        peaks = [peak for pid in self._pids if (peak := peak_resident_bytes(pid)) is not None]
        last_cpu, last_switches = self._last
        self._last = (cpu, switches)
        return {
            "cpu_tree_s": None if cpu is None or last_cpu is None else cpu - last_cpu,
            "ctx_involuntary": None if switches is None or last_switches is None else int(switches - last_switches),
            "rss_peak_bytes": max(peaks) if peaks else None,
        }


def _sum(values: Iterable[Any]) -> Any:
    """The sum, or None if any value is."""
    total: Any = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def cpu_seconds(pid: int) -> float | None:
    """CPU time of all threads of a process of this machine, in seconds."""
    if not sys.platform.startswith("linux"):
        return time.process_time() if pid == os.getpid() else None
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return None


def involuntary_switches(pid: int) -> int | None:
    """Times that a thread of the process was taken off its CPU."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
                found.append(_status_field(f"/proc/{pid}/task/{thread}/status", "nonvoluntary_ctxt_switches:"))
    except (OSError, LookupError):
        return None
    return sum(found) if found else None


def peak_resident_bytes(pid: int) -> int | None:
    """Peak resident set; from ``VmHWM``, since ``ru_maxrss`` survives an exec and would show the parent's."""
    try:
        return _status_field(f"/proc/{pid}/status", "VmHWM:") * 1024
    except (OSError, LookupError):
        return None


def _status_field(path: str, name: str) -> int:
    with open(path, "rb") as status:
        for line in status:
            if line.startswith(name.encode()):
                return int(line.split()[1])
    raise LookupError(name)
