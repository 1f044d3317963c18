"""Whether a cgroup allows less CPU time than there are CPUs: then all threads stop for the rest of a period.

Sources: the kernel's ``cgroup-v2.rst`` (``cpu.max``, ``cpu.stat``) and ``sched-bwc.rst`` (``cpu.cfs_quota_us``). Every group
above this process's counts; the tightest one decides.
"""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System

TITLE = "CPU quota"


def check(system: System) -> Diagnosis:
    """Look at the groups of this process, up to the root."""
    found = [one for group in _groups(system) if (one := _quota(system, group)) is not None]
    if not found:
        return Diagnosis(status="ok", text="no limit on CPU time", figures={"cpus": None})
    cpus, group = min(found)
    throttled, periods = _throttled(system, group)
    figures = {"cpus": cpus, "group": group, "throttled": throttled, "periods": periods, "cpu_budget": machine.cpu_budget()}
    if cpus >= machine.logical_cpus():
        return Diagnosis(status="ok", text=f"a limit of {cpus:.3g} CPUs, which is all there are", figures=figures)
    text = f"a limit of {cpus:.3g} CPUs' time on a machine of {machine.logical_cpus()}"
    if throttled and periods:
        text += f"; all threads were stopped in {100 * throttled / periods:.2g}% of the periods so far"
    if machine.cpu_budget() > max(1, round(cpus)):
        advice = (f"scalebench counts {machine.cpu_budget()} CPUs, since the limit is not where it is looked for: "
                  f"LOKY_MAX_CPU_COUNT={max(1, int(cpus))} tells it")  # fmt: skip
        return Diagnosis(status="warning", text=text, advice=advice, figures=figures)
    advice = "More threads than that wait for the rest of each period: give the container whole CPUs (--cpuset-cpus), not a share of time"
    return Diagnosis(status="warning", text=text, advice=advice, figures=figures)


def _groups(system: System) -> list[str]:
    """The folders of this process's groups and of those above, as seen in ``/sys/fs/cgroup``."""
    found: dict[str, None] = {}
    for line in (system.read("/proc/self/cgroup") or "0::/").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number != "0" and "cpu" not in controllers.split(","):
            continue
        tops = ["/sys/fs/cgroup"] if number == "0" else ["/sys/fs/cgroup/cpu", f"/sys/fs/cgroup/{controllers}"]
        parts = [part for part in path.split("/") if part and part != ".."]
        for top in tops:
            found |= dict.fromkeys("/".join([top, *parts[:depth]]) for depth in range(len(parts), -1, -1))
    return list(found)


def _quota(system: System, group: str) -> tuple[float, str] | None:
    if (text := system.read(f"{group}/cpu.max")) is not None:
        quota, _, period = text.partition(" ")
        return (int(quota) / int(period or 100_000), group) if quota.isdigit() else None
    quota_us, period_us = system.number(f"{group}/cpu.cfs_quota_us"), system.number(f"{group}/cpu.cfs_period_us")
    return (quota_us / period_us, group) if quota_us is not None and quota_us > 0 and period_us else None


def _throttled(system: System, group: str) -> tuple[int | None, int | None]:
    facts = dict(line.split() for line in (system.read(f"{group}/cpu.stat") or "").splitlines() if len(line.split()) == 2)
    throttled, periods = facts.get("nr_throttled"), facts.get("nr_periods")
    return (None if throttled is None else int(throttled)), (None if periods is None else int(periods))
