"""Variables that decide how many threads libraries start, and where they run."""

from scalebench.doctor.base import Diagnosis, System
from scalebench.variants import THREAD_VARIABLES

TITLE = "thread variables"
#: that tie threads to CPUs; all workers inherit them, and so tie theirs to the same ones
_PLACES = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "MP_BIND", "KMP_HW_SUBSET")
#: that change counts behind those which scalebench sets
_COUNTS = ("OMP_DYNAMIC", "MKL_DYNAMIC", "OMP_THREAD_LIMIT", "OMP_MAX_ACTIVE_LEVELS", "OMP_NESTED", "MKL_DOMAIN_NUM_THREADS",
           "GOTO_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")  # fmt: skip
_NO = ("", "false", "none", "disabled")


def check(system: System) -> Diagnosis:
    """What is set here, before scalebench sets its own."""
    found = {name: system.environment[name] for name in (*THREAD_VARIABLES, *_PLACES, *_COUNTS) if name in system.environment}
    figures = {"variables": found}
    places = [name for name in found if name in _PLACES and found[name].lower() not in _NO]
    counts = [name for name in found if name in _COUNTS]
    shown = ", ".join(f"{name}={found[name]}" for name in found)
    if places:
        return Diagnosis(
            status="warning", text=f"{shown}: every worker inherits it and puts its threads on the same CPUs", figures=figures,
            advice=f"unset {' '.join(places)}; to bind workers, each to a place of its own: --binding cores",
        )  # fmt: skip
    if counts:
        return Diagnosis(
            status="warning", text=f"{shown}: workers inherit it, and it may change how many threads they use", figures=figures,
            advice=f"unset {' '.join(counts)}, unless you mean to measure with it",
        )  # fmt: skip
    if found:
        return Diagnosis(
            status="note", text=f"{shown}: in measured processes scalebench sets these itself, to --blas-threads", figures=figures,
            advice="Outside of scalebench your code runs with what is set here: compare with --blas-threads of the same count",
        )  # fmt: skip
    return Diagnosis(status="ok", text="none are set; measured processes get theirs from --blas-threads", figures=figures)
