"""How fine the clock is that times rounds, and what a look at it costs."""

import time
from itertools import pairwise

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System

TITLE = "clock"
_LOOKS = 20_000
_COARSE_S = 1e-6
_DEAR_S = 5e-7
_QUICK_SOURCES = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page")  #: read without entering the kernel


def check(system: System) -> Diagnosis:
    """Look at it many times in a row."""
    looks = [machine.clock() for _ in range(_LOOKS)]
    steps = [later - earlier for earlier, later in pairwise(looks) if later > earlier]
    source = system.read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return judge(
        min(steps, default=1.0), (looks[-1] - looks[0]) / (_LOOKS - 1), source, time.get_clock_info("perf_counter").resolution
    )


def judge(step_s: float, cost_s: float, source: str | None, resolution_s: float) -> Diagnosis:
    """Of the smallest step seen, the mean time of a look, the kernel's source, and the resolution that Python tells."""
    figures = {"step_s": step_s, "cost_s": cost_s, "resolution_s": resolution_s, "source": source}
    text = f"steps of {1e9 * step_s:.3g} ns, {1e9 * cost_s:.3g} ns a look" + ("" if source is None else f" ({source})")
    if step_s > _COARSE_S:
        return Diagnosis(
            status="warning", text=text, figures=figures,
            advice=f"Tasks should last longer than {1e3 * step_s * 100:.2g} ms, a hundred steps",
        )  # fmt: skip
    if cost_s > _DEAR_S or (source is not None and source not in _QUICK_SOURCES):
        return Diagnosis(
            status="note", text=f"{text}: a look is dear", figures=figures,
            advice="The kernel may have given up the tsc (dmesg | grep -i tsc); of very short tasks, measure with task_timing = \"off\"",
        )  # fmt: skip
    return Diagnosis(status="ok", text=text, figures=figures)
