"""Workers of dask that somebody else has started: used, left running, refused where they could not do what workers here do.

What pools of its own do is in ``tests/conformance``.
"""

import os

import pytest
from dasks import Dasks

from scalebench.errors import HostError, HostFailedError
from scalebench.launchers import local
from scalebench.plan import open_request
from scalebench.study import Study
from scalebench.sweep import expand

pytest.importorskip("distributed", reason="dask is an extra")


@pytest.fixture(scope="module")
def scheduler():
    found = Dasks()
    try:
        found.scheduler()
        yield found
    finally:
        found.end()


@pytest.fixture
def dasks(scheduler):
    """The scheduler, and those workers that the test starts."""
    yield scheduler
    scheduler.end(keep=1)


def ask(dasks, *requests, workload="tasks:square", workers=1):
    """What a host told of an ``open`` at the address, and of the requests after it."""
    study = Study(
        workload=workload, items=[1, 2, 3, 4], backend="dask", workers=workers, scheduler=dasks.address, baselines=False
    )
    sweep = expand(study)
    host = local.start(sweep.entries[0].case)
    try:
        told = [host.ask(one, 60) for one in (open_request(sweep.entries[0].case, sweep), *requests)]
        assert host.end(patience=30) == 0
        return told
    finally:
        host.end()


ROUND = {"do": "round", "task_timing": "on"}


def test_a_worker_that_joins_in_a_launch_ends_it_and_is_left_out_of_the_next(dasks):
    dasks.worker()
    study = Study(
        workload="tasks:square", items=[1, 2, 3, 4], backend="dask", workers=1, scheduler=dasks.address, baselines=False
    )
    sweep = expand(study)
    host = local.start(sweep.entries[0].case)
    try:
        opened = host.ask(open_request(sweep.entries[0].case, sweep), 60)
        host.ask(ROUND, 60)
        dasks.worker("--name", "~later")
        with pytest.raises(HostFailedError, match="joined in the middle of a launch"):
            host.ask(ROUND, 60)
    finally:
        host.end()
    again, told = ask(dasks, ROUND)
    assert {one["pid"] for one in again["workers"]} == {one["pid"] for one in opened["workers"]}
    assert told["digest"] is not None


@pytest.mark.long
def test_as_many_workers_as_asked_for_are_used_and_all_are_left_running(dasks):
    for name in ("a", "b", "c"):
        dasks.worker("--name", name)
    opened, first, second, closed = ask(dasks, ROUND, ROUND, {"do": "close"}, workers=2)
    pids = {one["pid"] for one in opened["workers"]}
    assert len(pids) == 2
    assert first["digest"] == second["digest"]
    assert first["digest"] is not None
    assert "shutdown_s" in closed
    assert dasks.running == [True] * 4
    again, *_ = ask(dasks, workers=2)
    assert {one["pid"] for one in again["workers"]} == pids  # of one host those that come first by name


def test_a_set_up_that_failed_is_not_that_of_the_next_launch(dasks):
    dasks.worker()
    with pytest.raises(HostError, match="the input is missing"):
        ask(dasks, ROUND, workload="tasks:fails_in_setup")
    assert ask(dasks, ROUND)[1]["digest"] is not None


def test_fewer_workers_than_asked_for_are_told_with_the_way_out(dasks):
    dasks.worker()
    with pytest.raises(HostError, match=r"(?s)^1 of 2 workers are at tcp://127.*\nStart more with 'dask worker .*--workers"):
        ask(dasks, workers=2)


def test_a_worker_that_runs_several_tasks_at_a_time_is_refused(dasks):
    dasks.worker(threads=2)
    with pytest.raises(HostError, match=r"runs 2 tasks at a time.*\nStart them with --nthreads 1"):
        ask(dasks)


def test_a_worker_with_other_packages_is_refused_with_what_differs(dasks, tmp_path):
    (tmp_path / "toolz-0.1.dist-info").mkdir()
    (tmp_path / "toolz-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: toolz\nVersion: 0.1\n")
    dasks.worker(env={**os.environ, "PYTHONPATH": str(tmp_path)})
    with pytest.raises(HostError, match=r"^tcp://\S+ of tcp://\S+ has other versions: toolz 0\.1 there, \S+ here\.\n"):
        ask(dasks)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("__version__ = '0.0.1'", r"has 0\.0\.1\.\nInstall the same there"),
        ("raise ImportError('no scalebench')", r"can't import it \(no scalebench\)\.\nInstall the same there, or put its folder on PYTHONPATH"),
    ],
    ids=["another", "none"],
)  # fmt: skip
def test_a_worker_without_this_scalebench_is_refused(dasks, tmp_path, content, says):
    (tmp_path / "scalebench.py").write_text(content)
    dasks.worker(env={**os.environ, "PYTHONPATH": str(tmp_path)})
    with pytest.raises(HostError, match=says):
        ask(dasks)


@pytest.mark.long
def test_a_worker_with_another_task_is_not_waited_for_without_end(dasks):
    dasks.worker()
    with pytest.raises(HostError, match="no answer to 'round' within 1 s"):
        hang(dasks)
    with pytest.raises(HostError, match=r"does not answer within 10 s: it has another task.*\nStart that worker again"):
        ask(dasks)


def hang(dasks):
    sweep = expand(Study(workload="tasks:hangs", items=[2], backend="dask", workers=1, scheduler=dasks.address, baselines=False))
    host = local.start(sweep.entries[0].case)
    try:
        host.ask(open_request(sweep.entries[0].case, sweep), 60)
        host.ask(ROUND, 1)
    finally:
        host.end()


def test_what_answers_at_the_address_and_is_no_scheduler_is_told_in_bounded_time():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = Dasks()
        nobody.address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HostError, match=r"^no scheduler of dask answers at tcp://127.*\nStart one with 'dask scheduler'"):
            ask(nobody)
        nobody.end()


def test_the_host_of_a_pool_here_listens_on_loopback_alone():
    psutil = pytest.importorskip("psutil")
    sweep = expand(Study(workload="tasks:square", items=[1, 2], backend="dask", workers=1, baselines=False))
    host = local.start(sweep.entries[0].case)
    try:
        host.ask(open_request(sweep.entries[0].case, sweep), 60)
        processes = [psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)]
        connections = [one for process in processes for one in process.net_connections(kind="inet")]
        assert connections
        assert {one.laddr.ip for one in connections} == {"127.0.0.1"}
        assert {one.raddr.ip for one in connections if one.raddr} == {"127.0.0.1"}
        assert host.end(patience=30) == 0
    finally:
        host.end()
