"""The machine: how many CPUs this process may really use, and a fingerprint without a name in it.

The budget is loky's (affinity, cgroup quota of either version, ``LOKY_MAX_CPU_COUNT``); psutil's counts stand
beside it. Facts that a system lacks are None.
"""

import hashlib
import json
import os
import platform
import re
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

from scalebench.host.probe import installed

#: whose versions a run records, where they are installed
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "mpi4py", "mpich", "openmpi", "psutil", "threadpoolctl", "loky", "distributed", "ray",
             "pytest-benchmark")  # fmt: skip
_CANARY_TURNS = 40_000

#: the clock that is equal in all processes of a machine: seconds, never set back
clock = time.perf_counter


@cache
def cpu_budget() -> int:
    """CPUs that this process may use, >= 1: affinity and quota, not only the machine's count."""
    from loky import cpu_count

    return int(cpu_count())


@cache
def logical_cpus() -> int:
    """CPUs of the machine, hardware threads counted, >= 1."""
    import psutil

    return psutil.cpu_count() or 1


@cache
def physical_cores() -> int | None:
    """Cores of the machine, hardware threads not counted."""
    import psutil

    return psutil.cpu_count(logical=False)


def memory_bytes() -> int:
    """Main memory, or the cgroup's limit where that is lower."""
    import psutil

    total = int(psutil.virtual_memory().total)
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _read(limit)
        if text and text.isdigit():
            total = min(total, int(text))
    return total


def last_level_cache_bytes() -> int | None:
    """Size of the largest cache that CPU 0 sees."""
    sizes = []
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        if match := re.fullmatch(r"(\d+)([KMG])", _read(index) or ""):
            sizes.append(int(match[1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[match[2]])
    return max(sizes, default=None)


@cache
def fingerprint() -> dict[str, Any]:
    """What a result depends on, as plain JSON values: hardware, system, interpreter, libraries. No host name."""
    hardware = {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "logical_cpus": logical_cpus(),
        "physical_cores": physical_cores(),
        "cpu_budget": cpu_budget(),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "last_level_cache_bytes": last_level_cache_bytes(),
        "numa_nodes": len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
    }
    return {
        "machine_id": _identify(hardware),
        **hardware,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
    }


def _identify(hardware: dict[str, Any]) -> str:
    """A short readable name with a digest: equal hardware, equal id."""
    words = re.findall(r"[a-z0-9]+", (hardware["cpu"] or hardware["architecture"] or "unknown").lower())
    digest = hashlib.blake2b(json.dumps(hardware, sort_keys=True).encode(), digest_size=3).hexdigest()
    return "-".join([*words[:3], f"{hardware['cpu_budget']}cpu", digest])


def _cpu_model() -> str | None:
    match = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.MULTILINE)
    return match[1].strip() if match else platform.processor() or None


def _read(path: str | Path) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def canary() -> float:
    """Seconds that a fixed small pure-Python task takes now: the machine's own drift, about 4 ms."""
    start = time.perf_counter()
    state = 1
    for _ in range(_CANARY_TURNS):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.perf_counter() - start


def cpus_in_use(seconds: float = 0.2) -> float:
    """CPUs that are busy while this process sleeps for so long: others', and what a hypervisor takes away."""
    import psutil

    def idle_and_all() -> tuple[float, float]:
        times = psutil.cpu_times()
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # Linux counts them as user time already
        return times.idle + getattr(times, "iowait", 0.0), sum(times) - guests

    idle, whole = idle_and_all()
    time.sleep(seconds)
    idle_then, whole_then = idle_and_all()
    passed = whole_then - whole
    return max(0.0, 1 - (idle_then - idle) / passed) * logical_cpus() if passed > 0 else 0.0


def load_average() -> float | None:
    """Processes that wanted a CPU over the last minute."""
    return os.getloadavg()[0] if sys.platform != "win32" else None
