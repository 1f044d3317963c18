"""The conformance suite with workers on other machines than their host: ranks over two of them, workers of dask and of ray there.

It runs on ``login``, as a user's study would; see tests/conformance/conftest.py.
"""

import re
import sys
from pathlib import Path

import pytest
from dasks import Dasks
from rays import Rays

SUITE = Path(__file__).parents[1] / "conformance"
NODES = ["node1", "node2"]


def conforms(hosts, tmp_path, which, environment, *, side_by_side=1):
    """How many of the tests of these names passed; none may fail or be skipped. Those of ranks mostly wait for hosts to answer."""
    variables = {"PYTHONPATH": SUITE.parent, "CI": "1", "SCALEBENCH_TEST_MACHINES": ",".join(NODES), **environment}
    told = hosts.run(
        "env", *(f"{name}={value}" for name, value in variables.items()),
        sys.executable, "-m", "pytest", SUITE, "-q", "-n", side_by_side, "-k", which, f"--basetemp={tmp_path / 'all-see-it'}", timeout=900,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    counts = dict(re.findall(r"(\d+) (passed|failed|skipped)", told.stdout.splitlines()[-1]))
    return {word: int(count) for count, word in counts.items()}


@pytest.mark.parametrize("one", ["mpi-block", "mpi-cyclic", "mpi-pool-world", "mpi-pool-spawn"])
def test_ranks_over_two_hosts_conform(hosts, tmp_path, one):
    environment = {"SCALEBENCH_TEST_HOSTS": ",".join(NODES)}
    assert set(conforms(hosts, tmp_path, one, environment, side_by_side=3)) == {"passed"}
    assert hosts.rank_processes() == []


#: workers at an address are as somebody has started them: with an environment and BLAS threads of their own, and with what earlier
#: launches have left
STARTED_BEFORE = "not set_up_once_each and not blas_threads_that_were_asked_for and not fail_as_the_interface_tells_it"


def test_workers_of_dask_at_an_address_conform(hosts, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SUITE.parent))
    started = Dasks(hosts.on)
    try:
        started.scheduler(hosts.address, host="login")
        for node in ("node1", "node2", "node2"):
            started.worker(host=node)
        environment = {"SCALEBENCH_TEST_SCHEDULER": started.address}
        assert set(conforms(hosts, tmp_path, f"dask and {STARTED_BEFORE}", environment)) == {"passed"}
        assert started.running == [True] * 4
    finally:
        started.end()


def test_workers_of_ray_over_hosts_conform(hosts, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SUITE.parent))
    started = Rays(hosts.on)
    try:
        started.head(hosts.address)
        for node, cpus in (("node1", 1), ("node2", 2)):
            started.node(node, cpus)
        environment = {name: value for name, value in started.environment.items() if name.startswith("RAY_")}
        environment["SCALEBENCH_TEST_SCHEDULER"] = started.address
        assert set(conforms(hosts, tmp_path, f"ray and {STARTED_BEFORE}", environment)) == {"passed"}
    finally:
        started.end()
