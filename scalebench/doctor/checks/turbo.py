"""Whether the clock may rise above its base when few cores are busy: then one worker has a faster CPU than eight.

Sources: the kernel's ``intel_pstate.rst`` (``no_turbo``) and ``boost.rst``.
"""

from scalebench.doctor.base import Diagnosis, System

TITLE = "turbo"


def check(system: System) -> Diagnosis:
    """What the driver says."""
    off = system.number("/sys/devices/system/cpu/intel_pstate/no_turbo")
    on = system.number("/sys/devices/system/cpu/cpufreq/boost") if off is None else 1 - off
    figures = {"turbo": None if on is None else bool(on)}
    if on is None:
        return Diagnosis(
            status="note", text="whether the clock boosts can't be seen here (usual in a virtual machine)", figures=figures
        )
    if not on:
        return Diagnosis(status="ok", text="off: the clock is the same for one worker and for all", figures=figures)
    return Diagnosis(
        status="warning", figures=figures,
        text="on: one busy core runs at a higher clock than all together, so efficiency at many workers looks worse than the code is",
        advice="As root: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > /sys/devices/system/cpu/cpufreq/boost",
    )  # fmt: skip
