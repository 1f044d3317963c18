"""The commands of docs/cluster.md, as they stand there, with fewer workers, blocks and rounds."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from dasks import Dasks
from rays import Rays

from scalebench.cli import CASES_FAILED
from scalebench.results.load import load

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
LESS = ["--workers", "2", "--blocks", "1", "--rounds", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the study of the page is, and the working folder of all commands."""
    (study,) = re.findall(r"`study\.toml`.*?```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "study.toml").write_text(study)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def commands(*words):
    """Those of ``scalebench run`` in the page that have all these words, in a block or in a sentence."""
    text = PAGE.replace("\\\n", " ")
    found = re.findall(r"(?:^|`)(scalebench run [^`\n#]*)", text, re.MULTILINE)
    return [shlex.split(one) for one in found if all(word in one for word in words)]


def run(machine, command, *more, status=0):
    """On login, where the command line is in PATH, from the working folder: as a user types it. It ends with this status."""
    told = machine.run("env", "-C", os.getcwd(), f"PATH={os.environ['PATH']}", *command, *more, timeout=300)
    assert told.returncode == status, told.stderr
    return told


def measured(folder, *, backends, baseline=("serial",)):
    result = load(max((folder / "results").iterdir()))
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["backend"]) == {*baseline, *backends}
    return result


def test_the_study_runs_on_one_node_as_on_a_laptop(folder, hosts):
    (command,) = (one for one in commands("--nodes 1") if one[-1] == "1")
    run(hosts, command, *LESS)
    measured(folder, backends=["mpi", "mpi-pool"])


def test_on_slurm_it_is_shown_and_then_run(folder, slurm):
    first, second = commands("study.toml", "--launcher slurm")[:2]
    assert "sbatch" in run(slurm, first, *LESS).stdout
    assert not (folder / "results").exists()
    run(slurm, second, *LESS)
    assert set(measured(folder, backends=["mpi", "mpi-pool"]).rounds["nodes"]) == {1, 2}
    assert slurm.queue() == []


def test_the_command_itself_may_be_a_job(folder, slurm):
    (line,) = re.findall(r"`(sbatch [^`]*)`", PAGE)
    command = shlex.split(line.replace("scalebench run study.toml", f"scalebench run study.toml {' '.join(LESS)}"))
    run(slurm, [command[0], "--wait", "--output=job.txt", *command[1:]])
    measured(folder, backends=["mpi", "mpi-pool"])


def test_a_program_may_start_steps_of_its_own(folder, slurm):
    (command,) = commands("--command")
    (folder / "app").write_text("#!/bin/sh\nsleep 0.1\n")
    (folder / "app").chmod(0o755)
    run(slurm, [*command, "--workers", "2", "--nodes", "1,2", "--blocks", "1", "--rounds", "1", "--no-baselines"])
    measured(folder, backends=["program"], baseline=())


def test_on_hosts_without_a_scheduler(folder, hosts):
    (command,) = commands("hosts=node1,node2")
    run(hosts, command, *LESS)
    assert set(measured(folder, backends=["mpi", "mpi-pool"]).rounds["nodes"]) == {1, 2}


def test_workers_of_dask_at_an_address_and_in_jobs(folder, slurm):
    there, in_jobs = commands("--backend dask")
    assert there[-1] in PAGE
    dasks = Dasks(slurm.on)
    try:
        dasks.scheduler(slurm.address, host="login")
        for node in ("node1", "node2"):
            dasks.worker(host=node)
        run(slurm, [*there[:-1], dasks.address], "--nodes", "1", *LESS)
    finally:
        dasks.end()
    measured(folder, backends=["dask"])
    settings = dict(re.findall(r"(DASK_JOBQUEUE__SLURM__\w+)=(\S+)", PAGE))
    assert settings.keys() == {"DASK_JOBQUEUE__SLURM__QUEUE", "DASK_JOBQUEUE__SLURM__WALLTIME"}
    run(
        slurm,
        ["env", *(f"{name}={value.replace('batch', 'test')}" for name, value in settings.items()), *in_jobs],
        "--nodes",
        "1",
        *LESS,
    )
    measured(folder, backends=["dask"])
    assert slurm.queue() == []


def test_workers_of_ray_on_other_nodes(folder, hosts):
    (command,) = commands("--backend ray")
    started = re.findall(r"^ray start (.*?) +#", PAGE, re.MULTILINE)
    rays = Rays(hosts.on)
    try:
        head, node = (rays.as_written(one, hosts.address) for one in started)
        rays.start("login", *head)
        for name in ("node1", "node2"):
            rays.start(name, *node)
        token = [f"{name}={rays.environment[name]}" for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")]
        assert all(one.partition("=")[0] in PAGE for one in token)
        there = ["env", *token, *command[:-1], rays.address]
        run(hosts, there, "--nodes", "1", *LESS, "--workers", "4")
        found = measured(folder, backends=["ray"]).rounds.query("backend == 'ray' and workers == 4")["nodes_found"]
        # none of them was on login, where a fifth one would find a CPU
        run(hosts, there, "--nodes", "1", *LESS, "--workers", "5", "--no-baselines", status=CASES_FAILED)
    finally:
        rays.end()
    assert set(found) == {2}
    assert load(max((folder / "results").iterdir())).rounds["message"].str.contains("4 of 5 CPUs are in the cluster").all()
