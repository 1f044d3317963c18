"""``stream``: a fixed number of bytes through memory: the STREAM "scale" kernel, repeated.

The size is the working set in bytes (two float64 arrays). It measures memory bandwidth only when the arrays
of all workers don't fit the last-level cache; a finding says when they do.

Source of the kernel: McCalpin 1995, "Memory Bandwidth and Machine Balance in Current High Performance Computers".
"""

from scalebench.workloads.kinds import MOST_UNITS, Kind
from scalebench.workloads.work import count_work

_PASSES = 8  # over the arrays, so that the first touch of fresh pages is a small part


def parse(text: str) -> tuple[int, int]:
    """Bytes: ``"64MiB"``, ``"64MB"``, ``"67108864"`` -> ``(0, pairs)``, 16 bytes each, at least one."""
    scale = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
    lower = text.strip().lower()
    suffix = next((unit for unit in scale if lower.endswith(unit)), "")
    value = float(lower.removesuffix(suffix).replace("_", "")) * scale.get(suffix, 1)
    units = int(value) // 16 if 0 < value < MOST_UNITS else 0
    if units < 1:
        raise ValueError("a number of bytes, 16 or more, as 64MiB or 67108864")
    return 0, units


def run(n: int, _shape: int, length: int) -> int:
    """Scale one array into the other and back, eight passes; answer: a checksum of exact small integers."""
    import numpy as np

    source = np.full(length, float(n & 0xFF))
    target = np.empty_like(source)
    for _ in range(_PASSES // 2):
        np.multiply(source, 2.0, out=target)
        np.multiply(target, 0.5, out=source)
    count_work(length * 16 * _PASSES)
    return int(source[0] + source[length // 2] + target[-1])


def bytes_needed(_shape: int, length: int) -> int:
    """The two arrays."""
    return 16 * length


KIND = Kind(
    name="stream",
    size_unit="bytes",
    default_size="64MiB",
    work_unit="bytes",
    parse=parse,
    run=run,
    holds_gil=False,
    bytes_needed=bytes_needed,
)
