"""Whether memory is short, or swapped: a page that comes from disk takes as long as a million additions."""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System, percent

TITLE = "memory"
_LEAST_FREE = 0.1
_SWAPPED = 0.01  #: of the memory


def check(system: System) -> Diagnosis:
    """``/proc/meminfo``, and the cgroup's limit."""
    facts = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in (system.read("/proc/meminfo") or "").splitlines()
             if len(line.split()) >= 2 and line.split()[1].isdigit()}  # fmt: skip
    limit = machine.memory_bytes()
    if "MemTotal" not in facts or "MemAvailable" not in facts:
        return Diagnosis(status="ok", text=f"{limit / 2**30:.3g} GiB", figures={"limit_bytes": limit})
    whole = min(facts["MemTotal"], limit) if system.root.samefile("/") else facts["MemTotal"]
    available = min(facts["MemAvailable"], whole)
    swapped = facts.get("SwapTotal", 0) - facts.get("SwapFree", 0)
    figures = {
        "limit_bytes": whole,
        "available_bytes": available,
        "swap_used_bytes": swapped,
        "swap_bytes": facts.get("SwapTotal", 0),
    }
    text = f"{available / 2**30:.3g} of {whole / 2**30:.3g} GiB available"
    if swapped > _SWAPPED * whole:
        return Diagnosis(
            status="warning", text=f"{text}, {swapped / 2**30:.2g} GiB in swap", figures=figures,
            advice="End what fills the memory, then as root: swapoff -a && swapon -a; else pages come back while a round is timed",
        )  # fmt: skip
    if available < _LEAST_FREE * whole:
        return Diagnosis(
            status="warning", text=f"only {text} ({percent(available / whole)})", figures=figures,
            advice="Fewer --workers, or end what fills it: each worker holds its own copy of what it loads",
        )  # fmt: skip
    return Diagnosis(status="ok", text=text + (", no swap in use" if figures["swap_bytes"] else ", no swap"), figures=figures)
