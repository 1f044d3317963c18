"""Whether the CPU's clock follows the load: the first milliseconds of a round are slower then."""

from collections import Counter

from scalebench.doctor.base import Diagnosis, System

TITLE = "CPU governor"
_STEADY = ("performance",)


def check(system: System) -> Diagnosis:
    """The governor of each CPU."""
    found = Counter(system.each("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor").values())
    figures = {"governors": dict(found)}
    if not found:
        return Diagnosis(
            status="note", text="the clock's governor can't be seen here (usual in a virtual machine)", figures=figures,
            advice="Whoever runs the host decides it; the noise floor shows what comes of it",
        )  # fmt: skip
    named = ", ".join(f"{name} on {count} CPUs" for name, count in found.most_common())
    if set(found) <= set(_STEADY):
        return Diagnosis(status="ok", text=named, figures=figures)
    return Diagnosis(
        status="warning", text=f"{named}: the clock follows the load, so short rounds are timed while it rises", figures=figures,
        advice="As root: cpupower frequency-set -g performance",
    )  # fmt: skip
