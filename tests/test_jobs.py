"""What is made of a process that should start workers in jobs, and does not; that it does is shown in tests/cluster."""

import pytest

from scalebench import jobs as module
from scalebench.errors import LauncherError
from scalebench.jobs import Jobs
from scalebench.launchers import slurm_commands
from scalebench.launchers.base import never

pytest.importorskip("dask_jobqueue", reason="dask is an extra")


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Of Slurm, which do nothing but note that they were called."""
    for name in ("sbatch", "squeue", "scancel", "sinfo"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "called"


@pytest.mark.parametrize("asked_late", [False, True])
def test_a_process_that_ends_is_an_error_with_what_it_said_and_its_jobs_are_given_back(commands, asked_late):
    jobs = Jobs("slurm", "json.tool", 2)  # a module that can't make anything of a number and a name
    if asked_late:
        jobs._start()
        jobs._process.wait()
    with pytest.raises(LauncherError, match=r"no workers in jobs of slurm: .*\nWhat a job asks for is the configuration"):
        jobs.wait(never)
    assert commands.read_text().startswith("scancel --name=scalebench-")
    jobs.close()  # a second time, as a run's end does


@pytest.fixture
def none_up(tmp_path, monkeypatch):
    """Jobs whose process says that there are two of them, and that no worker is up."""
    (tmp_path / "none_up.py").write_text(
        "import json, sys\nfor _ in sys.stdin: print(json.dumps({'address': 'a', 'up': 0, 'jobs': 2}), flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(module, "_MISSED_S", -1.0)  # what is not there is missed at once
    monkeypatch.setattr(module, "_LOOKS_S", (0.0, 0.0))
    jobs = Jobs("slurm", "none_up", 2)
    yield jobs
    jobs.close()


def test_a_queue_that_does_not_answer_says_nothing_of_the_jobs_and_none_is_given_back(commands, none_up):
    (commands.parent / "squeue").write_text("#!/bin/sh\nexit 1\n")
    looks = iter([False] * 5)
    with pytest.raises(KeyboardInterrupt):
        none_up.wait(lambda: next(looks, True))
    assert not commands.exists()
    (commands.parent / "squeue").write_text("#!/bin/sh\n")
    with pytest.raises(LauncherError, match="0 of 2 workers came up"):  # of jobs that are known to be gone
        none_up.wait(never)


def test_jobs_that_can_not_be_given_back_are_told(commands, none_up, monkeypatch, capsys):
    monkeypatch.setattr(slurm_commands, "_TRIES_S", (0.0,))
    (commands.parent / "scancel").write_text("#!/bin/sh\necho Unable to contact slurm controller >&2; exit 1\n")
    none_up._start()
    none_up.close()
    said = capsys.readouterr().err
    assert "jobs could not be given back (Unable to contact slurm controller)" in said
    assert f"scancel --name={none_up._mark}" in said
