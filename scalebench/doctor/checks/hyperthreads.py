"""Whether CPUs share cores: two workers on one core are not two cores."""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System, cpu_list

TITLE = "hyperthreads"


def check(system: System) -> Diagnosis:
    """The siblings of each CPU."""
    siblings = set(system.each("/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list").values())
    cores = len(siblings) or machine.physical_cores()
    threads = max((len(cpu_list(text)) for text in siblings), default=0)
    logical = machine.logical_cpus()
    if not threads and cores:
        threads = -(-logical // cores)
    figures = {"logical_cpus": logical, "physical_cores": cores, "threads_per_core": threads or None}
    if not cores:
        return Diagnosis(status="note", text="which CPUs share a core can't be seen here", figures=figures)
    if threads <= 1:
        return Diagnosis(status="ok", text="none: each CPU is a core of its own, as far as this system tells", figures=figures)
    return Diagnosis(
        status="note", text=f"{logical} CPUs are {cores} cores: beyond {cores} workers two share one, and each gets less done",
        advice=f"Look at efficiency up to {cores} workers; --binding cores keeps them on cores of their own", figures=figures,
    )  # fmt: skip
