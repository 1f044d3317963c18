"""Whether a measured process can be started at all: scalebench's own host, serial, one small round."""

from scalebench.doctor.base import Diagnosis, System
from scalebench.doctor.trial import cause, trial

TITLE = "measured process"
ESSENTIAL = True


def check(system: System) -> Diagnosis:
    """Start the host, time a round, end it."""
    told = trial("serial", 1)
    rounds = [one for one in told.rounds if not one["warmup"]]
    if told.status != "ok":
        return Diagnosis(
            status="broken", text=f"the host does not run: {cause(told.message)}", figures={"status": told.status},
            advice="Is this the Python that scalebench is installed in? Try: python -m scalebench.host < /dev/null",
        )  # fmt: skip
    return Diagnosis(status="ok", text="starts, works and ends", figures={"wall_s": rounds[0]["wall_s"]})
