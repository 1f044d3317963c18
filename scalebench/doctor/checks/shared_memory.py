"""Whether ``/dev/shm`` is there and large enough: pools keep their locks in it, MPI and joblib pass data through it."""

import re

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System

TITLE = "shared memory"
_PLACE = "/dev/shm"  # not a temporary file: the file system of POSIX shared memory
_LEAST = 256 * 2**20
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def check(system: System) -> Diagnosis:
    """Its size, as it was mounted."""
    mounts = system.read("/proc/mounts")
    if mounts is None:
        return Diagnosis(status="note", text="this system does not tell of it", figures={"size_bytes": None})
    options = next((line.split()[3] for line in mounts.splitlines() if line.split()[1:2] == [_PLACE]), None)
    if options is None:
        return Diagnosis(
            status="warning", text="/dev/shm is not mounted: process pools can't make their locks, MPI falls back to slower ways",
            advice="Mount it: docker run --shm-size=1g, or as root: mount -t tmpfs -o size=1g tmpfs /dev/shm", figures={"size_bytes": None},
        )  # fmt: skip
    size = _size(options)
    figures = {"size_bytes": size, "read_only": "ro" in options.split(",")}
    if figures["read_only"]:
        return Diagnosis(status="warning", text="/dev/shm is mounted read-only: process pools can't make their locks", figures=figures,
                         advice="As root: mount -o remount,rw /dev/shm")  # fmt: skip
    if size < _LEAST:
        return Diagnosis(
            status="warning", text=f"/dev/shm holds {size / 2**20:.3g} MiB (64 is docker's default): MPI and joblib may fail with large items",
            advice="docker run --shm-size=1g, or as root: mount -o remount,size=1g /dev/shm", figures=figures,
        )  # fmt: skip
    return Diagnosis(status="ok", text=f"/dev/shm holds {size / 2**30:.3g} GiB", figures=figures)


def _size(options: str) -> int:
    """From the options of the mount; half of the memory where they name none, as tmpfs has it."""
    match = re.search(r"(?:^|,)size=(\d+)([kmg%]?)", options, re.IGNORECASE)
    if match is None:
        return machine.memory_bytes() // 2
    if match[2] == "%":
        return machine.memory_bytes() * int(match[1]) // 100
    return int(match[1]) * _UNITS[match[2].lower()]
