"""The launcher ``mpiexec`` over hosts with addresses of their own, reached by ssh."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pages import fences

from scalebench.cli import CUT_SHORT
from scalebench.results.load import load

HERE = Path(__file__).parent
ON_TWO = ["--backend", "mpi", "--workers", "2", "--nodes", "2", "--rounds", "2", "--blocks", "1", "--no-baselines"]


def command(tmp_path, *arguments, hosts="node1,node2"):
    named = ["--launcher-option", f"hosts={hosts}"] if hosts else []
    results = ["--results", str(tmp_path / "results")]
    return [sys.executable, "-m", "scalebench", "run", "--launcher", "mpiexec", *named, *results, *arguments]


def processes_of(tmp_path):
    """All that bear what the test has set in the environment of its run, on whichever host."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("TEST_BEGUN") == str(tmp_path):
                found.append(one)
    return found


@pytest.fixture
def run(hosts, tmp_path, monkeypatch):
    """``scalebench run --launcher mpiexec`` on login, to its end; what came of it and its result."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]]))

    def go(*arguments, **options):
        told = hosts.run(*command(tmp_path, *arguments, **options), timeout=300)
        folders = sorted((tmp_path / "results").glob("*")) if (tmp_path / "results").exists() else []
        return told, load(folders[-1]) if folders else None

    return go


def test_ranks_are_on_as_many_hosts_as_asked_and_plain_processes_on_the_first(run, hosts):
    told, result = run("--kind", "sleep", "--size", "5", "--tasks", "8", "--backend", "mpi,mpi-pool,processes", "--workers", "1,2",
                       "--nodes", "1,2", "--mpi-mode", "world,spawn", "--rounds", "2", "--blocks", "1")  # fmt: skip
    assert told.returncode == 0, told.stderr
    rounds, tasks = result.rounds, result.tasks
    assert set(rounds["status"]) == {"ok"}
    assert set(rounds["launcher"]) == {"mpiexec"}
    for _, one in rounds[~rounds["warmup"]].iterrows():
        mine = tasks[(tasks["case_id"] == one["case_id"]) & (tasks["round"] == one["round"])]
        assert mine["node"].nunique() == one["nodes"] == one["nodes_found"]
        assert (one["clock_error_s"] > 0) == (one["nodes"] > 1)
        assert mine["start_s"].min() >= -one["clock_error_s"]
        assert mine["stop_s"].max() <= one["wall_s"] + one["clock_error_s"]
    assert hosts.rank_processes() == []


def test_a_hostfile_and_more_arguments_are_taken(run, tmp_path):
    listed = tmp_path / "hosts.txt"
    listed.write_text("# mine\nnode2:2\nnode3 slots=2\n")
    told, result = run("tasks_of_cluster:told", "--items", "range(4)", *ON_TWO, "--launcher-option", f"hostfile={listed}",
                       "--launcher-option", "arguments=-env MINE 'two words'", hosts=None)  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["nodes_found"]) == {2}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU alone: bound or not is the same")
def test_ranks_are_bound_where_mpiexec_is_told_to_bind_them(run):
    told, result = run("tasks_of_cluster:bound", "--items", "range(4)", *ON_TWO, "--launcher-option", "arguments=-bind-to core")
    assert told.returncode == 0, told.stderr
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["cpu_budget"]) == {2}  # one on each of two nodes


def test_a_host_that_is_cut_off_in_a_round_is_a_row_in_bounded_time_and_ends_the_run_which_can_be_resumed(
    run, hosts, tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("TEST_BEGUN", str(tmp_path))
    arguments = ["tasks_of_cluster:slow", "--items", "range(60)", *ON_TWO, "--rounds", "3", "--timeout", "20"]
    process = subprocess.Popen(
        hosts.on("login", *command(tmp_path, *arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        give_up = time.monotonic() + 120
        while not (tmp_path / "node2").exists():  # the reference before it is of the first node alone
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert {line.partition(":")[0] for line in hosts.rank_processes()} == {"node1", "node2"}
        assert len(processes_of(tmp_path)) > 2  # the controller too
        hosts.cut("node2")
        printed, told = process.communicate(timeout=300)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == CUT_SHORT, told + printed
    assert re.search(r"node2 does not answer any more .*\nGo on with --resume when it does", told)
    (folder,) = (tmp_path / "results").iterdir()
    rounds = load(folder).rounds
    assert set(rounds["attempt"]) == {0}  # no second one, which would wait for its time limit too
    last = rounds.iloc[-1]
    assert last["status"] in ("timeout", "crashed")
    assert "node2 does not answer any more" in last["message"]
    assert [one for one in hosts.rank_processes() if not one.startswith("node2")] == []  # which nobody can reach
    hosts.join("node2")
    hosts.until(lambda: processes_of(tmp_path) == [])
    told, result = run("--resume", str(folder))
    assert told.returncode == 0, told.stderr
    assert result.rounds.query("attempt == 1")["status"].eq("ok").all()


class TestStudiesInPython:
    """Those of docs/cluster.md, with fewer workers, blocks and rounds, in files that no node needs."""

    @staticmethod
    def of_page(name, tmp_path):
        (code,) = (one.code for one in fences("docs/cluster.md") if one.title == name)
        file = tmp_path / name
        file.write_text(code.replace("workers=[1, 2, 4]", "workers=2").replace("blocks=5", "blocks=1, rounds=2"))
        return file

    @staticmethod
    def measured(folder):
        (run,) = folder.iterdir()
        result = load(run)
        rounds = result.rounds
        assert result.about["status"] == "finished"
        assert set(rounds["status"]) == {"ok"}
        assert set(rounds["launcher"]) == {"mpiexec"}
        assert set(rounds.query("backend == 'mpi'")["nodes"]) == {1, 2}
        assert rounds["nodes_found"].eq(rounds["nodes"]).all()
        return rounds

    def test_run_as_a_script_and_take_its_function_along(self, hosts, tmp_path):
        script = self.of_page("scaling.py", tmp_path)
        told = hosts.run("env", "-C", tmp_path, sys.executable, script, timeout=300)
        assert told.returncode == 0, told.stderr
        assert "2 on 2" in told.stdout
        assert set(self.measured(tmp_path / "results")["answers"]) == {"same"}

    def test_run_in_pytest_a_launch_a_test(self, hosts, tmp_path):
        suite = self.of_page("test_scaling.py", tmp_path)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        told = hosts.run("env", "-u", "PYTEST_XDIST_WORKER", "-C", tmp_path, sys.executable, "-m", "pytest", suite, "-p", "no:cacheprovider",
                         "--benchmark-group-by=param:nodes", timeout=300)  # fmt: skip
        assert told.returncode == 0, told.stdout + told.stderr
        assert "benchmark 'nodes=2': 1 tests" in told.stdout
        self.measured(tmp_path / "results")


class TestBadInput:
    @pytest.mark.parametrize(("hosts_asked", "arguments", "words"), [
        ("node1,nowhere", [], ["launcher_options.hosts = 'node1,nowhere'", "nowhere: ", "ssh HOST true"]),
        ("node1:1,node2:1", ["--workers", "4"], ["workers = 4", "node1:1,node2:1 have 2 slots"]),
        ("node1", [], ["nodes = 2: there are 1 hosts: node1"]),
        ("node1,node1", [], ["node1 is there twice"]),
        ("node1,no de", [], ["'no de' is neither a host's name"]),
        (None, [], ["no hosts are named", "hosts=node1,node2"]),
        (None, ["--launcher-option", "hostfile=/nowhere"], ["can't be read"]),
    ])  # fmt: skip
    def test_is_an_error_before_anything_is_measured(self, run, hosts_asked, arguments, words):
        told, result = run("--kind", "sleep", *ON_TWO, *arguments, hosts=hosts_asked)
        assert told.returncode == 2
        assert result is None
        assert "Traceback" not in told.stderr
        for word in words:
            assert word in told.stderr

    def test_as_a_host_that_does_not_answer_names_it(self, run, hosts):
        hosts.cut("node2")
        told, result = run("--kind", "sleep", *ON_TWO)
        assert told.returncode == 2
        assert result is None
        assert re.search(r"node2: .+", told.stderr)
        assert "node1: " not in told.stderr

    def test_as_other_versions_on_a_node_names_them(self, run, hosts, tmp_path):
        with hosts.other_version("psutil", "node2", tmp_path):
            told, result = run("--kind", "sleep", *ON_TWO)
        assert told.returncode == 2
        assert result is None
        assert "don't run the same software: psutil" in told.stderr
        assert "0.0.1" in told.stderr
