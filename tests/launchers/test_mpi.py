"""The mpiexec that belongs to mpi4py's libmpi; foreign ones are small scripts, since only their words are read."""

import os
import stat
import subprocess
import sys

import pytest

from scalebench.errors import BackendUnavailableError
from scalebench.launchers import mpiexec
from scalebench.launchers.mpi import MPI, find_mpi, how_ranks_ended


@pytest.fixture(autouse=True)
def _forget():
    find_mpi.cache_clear()
    yield
    find_mpi.cache_clear()


def pretend(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


def test_the_mpiexec_found_starts_ranks_that_see_each_other():
    pytest.importorskip("mpi4py", reason="mpi4py is an extra")
    mpi = find_mpi()
    code = "from mpi4py import MPI; print(MPI.COMM_WORLD.Get_size())"
    environment = {**os.environ, **mpi.environment()}
    told = subprocess.run(
        [*mpi.command(3), sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    ranks, _, _ = told.stdout.partition("[mpiexec@")  # which tells their exit codes then
    assert "".join(ranks.split()) == "333"  # their lines may be mixed


def test_a_foreign_mpiexec_first_in_the_path_is_passed_over(tmp_path, monkeypatch):
    pytest.importorskip("mpi4py", reason="mpi4py is an extra")
    own = find_mpi()
    find_mpi.cache_clear()
    says = "HYDRA build details" if own.open_mpi else "mpiexec (Open MPI) 4.1.4"
    foreign = pretend(tmp_path, "mpiexec", says)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_mpi() == own
    assert own.mpiexec != foreign


def test_an_mpi_without_its_own_mpiexec_is_unavailable_and_both_are_named(tmp_path, monkeypatch):
    foreign = pretend(tmp_path, "mpiexec", "mpiexec (Open MPI) 4.1.4")
    library = tmp_path / "nowhere" / "lib" / "libmpi.so.12"
    python = pretend(tmp_path, "python", f'["MPICH Version: 5.0.2", "{library}"]')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailableError) as caught:
        find_mpi(python)
    assert "MPICH Version: 5.0.2" in str(caught.value)
    assert f"{foreign} of Open MPI" in str(caught.value)
    assert "pip install mpi4py mpich" in str(caught.value)


def test_an_interpreter_without_mpi4py_is_unavailable_with_the_way_out(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'mpi4py'\" >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(BackendUnavailableError, match=r"No module named 'mpi4py'(.|\n)*pip install"):
        find_mpi(str(python))


def test_open_mpi_may_start_more_ranks_than_cpus_and_as_root(monkeypatch):
    mpi = MPI("Open MPI v5.0.11", "/usr/bin/mpiexec", open_mpi=True)
    assert mpi.command(5) == ["/usr/bin/mpiexec", "--oversubscribe", "--bind-to", "none", "-n", "5"]
    monkeypatch.setattr(mpiexec.os, "geteuid", lambda: 0)
    assert mpi.environment()["OMPI_ALLOW_RUN_AS_ROOT"] == "1"
    monkeypatch.setattr(mpiexec.os, "geteuid", lambda: 1000)
    assert mpi.environment() == {}


@pytest.mark.parametrize(
    ("printed", "how"),
    [
        ("[mpiexec@node] Exit codes: [node] 768,0", "an MPI rank ended with exit status 3"),
        ("[mpiexec@node] Exit codes: [node] 9,0,11", "an MPI rank was killed by SIGSEGV"),
        ("[mpiexec@node] Exit codes: [node] 9,0,9\nYOUR APPLICATION TERMINATED", "an MPI rank was killed by SIGKILL"),
        ("[mpiexec@node] Exit codes: [node] 9", "the MPI rank was killed by SIGKILL, or one that it spawned died (mpiexec does not say which)"),
        ("Abort(5) on node 1 (rank 1 in comm 0): application called MPI_Abort(MPI_COMM_WORLD, 5)", "rank 1 called MPI_Abort with error code 5"),
        ("[mpiexec@node] Exit codes: [node] 0,0", None),
        ("the loop [3] 5\nno launcher said this", None),
    ],
)  # fmt: skip
def test_what_mpiexec_prints_tells_how_the_rank_ended_that_it_did_not_kill_itself(printed, how):
    assert how_ranks_ended(printed) == how
