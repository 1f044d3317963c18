"""Whether MPI starts: two ranks below the mpiexec of the MPI that mpi4py loads. If not, the real reason."""

from importlib.util import find_spec

from scalebench.doctor.base import Diagnosis, System
from scalebench.doctor.trial import cause, trial
from scalebench.errors import BackendUnavailableError
from scalebench.launchers.mpi import find_mpi

TITLE = "MPI"


def check(system: System) -> Diagnosis:
    """Find the MPI, start two ranks."""
    if find_spec("mpi4py") is None:
        return Diagnosis(
            status="note", text="mpi4py is not installed: the backends mpi and mpi-pool are left out",
            advice="For MPI: python -m pip install mpi4py mpich", figures={"library": None, "mpiexec": None},
        )  # fmt: skip
    try:
        mpi = find_mpi()
    except BackendUnavailableError as error:
        reason, _, advice = str(error).rpartition(": ")
        return Diagnosis(status="broken", text=reason, advice=advice, figures={"library": None, "mpiexec": None})
    figures = {"library": mpi.library, "mpiexec": mpi.mpiexec}
    told = trial("mpi", 2)
    if told.status != "ok":
        return Diagnosis(
            status="broken", text=f"two ranks of {mpi.library} don't start: {cause(told.message)}", figures=figures,
            advice=f"Try it by itself: {' '.join(mpi.command(2))} hostname; or measure without MPI: --backend processes",
        )  # fmt: skip
    started = float(told.found["startup_s"])
    return Diagnosis(
        status="ok", text=f"two ranks of {mpi.library} are up in {started:.2g} s", figures={**figures, "startup_s": started}
    )
