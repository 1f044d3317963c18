"""What a launch, one pass over a workload, or the canary of a run gives reason to doubt.

Not here: doubts about others on the machine and about a whole run (``runner``).
"""

from collections.abc import Sequence
from dataclasses import asdict

from scalebench import machine, plan
from scalebench.case import Case
from scalebench.findings import (
    AnswersUnchecked,
    BlasThreadsNotAsAsked,
    Finding,
    FitsCache,
    MachineDrifted,
    MachineUnsteady,
    Oversubscribed,
    TaskTooShort,
)
from scalebench.launch import Launch
from scalebench.launchers.base import Launcher


def doubts_of_workload(workload: str, reference: plan.Reference) -> list[Finding]:
    """The findings that one pass over the items of somebody's own workload gives rise to."""
    found: list[Finding] = []
    task_s = reference.serial_s(len(reference.durations)) / len(reference.durations)
    if task_s < TaskTooShort.LEAST_S:
        found.append(TaskTooShort(workload=workload, task_s=task_s))
    if reference.unchecked is not None or reference.varies is not None:
        found.append(AnswersUnchecked(workload=workload, answers=reference.unchecked, varies=reference.varies))
    return found


def doubts_of_canary(canary_s: Sequence[float]) -> list[Finding]:
    """Whether the machine was in one mood, by the canary of each launch, s, in order of time."""
    import numpy as np

    from scalebench.analysis import mood

    times_s, found = np.array(canary_s), list[Finding]()
    if (shift := mood.drift(times_s)) is not None:
        found.append(MachineDrifted(launches=len(times_s), **asdict(shift)))
    if (unrest := mood.unrest(times_s)) is not None:
        found.append(MachineUnsteady(low_s=unrest[0], high_s=unrest[1], launches=len(times_s)))
    return found


def doubts(case: Case, told: Launch, launcher: Launcher) -> list[Finding]:
    """The findings that one launch gives rise to."""
    found: list[Finding] = []
    facts = told.found
    if facts.get("oversubscribed"):
        found.append(Oversubscribed(case=case.label, threads=facts["runnable_threads"], cpus=facts["cpu_budget"]))
    low, high = facts.get("blas_found_min"), facts.get("blas_found_max")
    if case.blas_threads is not None and low is not None and high is not None and {low, high} != {case.blas_threads}:
        found.append(BlasThreadsNotAsAsked(case=case.label, asked=case.blas_threads, found_min=low, found_max=high))
    there = launcher.machine()  # None: this one
    cache = machine.last_level_cache_bytes() if there is None else there["last_level_cache_bytes"]
    held = plan.held_bytes(case)
    if case.kind == "stream" and held is not None and cache is not None and held <= cache * case.nodes:
        found.append(FitsCache(case=case.label, held_bytes=held, cache_bytes=cache * case.nodes))
    return found
