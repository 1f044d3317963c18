"""What starts a host on this machine."""

import sys
from dataclasses import replace

import psutil
import pytest

from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.launchers import base, local
from scalebench.launchers.mpi import MPI, find_mpi
from scalebench.plan import open_request
from scalebench.study import Study
from scalebench.sweep import expand
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


@pytest.mark.skipif(sys.platform != "linux", reason="what the interface of loopback is called is Linux's")
@pytest.mark.parametrize(("backend", "mode"), [("mpi", None), ("mpi-pool", "world"), ("mpi-pool", "spawn")])
def test_ranks_listen_on_loopback_alone(backend, mode):
    """But for one port of MPICH's mpiexec, which its ranks inherit and which can't be bound: docs/security.md."""
    if find_mpi().open_mpi:
        pytest.skip("Open MPI has other settings, which are not made here")
    study = Study(
        workload="tasks:square", items=[1, 2], backend=backend, workers=2, baselines=False, **({"mpi_mode": mode} if mode else {})
    )
    sweep = expand(study)
    host = local.start(sweep.entries[0].case)
    try:
        host.ask(open_request(sweep.entries[0].case, sweep), 60)
        first = psutil.Process(host._process.pid)
        own = {one.laddr.port for one in first.net_connections(kind="inet")}
        connections = [one for process in first.children(recursive=True) for one in process.net_connections(kind="inet")]
        of_ranks = {one.laddr.ip for one in connections if one.laddr.port not in own}
        assert of_ranks == {"127.0.0.1"}
    finally:
        host.end()


@pytest.mark.skipif(sys.platform != "linux", reason="what the interface of loopback is called is Linux's")
@pytest.mark.usefixtures("_mpi")
def test_a_device_that_the_user_chose_for_ranks_is_left_alone(monkeypatch):
    monkeypatch.setenv("UCX_NET_DEVICES", "ib0")
    _, environment = local.command(Case(backend="mpi", distribution="block", workload="w:f"))
    assert environment["UCX_NET_DEVICES"] == "ib0"
    assert environment["FI_TCP_IFACE"] == "lo"
