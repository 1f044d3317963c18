"""Whether this process may use all CPUs of the machine."""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System, cpu_list

TITLE = "CPU affinity"


def check(system: System) -> Diagnosis:
    """What the scheduler allows, of what is there."""
    there = machine.logical_cpus()
    allowed = next((line.partition(":")[2].strip() for line in (system.read("/proc/self/status") or "").splitlines()
                    if line.startswith("Cpus_allowed_list")), None)  # fmt: skip
    if allowed is None:
        return Diagnosis(status="note", text="this system does not tell which CPUs a process may use", figures={"allowed": None})
    cpus = cpu_list(allowed)
    figures = {"allowed": len(cpus), "logical_cpus": there}
    if len(cpus) >= there:
        return Diagnosis(status="ok", text=f"all {there} CPUs may be used", figures=figures)
    return Diagnosis(
        status="note", text=f"only {len(cpus)} of {there} CPUs may be used (CPU {allowed}); 'x' in --workers 1..2x counts those",
        advice="If you did not ask for that: taskset -pc $$ tells the shell's; a batch system or container may have set it",
        figures=figures,
    )  # fmt: skip
