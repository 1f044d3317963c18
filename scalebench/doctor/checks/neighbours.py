"""Whether other processes use the CPUs that a run would have."""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System

TITLE = "other processes"
_LOOK_S = 1.0


def check(system: System) -> Diagnosis:
    """Look for a second, as a run does at the start of each block (finding SB121)."""
    from scalebench.analysis import mood

    budget = machine.cpu_budget()
    used = machine.cpus_in_use(_LOOK_S)
    taken = mood.shortage([used], budget, machine.logical_cpus())
    pressure = _pressure(system)
    figures = {"cpus_in_use": used, "cpu_budget": budget, "load_average": machine.load_average(), "waiting_share": pressure}
    if taken is None:
        return Diagnosis(status="ok", text=f"they use {used:.2g} of {machine.logical_cpus()} CPUs", figures=figures)
    waits = "" if pressure is None else f"; in {100 * pressure:.0f}% of the last 10 s something waited for a CPU"
    return Diagnosis(
        status="warning", text=f"they use {used:.2g} of {machine.logical_cpus()} CPUs{waits}", figures=figures,
        advice="End what else runs ('top' names it), or measure fewer --workers",
    )  # fmt: skip


def _pressure(system: System) -> float | None:
    """The share of the last ten seconds in which some task waited for a CPU (pressure stall information)."""
    for word in (system.read("/proc/pressure/cpu") or "").split():
        if word.startswith("avg10="):
            return float(word.removeprefix("avg10=")) / 100
    return None
