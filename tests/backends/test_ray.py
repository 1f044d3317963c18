"""A cluster of ray below a host: where it listens, what it leaves. What its pool does is in ``tests/conformance``."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from scalebench.errors import HostError
from scalebench.launchers import local
from scalebench.plan import open_request
from scalebench.study import Study
from scalebench.sweep import expand

pytest.importorskip("ray", reason="ray is an extra")


def opened(workers=1, **asked):
    sweep = expand(Study(workload="tasks:square", items=[1, 2], backend="ray", workers=workers, baselines=False, **asked))
    host = local.start(sweep.entries[0].case)
    try:
        return host, host.ask(open_request(sweep.entries[0].case, sweep), 120)
    except BaseException:
        host.end()
        raise


@pytest.mark.long
def test_it_listens_on_loopback_alone_and_writes_nothing_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = Path("/tmp/ray").exists()  # where ray has its sessions
    host, _ = opened()
    try:
        processes = [psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)]
        connections = [one for process in processes for one in process.net_connections(kind="inet")]
        used = {one.laddr.ip for one in connections} | {one.raddr.ip for one in connections if one.raddr}
        assert used
        assert used <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    finally:
        host.end()
    assert os.listdir(tmp_path) == []
    assert Path("/tmp/ray").exists() == usual


@pytest.mark.long
def test_what_answers_at_the_address_and_is_no_cluster_is_told_in_bounded_time():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(HostError, match=r"^no cluster of ray can be joined at 127"),
    ):
        opened(scheduler=f"127.0.0.1:{silent.getsockname()[1]}")


@pytest.fixture
def cluster(monkeypatch):
    """The address of a cluster of two CPUs, on loopback; whatever has its token is ended with the test."""
    token = secrets.token_hex(32)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:  # short, for sockets
        for name, value in {
            "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token, "RAY_TMPDIR": folder,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        command = ["start", "--head", "--port", port, "--num-cpus", 2, "--include-dashboard", "false", "--node-ip-address", "127.0.0.1",
                   "--temp-dir", folder]  # fmt: skip
        try:
            subprocess.run([Path(sys.executable).with_name("ray"), *map(str, command)], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            yield f"127.0.0.1:{port}"
        finally:
            for one in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if one.pid != os.getpid() and one.environ().get("RAY_AUTH_TOKEN") == token:
                        one.kill()


@pytest.mark.long
def test_a_cluster_that_is_there_is_joined_left_running_and_too_many_workers_are_told(cluster):
    for _ in range(2):
        host, told = opened(workers=2, scheduler=cluster)
        try:
            assert len({one["pid"] for one in told["workers"]}) == 2
            assert host.ask({"do": "round", "task_timing": "on"}, 60)["digest"] is not None
            host.ask({"do": "close"}, 60)
            assert host.end(patience=30) == 0
        finally:
            host.end()
    with pytest.raises(HostError, match=r"^2 of 3 CPUs are in the cluster at 127.*\nAdd nodes with 'ray start .*--workers"):
        opened(workers=3, scheduler=cluster)
