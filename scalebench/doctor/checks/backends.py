"""Whether each interface that should work here does: two workers, one small round. MPI has a check of its own."""

from scalebench.backends.registry import get_backend, references
from scalebench.doctor.base import Diagnosis, System
from scalebench.doctor.trial import cause, trial
from scalebench.launchers.base import has_ranks, unavailable

TITLE = "backends"


def check(system: System) -> Diagnosis:
    """A launch of each."""
    broken: dict[str, str] = {}
    missing: dict[str, str] = {}
    works = []
    for name in references():
        if name == "serial" or has_ranks(get_backend(name)):
            continue
        if (reason := unavailable(name)) is not None:
            missing[name] = reason
            continue
        told = trial(name, 2)
        if told.status == "ok":
            works.append(name)
        else:
            broken[name] = cause(told.message)
    figures = {"works": works, "broken": broken, "missing": missing}
    if broken:
        text = "; ".join(f"{name} does not work: {reason}" for name, reason in broken.items())
        return Diagnosis(status="broken", text=text, figures=figures, advice="Leave it out (--backend), or mend what it says")
    text = f"{', '.join(works)} work with two workers"
    if missing:
        absent = "; ".join(missing.values())
        return Diagnosis(status="note", text=f"{text}; missing: {', '.join(missing)}", figures=figures, advice=absent)
    return Diagnosis(status="ok", text=text, figures=figures)
