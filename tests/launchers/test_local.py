"""What starts a host on this machine."""

import sys
from dataclasses import replace

import pytest

from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.launchers import base, local
from scalebench.launchers.mpi import MPI
from scalebench.variants import THREAD_VARIABLES


@pytest.fixture
def _mpi(monkeypatch):
    monkeypatch.setattr(local, "find_mpi", lambda *_: MPI("MPICH", "/opt/bin/mpiexec", open_mpi=False))


def test_the_thread_variables_are_those_asked_for_and_one_where_nothing_was_asked():
    for asked, expected in ((None, "1"), (1, "1"), (4, "4")):
        _, environment = local.command(Case(backend="processes", start_method="fork", workload="w:f", blas_threads=asked))
        assert {environment[name] for name in THREAD_VARIABLES} == {expected}


@pytest.mark.usefixtures("_mpi")
def test_mpi_hosts_are_started_as_so_many_ranks():
    case = Case(workload="w:f", workers=3, backend="mpi", distribution="block")
    assert local.command(case)[0] == [
        "/opt/bin/mpiexec",
        "-print-all-exitcodes",
        "-n",
        "3",
        sys.executable,
        "-m",
        "scalebench.host",
        "-m",
        "scalebench.backends.mpi",
    ]
    world = replace(case, backend="mpi-pool", distribution=None, mpi_mode="world")
    assert local.command(world)[0][:4] == ["/opt/bin/mpiexec", "-print-all-exitcodes", "-n", "4"]
    assert local.command(world)[0][-4:] == ["-m", "mpi4py.futures", "-m", "scalebench.host.serve"]
    spawn = replace(world, mpi_mode="spawn")
    assert local.command(spawn)[0] == [
        "/opt/bin/mpiexec",
        "-print-all-exitcodes",
        "-n",
        "1",
        sys.executable,
        "-m",
        "scalebench.host",
    ]


def test_a_backend_whose_library_is_missing_is_unavailable_with_its_reason(monkeypatch):
    monkeypatch.setattr(type(get_backend("mpi")), "unavailable", staticmethod(lambda: "mpi4py is not installed: get it"))
    assert base.unavailable("mpi") == "mpi4py is not installed: get it"
    assert base.unavailable("threads") is None
