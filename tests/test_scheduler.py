"""The address of workers that are there: refused before anything is measured where it can't be one."""

import json
import socket

import pytest

from scalebench import cli, scheduler
from scalebench.backends import registry
from scalebench.backends.base import PlainProcess
from scalebench.errors import StudyError
from scalebench.forecast import forecast
from scalebench.plan import open_request
from scalebench.study import Study, described
from scalebench.sweep import expand

ADDRESS = "tcp://10.0.0.1:8786"


class Other(PlainProcess):
    name = "other"
    summary = "finds its workers in another way"
    axes = {}  # noqa: RUF012 - as a plug-in may write it
    scheduler = "HOST:PORT"


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "http://10.0.0.1:8786", "tcp://10.0.0.1", "tcp://:8786", "tcp://a:b", "tcp://a:0",
                                     "tcp://a:65536", "tcp://a:1/x", "tcp://a:1 ", "tcp://me@a:1"])  # fmt: skip
def test_what_is_no_address_is_refused_with_what_one_looks_like(address):
    with pytest.raises(StudyError, match=r"must be tcp://HOST:PORT or slurm\.\nFor example tcp://10\.0\.0\.1:8786"):
        expand(Study(backend="dask", scheduler=address))


@pytest.mark.parametrize("address", ["tcp://node1:8786", "tcp://[::1]:8786", ADDRESS])
def test_what_is_one_is_taken(address):
    assert expand(Study(backend="dask", scheduler=address)).scheduler == address


@pytest.mark.parametrize("value", ["", " ", 8786, ["tcp://a:1"]])
def test_it_is_text(value):
    with pytest.raises(StudyError, match="must be an address or a queue"):
        Study(backend="dask", scheduler=value)


def test_a_study_without_a_backend_for_it_is_refused():
    with pytest.raises(StudyError, match=r"no backend of the study \(processes, threads\) finds its workers at an address"):
        expand(Study(backend="processes,threads", scheduler=ADDRESS))


def test_backends_that_take_different_ones_need_a_study_each(monkeypatch):
    monkeypatch.setattr(scheduler, "get_backend", lambda name: Other() if name == "other" else registry.get_backend(name))
    with pytest.raises(StudyError, match=r"dask takes tcp://HOST:PORT; other takes HOST:PORT"):
        scheduler.check(ADDRESS, ["dask", "other"])
    scheduler.check("10.0.0.1:8786", ["other", "serial"])


def test_nobody_behind_it_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(
        StudyError, match=r"nobody answers there \(Connection refused\)\.\nStart it first, or leave scheduler out"
    ):
        scheduler.reach(f"tcp://127.0.0.1:{port}")


def test_it_goes_to_those_backends_that_take_one_and_into_no_case():
    with_one = expand(Study(backend="dask,processes", workers=2, scheduler=ADDRESS))
    without = expand(Study(backend="dask,processes", workers=2))
    assert [one.case.case_id for one in with_one.entries] == [one.case.case_id for one in without.entries]
    sent = {one.case.backend: open_request(one.case, with_one)["options"].get("scheduler") for one in with_one.entries}
    assert sent == {"dask": ADDRESS, "processes": None, "serial": None}


def test_the_name_of_a_queue_is_taken_from_a_backend_that_can_start_workers_in_its_jobs():
    assert expand(Study(backend="dask", scheduler="slurm")).scheduler == "slurm"
    assert described(Study(backend="dask", scheduler="slurm"))["scheduler"] == "slurm"
    with pytest.raises(StudyError, match=r"must be HOST:PORT\."):
        expand(Study(backend="ray", scheduler="slurm"))


def test_a_dry_run_submits_no_job_and_says_how_many_there_would_be(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # no command of Slurm is looked for
    assert cli.main(["run", "--kind", "sleep", "--backend", "dask", "--workers", "1,3", "--scheduler", "slurm", "--dry-run"]) == 0
    assert "a block: 3 jobs of slurm, one a worker" in capsys.readouterr().out


def test_where_there_is_no_slurm_it_says_so_before_anything_is_measured(monkeypatch, tmp_path):
    pytest.importorskip("dask_jobqueue", reason="dask is an extra")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match=r"no sbatch in PATH\.\nRun this where Slurm's commands are, or give an address"):
        forecast(Study(kind="sleep", tasks=2, backend="dask", workers=1, scheduler="slurm"))


def test_a_run_tells_that_there_was_one_and_not_which():
    told = json.dumps(described(Study(backend="dask", scheduler=ADDRESS)), default=str)
    assert ADDRESS not in told
    assert '"scheduler": "(an address)"' in told
