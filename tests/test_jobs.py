"""What is made of a process that should start workers in jobs, and does not; that it does is shown in tests/cluster."""

import pytest

from scalebench.errors import LauncherError
from scalebench.jobs import Jobs
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
    assert commands.read_text().split()[:2] == ["scancel", "--name"]
    jobs.close()  # a second time, as a run's end does
