"""Whether a hypervisor gives this machine's CPUs to others while they are wanted: steal time of ``/proc/stat``."""

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System, percent

TITLE = "stolen CPU time"
_LOOK_S = 0.5
_MUCH, _SOME = 0.02, 0.002  #: shares of the time that CPUs were wanted


def check(system: System) -> Diagnosis:
    """Since the start of the machine, and while one CPU is kept busy for a moment."""
    before = ticks(system)
    if before is None:
        return Diagnosis(status="note", text="this system does not tell of it", figures={"since_start": None, "now": None})
    began = machine.clock()
    while machine.clock() - began < _LOOK_S:
        machine.canary()
    return judge(before, ticks(system) or before)


def ticks(system: System) -> tuple[int, int] | None:
    """Ticks that were stolen, and those in which a CPU was wanted, of all CPUs since the machine started."""
    line = (system.read("/proc/stat") or "").partition("\n")[0].split()
    if len(line) < 9 or line[0] != "cpu":
        return None
    user, nice, kernel, _idle, _wait, irq, softirq, stolen = map(int, line[1:9])
    return stolen, user + nice + kernel + irq + softirq + stolen


def judge(before: tuple[int, int], after: tuple[int, int]) -> Diagnosis:
    """Of the ticks before and after a moment of work."""
    wanted = after[1] - before[1]
    now = (after[0] - before[0]) / wanted if wanted > 0 else 0.0
    since = after[0] / after[1] if after[1] else 0.0
    figures = {"since_start": since, "now": now}
    text = f"{percent(now)} of the CPU time that is wanted now, {percent(since)} since the machine started"
    if max(now, since) < _SOME:
        return Diagnosis(status="ok", text=text, figures=figures)
    return Diagnosis(
        status="warning" if max(now, since) >= _MUCH else "note", text=f"{text}: neighbours on the same host take it", figures=figures,
        advice="Measure at another hour, with more --blocks, or on a machine with CPUs of its own; compare variants in one run",
    )  # fmt: skip
