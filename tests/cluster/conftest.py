"""A real Slurm, and hosts of their own addresses, on this machine: started by the scripts beside this, from Debian's packages.

The scripts end with 77 where that is not possible (no root, no namespaces, no packages): a skip with that reason, and with CI
set a failure. What is started is ended with the tests, whatever became of them.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import files
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_NOT_POSSIBLE = 77
_PORT = 26817  # first of the ports of Slurm; each process of tests has some of its own


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("cluster")


def _script(name, **settings):
    told = subprocess.run(
        [HERE / name],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if told.returncode == _NOT_POSSIBLE:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told.stderr.strip().splitlines()[-1])
    assert told.returncode == 0, told.stderr


class Hosts:
    """``login`` and three nodes, each with its own network address, hostname, processes and shared memory."""

    nodes = ("node1", "node2", "node3")
    address = "10.99.77.1"  #: of login

    def __init__(self, state):
        self.state = Path(state)

    def on(self, host, *command):
        """The arguments of a command that runs on a host. On ``login`` signals reach the command itself."""
        return [str(self.state / "bin" / "on"), host, *map(str, command)]

    def run(self, *command, host="login", timeout=120, **options):
        """A command that has ended, with what it printed."""
        return subprocess.run(
            self.on(host, *command),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            **options,
        )

    def scalebench(self, *arguments, **options):
        """The command line on ``login``."""
        return self.run(sys.executable, "-m", "scalebench", *arguments, **options)

    def rank_processes(self):
        """Command lines of hosts, ranks and workers of dask that run on a node."""
        found = []
        for node in self.nodes:
            told = self.run("ps", "-eo", "args", host=node)
            assert told.returncode == 0, told.stderr
            ours = [
                line
                for line in told.stdout.splitlines()
                if any(one in line for one in ("scalebench", "dask worker", "dask_worker")) and "ps -eo" not in line
            ]
            found += [f"{node}: {line}" for line in ours]
        return found

    def kill(self, node):
        """Its power fails."""
        subprocess.run([self.state / "bin" / "host-kill", node], check=True)

    def cut(self, node):
        """Its network cable is pulled."""
        subprocess.run([self.state / "bin" / "host-cut", node], check=True)

    def join(self, node):
        subprocess.run([self.state / "bin" / "host-join", node], check=True)

    @contextlib.contextmanager
    def other_version(self, package, node, folder):
        """Another version of an installed package, there alone."""
        (theirs,) = [Path(one.locate()) for one in files(package) if one.name == "METADATA"]
        other = Path(folder, "METADATA")
        other.write_text(re.sub(r"^Version: .*$", "Version: 0.0.1", theirs.read_text(), flags=re.MULTILINE))
        assert self.run("mount", "--bind", other, theirs, host=node).returncode == 0
        try:
            yield
        finally:
            self.run("umount", theirs, host=node)

    @staticmethod
    def until(wanted, process=None, seconds=120):
        """Look until it is so, while that process runs."""
        give_up = time.monotonic() + seconds
        while not wanted():
            assert process is None or process.poll() is None, process.communicate()
            assert time.monotonic() < give_up, "it did not come to that"
            time.sleep(0.1)

    def repair(self):
        """All of them up and connected again."""
        for node in self.nodes:  # before they are looked for; one without power has no cable, and gets one with its start
            subprocess.run([self.state / "bin" / "host-join", node], capture_output=True, check=False)
        _script(self.up, **self.settings)

    up = "hosts-up.sh"

    @property
    def settings(self):
        return {"CLUSTER_STATE": str(self.state)}


class SlurmHosts(Hosts):
    """The same as the nodes of a Slurm; ``login`` has its commands."""

    up = "slurm-up.sh"

    @property
    def settings(self):
        return {"CLUSTER_STATE": str(self.state), "CLUSTER_SLURM": "hosts", "SLURM_PORT": str(_PORT)}

    def queue(self, *more):
        """The jobs that have not ended: id, name, state."""
        told = self.run("squeue", "-h", *more, "-o", "%i %j %T")
        assert told.returncode == 0, told.stderr
        return [line.split() for line in told.stdout.splitlines()]

    def jobs(self):
        """All jobs that Slurm remembers: id, name, state."""
        return self.queue("--states=all")

    def jobs_of(self, run_id):
        """The numbers of those of a run."""
        return [job for job, name, _ in self.jobs() if name.startswith(f"scalebench-{run_id}-")]


@pytest.fixture(scope="session")
def _state():
    with tempfile.TemporaryDirectory(prefix="sbc-", dir="/tmp") as folder:  # short: sockets are below it
        Path(folder).chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def _hosts_of_session(_state):
    found = Hosts(_state)
    _script("hosts-up.sh", **found.settings)
    yield found
    subprocess.run([HERE / "hosts-down.sh"], env={**os.environ, **found.settings}, capture_output=True, check=False)


@pytest.fixture
def hosts(_hosts_of_session):
    """The hosts, whole again after each test."""
    yield _hosts_of_session
    _hosts_of_session.repair()


@pytest.fixture(scope="session")
def _slurm_of_session(_hosts_of_session):
    found = SlurmHosts(_hosts_of_session.state)
    _script("slurm-up.sh", **found.settings)
    yield found
    subprocess.run([HERE / "slurm-down.sh"], env={**os.environ, **found.settings}, capture_output=True, check=False)


@pytest.fixture
def slurm(_slurm_of_session):
    """The Slurm, its queue empty before and after each test."""
    _slurm_of_session.until(lambda: _slurm_of_session.queue() == [])
    yield _slurm_of_session
    _slurm_of_session.run("scancel", "--user=root")
    _slurm_of_session.repair()


@pytest.fixture
def begun(slurm, tmp_path, monkeypatch):
    """``begun(*arguments)``: ``scalebench run`` on login in the background, once a task has begun on one of the nodes ``on``, where there are some.

    By default the second one: the reference before a launch is of the first node alone.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("TEST_BEGUN", str(tmp_path))
    started = []

    def go(*arguments, on=("node2",)):
        command = [sys.executable, "-m", "scalebench", "run", "--results", str(tmp_path / "results"), *arguments]
        process = subprocess.Popen(
            slurm.on("login", *command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        started.append(process)
        if on:
            slurm.until(lambda: any((tmp_path / node).exists() for node in on), process)
        return process

    yield go
    for process in started:
        process.kill()
        process.communicate()
