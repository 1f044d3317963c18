"""dask over hosts: a scheduler on ``login``, workers on nodes, the controller on ``login``."""

import json
import os
import subprocess
import sys
import time

import pytest
from dasks import Dasks

from scalebench.cli import CASES_FAILED
from scalebench.results.load import load

RUN = ["--backend", "dask", "--workers", "2", "--no-baselines", "--blocks", "1", "--rounds", "1"]


@pytest.fixture
def dasks(hosts):
    """A worker on each of two nodes."""
    found = Dasks(hosts.on)
    try:
        found.scheduler(hosts.address, host="login")
        for node in ("node1", "node2"):
            found.worker(host=node)
        yield found
    finally:
        found.end()


def rounds_and_tasks(results):
    (folder,) = results.iterdir()
    result = load(folder)
    return folder, result.rounds, result.tasks


def test_each_task_has_the_node_that_it_ran_on_and_no_file_has_its_address(hosts, dasks, tmp_path):
    asked = ["--kind", "sleep", "--size", "50", "--tasks", "8", "--scheduler", dasks.address, "--results", tmp_path]
    told = hosts.scalebench("run", *asked, *RUN)
    assert told.returncode == 0, told.stderr
    folder, rounds, tasks = rounds_and_tasks(tmp_path)
    assert rounds["status"].tolist() == ["ok", "ok"]
    assert rounds["workers_found"].tolist() == [2, 2]
    assert rounds["nodes_found"].tolist() == [2, 2]
    assert set(rounds["cpu_budget"]) == {2 * len(os.sched_getaffinity(0))}  # of the two nodes, not of login
    assert set(tasks["node"]) == {0, 1}
    assert dict(zip(tasks["worker"], tasks["node"], strict=True)) == {0: 0, 1: 1}
    assert hosts.address not in (folder / "run.json").read_text()
    assert json.loads((folder / "run.json").read_text())["study"]["scheduler"] == "(an address)"
    assert dasks.running == [True] * 3


def test_a_host_that_is_cut_off_in_mid_round_is_a_row(hosts, dasks, tmp_path):
    marks, results = tmp_path / "marks", tmp_path / "results"
    marks.mkdir()
    (tmp_path / "items.json").write_text(json.dumps([str(marks)] * 2))
    command = [sys.executable, "-m", "scalebench", "run", "tasks:waits_on_its_host", "--items-file", tmp_path / "items.json",
               "--scheduler", dasks.address, "--timeout", "20", "--results", results, *RUN]  # fmt: skip
    run = subprocess.Popen(hosts.on("login", *command), stderr=subprocess.PIPE, text=True)
    try:
        while {one.name for one in marks.iterdir()} != {"node1", "node2"}:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.02)
        hosts.cut("node2")
        (marks / "go").touch()
        _, printed = run.communicate(timeout=300)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == CASES_FAILED, printed
    _, rounds, _ = rounds_and_tasks(results)
    first = rounds.iloc[0]
    assert first["status"] == "timeout", first["message"]
    assert "no answer to 'round' within 20 s" in first["message"]
    assert set(rounds["status"]) <= {"timeout", "crashed", "failed", "ok"}
    assert "ok" not in rounds["status"].tolist()
