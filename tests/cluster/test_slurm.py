"""The launcher ``slurm`` on a real Slurm of three nodes: the command line runs on its login host, as it would there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scalebench.cli import CUT_SHORT
from scalebench.launchers import slurm_commands
from scalebench.results.load import load

HERE = Path(__file__).parent
#: a second and a half a round
SLOW = ["tasks_of_cluster:slow", "--items", "range(30)", "--backend", "mpi", "--workers", "2", "--nodes", "2", "--rounds", "15",
        "--blocks", "1", "--no-baselines", "--launcher", "slurm"]  # fmt: skip


def command(tmp_path, *arguments):
    return [sys.executable, "-m", "scalebench", "run", "--launcher", "slurm", "--results", str(tmp_path / "results"), *arguments]


@pytest.fixture
def run(slurm, tmp_path, monkeypatch):
    """``scalebench run --launcher slurm`` on login, to its end; what came of it and its result."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]]))

    def go(*arguments, by=(), timeout=300):
        told = slurm.run(*by, *command(tmp_path, *arguments), timeout=timeout)
        folders = sorted((tmp_path / "results").glob("*")) if (tmp_path / "results").exists() else []
        return told, load(folders[-1]) if folders else None

    return go


def result_of(tmp_path):
    (folder,) = (tmp_path / "results").iterdir()
    return load(folder)


def test_a_study_runs_on_one_node_and_on_two_in_one_job_a_block(run, slurm):
    told, result = run("--kind", "sleep", "--size", "2", "--tasks", "8", "--backend", "mpi,mpi-pool,processes", "--workers", "1,2",
                       "--nodes", "1,2", "--rounds", "2", "--blocks", "2")  # fmt: skip
    assert told.returncode == 0, told.stderr
    rounds = result.rounds
    assert set(rounds["status"]) == {"ok"}
    assert set(rounds["launcher"]) == {"slurm"}
    asked = set(map(tuple, rounds[["backend", "workers", "nodes"]].drop_duplicates().to_numpy()))
    assert asked == {("serial", 1, 1), ("processes", 1, 1), ("processes", 2, 1),
                     *((name, *there) for name in ("mpi", "mpi-pool") for there in ((1, 1), (2, 1), (2, 2)))}  # fmt: skip
    assert len(slurm.jobs_of(result.about["run_id"])) == 2  # one a block; the references are measured in the first one's
    assert slurm.queue() == []
    assert slurm.rank_processes() == []


def test_in_pytest_each_block_is_a_job_too_and_each_launch_a_test(slurm, tmp_path):
    suite = tmp_path / "test_mine.py"
    suite.write_text(
        "import pytest\n"
        "import scalebench\n"
        "study = scalebench.Study(kind='sleep', size=1, tasks=4, backend='mpi', workers=2, nodes=[1, 2], rounds=2, blocks=2,\n"
        "                         baselines=False, launcher='slurm')\n"
        "@pytest.mark.scalebench(study)\n"
        "def test_dispatch(scalebench):\n"
        "    scalebench()\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = slurm.run("env", "-u", "PYTEST_XDIST_WORKER", "-C", tmp_path, sys.executable, "-m", "pytest", suite, "-p", "no:cacheprovider",
                     "--benchmark-group-by=param:nodes", f"--scalebench-results={tmp_path / 'results'}", timeout=300)  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "4 passed" in told.stdout
    assert all(f"benchmark 'nodes={nodes}': 2 tests" in told.stdout for nodes in (1, 2))
    result = result_of(tmp_path)
    assert set(map(tuple, result.rounds[["nodes", "block", "status"]].drop_duplicates().to_numpy())) == {
        (nodes, block, "ok") for nodes in (1, 2) for block in (0, 1)
    }
    assert len(slurm.jobs_of(result.about["run_id"])) == 2
    assert slurm.queue() == []
    assert slurm.rank_processes() == []


def test_workers_nodes_and_clocks_are_told(run):
    _, result = run("--kind", "sleep", "--size", "5", "--tasks", "8", "--backend", "mpi,mpi-pool", "--workers", "2,4", "--nodes", "1,2",
                    "--rounds", "2", "--blocks", "1", "--no-baselines")  # fmt: skip
    rounds, tasks = result.rounds, result.tasks
    assert set(rounds["status"]) == {"ok"}
    for _, one in rounds[~rounds["warmup"]].iterrows():
        mine = tasks[(tasks["case_id"] == one["case_id"]) & (tasks["round"] == one["round"])]
        assert mine["node"].nunique() == one["nodes"]
        assert one["ranks_per_node"] == one["workers"] / one["nodes"]
        assert (one["clock_error_s"] > 0) == (one["nodes"] > 1)
        # nodes began counting a thousand seconds apart
        assert mine["start_s"].min() >= -one["clock_error_s"]
        assert mine["stop_s"].max() <= one["wall_s"] + one["clock_error_s"]
        assert ((mine["stop_s"] - mine["start_s"]) >= 0.005).all()
    assert rounds["cpu_budget"].eq(rounds["nodes"] * len(os.sched_getaffinity(0))).all()
    assert rounds["processes"].isna().all()  # of other machines
    assert rounds["canary_s"].isna().all()


def test_in_an_allocation_steps_run_in_it_and_no_job_is_submitted(run, slurm):
    before = [name for _, name, _ in slurm.jobs() if name.startswith("scalebench")]
    told, result = run("--kind", "sleep", "--size", "1", "--tasks", "4", "--backend", "mpi", "--workers", "2", "--nodes", "2",
                       "--rounds", "1", "--blocks", "2", by=("salloc", "--nodes=2", "--job-name=mine", "--quiet"))  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert set(result.rounds["status"]) == {"ok"}
    assert result.tasks["node"].nunique() == 2
    assert [name for _, name, _ in slurm.jobs() if name.startswith("scalebench")] == before


def test_a_results_folder_that_no_node_sees_is_enough(slurm):
    told = slurm.scalebench("run", "--launcher", "slurm", "--results", "/dev/shm/mine", "--kind", "sleep", "--size", "1", "--tasks", "4",
                            "--backend", "mpi", "--workers", "2", "--nodes", "2", "--rounds", "1", "--blocks", "1", "--json")  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert slurm.run("ls", "/dev/shm/mine", host="node1").returncode != 0
    assert slurm.run("ls", "/dev/shm/mine").stdout.strip()
    assert '"ok"' in told.stdout
    slurm.run("rm", "-rf", "/dev/shm/mine")


def test_the_python_of_a_program_is_started_on_a_node_and_may_use_the_job(run):
    told, result = run("--command", "srun --overlap --overcommit --mem=0 -N {nodes} -n {workers} hostname", "--workers", "2", "--nodes", "1,2",
                       "--rounds", "2", "--blocks", "1", "--figure-of-merit", r"node(\d)")  # fmt: skip
    assert told.returncode == 0, told.stderr + told.stdout
    rounds = result.rounds
    assert set(rounds["status"]) == {"ok"}
    assert rounds["figure_of_merit"].gt(0).all()
    assert rounds["cpu_budget"].eq(rounds["nodes"] * len(os.sched_getaffinity(0))).all()
    assert not rounds["oversubscribed"].any()


def test_a_job_that_shares_its_nodes_has_the_cpus_that_a_pool_needs_on_each(run, slurm):
    told, result = run("--kind", "sleep", "--size", "1", "--tasks", "4", "--backend", "processes,mpi", "--workers", "2,4", "--nodes", "1,2",
                       "--rounds", "1", "--blocks", "1", "--launcher-option", "exclusive=no")  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert set(result.rounds["status"]) == {"ok"}
    (job,) = slurm.jobs_of(result.about["run_id"])
    assert slurm.run("squeue", "-h", "--states=all", f"--jobs={job}", "-o", "%C").stdout.split() == ["8"]  # four on each of two


def test_a_later_job_on_nodes_with_other_software_ends_the_run_and_one_with_the_same_goes_on(begun, run, slurm, tmp_path):
    process = begun(*SLOW, "--rounds", "2", "--blocks", "3")
    with slurm.other_version("psutil", "node2", tmp_path):
        _, told = process.communicate(timeout=300)
    assert process.returncode == CUT_SHORT, told
    assert re.search(
        r"job \d+ is on other machines than the run so far: psutil \S+ on node\d, 0\.0\.1 on node2\.\nName nodes", told
    )
    assert set(result_of(tmp_path).rounds["block"]) == {0}
    assert slurm.queue() == []
    told, result = run("--resume", "latest")
    assert told.returncode == 0, told.stderr
    assert set(result.rounds["block"]) == {0, 1, 2}


class TestAJobThatEndsBeforeItsTime:
    def test_cancelled_takes_one_launch_with_it_and_the_run_goes_on_in_another(self, begun, slurm, tmp_path):
        process = begun(*SLOW)
        (job,) = (one for one, name, _ in slurm.queue() if name.startswith("scalebench"))
        slurm.run("scancel", job)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        lost, whole = (rows for _, rows in result_of(tmp_path).rounds.groupby("attempt"))
        assert lost["status"].iloc[-1] == "crashed"
        assert f"job {job} of Slurm was cancelled" in lost["message"].iloc[-1]
        assert set(whole["status"]) == {"ok"}
        assert slurm.queue() == []

    def test_while_the_reference_is_measured_is_followed_by_another_in_which_it_is(self, begun, slurm, tmp_path):
        process = begun(*SLOW, "--rounds", "1", on=("node1",))
        (job,) = (one for one, name, _ in slurm.queue() if name.startswith("scalebench"))
        slurm.run("scancel", job)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        result = result_of(tmp_path)
        assert set(result.rounds["status"]) == {"ok"}
        assert len(slurm.jobs_of(result.about["run_id"])) == 1
        assert slurm.queue() == []

    def test_out_of_time_is_told_as_that(self, begun, slurm, tmp_path):
        process = begun(*SLOW, "--rounds", "200")  # Slurm looks once in half a minute: what ends before would not be lost
        (job,) = (one for one, name, _ in slurm.queue() if name.startswith("scalebench"))
        assert slurm.run("scontrol", "update", f"JobId={job}", "EndTime=now+1seconds").returncode == 0
        slurm.until(lambda: any(tmp_path.glob("results/*/parts/*.rounds.parquet")), process, seconds=300)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        lost = result_of(tmp_path).rounds.query("attempt == 0")
        assert f"job {job} of Slurm reached its time limit" in lost["message"].iloc[-1]

    def test_by_a_node_that_dies_ends_the_launch_in_bounded_time(self, begun, slurm, tmp_path):
        process = begun(*SLOW, "--timeout", "60")
        slurm.kill("node2")
        _, told = process.communicate(timeout=400)
        assert process.returncode == 0, told
        lost, whole = (rows for _, rows in result_of(tmp_path).rounds.groupby("attempt"))
        assert lost["status"].iloc[-1] in ("crashed", "timeout")
        assert "lost a node" in lost["message"].iloc[-1]
        assert set(whole["status"]) == {"ok"}  # on those that are left


class TestAControllerThatEnds:
    @pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_leaves_nothing_in_the_queue_or_on_a_node(self, begun, slurm, sent, status):
        process = begun(*SLOW)
        process.send_signal(sent)
        _, told = process.communicate(timeout=120)
        assert process.returncode == status, told
        assert "--resume" in told
        assert slurm.queue() == []
        assert slurm.rank_processes() == []

    def test_killed_leaves_nothing_either(self, begun, slurm):
        process = begun(*SLOW)
        process.kill()
        slurm.until(lambda: slurm.queue() == [] and slurm.rank_processes() == [])

    def test_killed_while_it_submits_leaves_no_job_that_it_did_not_hear_of(self, begun, slurm, tmp_path, monkeypatch):
        real = shutil.which("sbatch")
        slow = tmp_path / "sbatch"
        slow.write_text(
            f'#!/bin/sh\ncase "$*" in *--test-only*) exec {real} "$@";; esac\n'
            f'{real} "$@" > /dev/null; touch {tmp_path}/submitted; exec sleep 6123\n'
        )
        slow.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        process = begun(*SLOW, on=())
        slurm.until(lambda: (tmp_path / "submitted").exists(), process)
        assert len(slurm.queue()) == 1
        process.kill()
        slurm.until(lambda: slurm.queue() == [])
        slurm.until(lambda: "sleep 6123" not in slurm.run("ps", "-eo", "args").stdout)

    def test_goes_on_where_it_was_when_it_is_resumed(self, begun, run, slurm):
        process = begun(*SLOW, "--rounds", "4", "--blocks", "3")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        told, result = run("--resume", "latest", "--launcher-option", "time=10:00")
        assert told.returncode == 0, told.stderr
        good = result.rounds[result.rounds["status"].eq("ok")]
        assert good["block"].nunique() == 3
        assert not good.duplicated(["case_id", "block", "attempt", "round", "warmup"]).any()


class TestTwoRunsInOneAllocation:
    @pytest.fixture
    def allocation(self, slurm, monkeypatch):
        """The job that both are in."""
        slurm.run("salloc", "--nodes=2", "--no-shell", "--job-name=mine")
        job, names = slurm.run("squeue", "-h", "-o", "%i %N").stdout.split()
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("SLURM_JOB_NODELIST", names)
        return job

    @staticmethod
    def steps(slurm):
        return slurm.run("squeue", "-h", "--steps", "-o", "%j").stdout.split()

    @pytest.mark.parametrize(("sent", "backend", "nodes"), [
        (signal.SIGTERM, "mpi", 2),  # by the same mpiexec as the other one's
        (signal.SIGKILL, "processes", 1),  # by srun alone
    ])  # fmt: skip
    def test_the_one_that_ends_takes_its_own_steps_with_it_and_the_other_goes_on(
        self, allocation, begun, slurm, tmp_path, sent, backend, nodes
    ):
        held = ["tasks_of_cluster:held", "--launcher", "slurm", "--workers", "2", "--blocks", "1", "--rounds", "1", "--no-baselines",
                "--timeout", "300"]  # fmt: skip
        whole = begun(*held, "--items", "range(0, 2)", "--backend", "mpi", "--nodes", "2", on=("node2-1",))
        (of_whole,) = self.steps(slurm)
        ended = begun(*held, "--items", "range(2, 4)", "--backend", backend, "--nodes", str(nodes), "--results", str(tmp_path / "ended"),
                      on=(f"node{nodes}-3",))  # fmt: skip
        assert len(self.steps(slurm)) == 2
        ended.send_signal(sent)
        ended.communicate(timeout=120)
        slurm.until(lambda: self.steps(slurm) == [of_whole], whole)
        (tmp_path / "go").touch()
        _, told = whole.communicate(timeout=120)
        assert whole.returncode == 0, told
        rounds = result_of(tmp_path).rounds
        assert set(rounds["status"]) == {"ok"}
        assert set(rounds["attempt"]) == {0}
        assert [job for job, _, _ in slurm.queue()] == [allocation]  # it is the user's

    def test_what_the_guard_of_a_killed_controller_runs_ends_the_step_of_that_name_alone(self, allocation, slurm):
        sleep = ["srun", "--nodes=1", "--ntasks=1", "--overlap", "--overcommit", "--mem=0", "sleep", "600"]
        started = [subprocess.Popen(slurm.on("login", sleep[0], f"--job-name={name}", *sleep[1:])) for name in ("mine", "mine-2")]
        try:
            slurm.until(lambda: sorted(self.steps(slurm)) == ["mine", "mine-2"])
            slurm.run(sys.executable, "-m", slurm_commands.__name__, allocation, "mine")
            slurm.until(lambda: self.steps(slurm) == ["mine-2"])
        finally:
            for one in started:
                one.kill()
                one.wait()


class TestAQueueThatIsFull:
    def test_is_waited_for_and_given_up_at_once_when_told_to(self, begun, slurm):
        blocker = slurm.run(
            "sbatch", "--parsable", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=exec sleep 600"
        ).stdout.strip()
        slurm.until(lambda: slurm.queue() and slurm.queue()[0][2] == "RUNNING")
        process = begun(*SLOW, on=())
        slurm.until(lambda: any(state == "PENDING" for _, _, state in slurm.queue()), process)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 130, told
        assert re.search(r"waits for job \d+: PENDING \((Resources|Priority|None)\)", told)
        assert [job for job, _, _ in slurm.queue()] == [blocker]

    def test_is_entered_when_there_is_room_again(self, begun, slurm, tmp_path):
        blocker = slurm.run(
            "sbatch", "--parsable", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=exec sleep 600"
        ).stdout.strip()
        process = begun(*SLOW, "--rounds", "1", on=())
        slurm.until(lambda: any(state == "PENDING" for _, _, state in slurm.queue()), process)
        slurm.run("scancel", blocker)
        _, told = process.communicate(timeout=200)
        assert process.returncode == 0, told
        assert set(result_of(tmp_path).rounds["status"]) == {"ok"}


class TestBadInput:
    @pytest.mark.parametrize(("arguments", "words"), [
        (["--launcher-option", "partition=debug"], ["launcher_options.partition = 'debug': no such partition", "There are: test"]),
        (["--launcher-option", "partition=closed"], ["Slurm refuses such a job", "Access/permission denied"]),
        (["--launcher-option", "constraint=gpu"], ["Slurm refuses such a job", "feature"]),
        (["--launcher-option", "time=soon"], ["launcher_options.time = 'soon'", "For example 30:00"]),
        (["--launcher-option", "partion=test"], ["Did you mean 'partition'?"]),
        (["--launcher-option", "exclusive=maybe"], ["must be yes or no"]),
        (["--nodes", "4", "--workers", "4"], ["nodes = 4: partition test has 3"]),
    ])  # fmt: skip
    def test_is_an_error_before_anything_is_submitted(self, run, slurm, arguments, words):
        before = len(slurm.jobs())
        told, result = run("--kind", "sleep", "--backend", "mpi", "--workers", "1", *arguments)
        assert told.returncode == 2
        assert result is None
        for word in words:
            assert word in told.stderr
        assert "Traceback" not in told.stderr
        assert len(slurm.jobs()) == before

    def test_as_more_nodes_than_the_allocation_has(self, run):
        told, _ = run(
            "--kind", "sleep", "--backend", "mpi", "--workers", "2", "--nodes", "2", by=("salloc", "--nodes=1", "--quiet")
        )
        assert told.returncode == 2
        assert re.search(r"nodes = 2: the allocation \d+ has 1", told.stderr)

    def test_as_ranks_that_shall_be_spawned_is_a_row_with_the_way_out(self, run):
        told, result = run("--kind", "sleep", "--size", "1", "--backend", "mpi-pool", "--mpi-mode", "spawn", "--workers", "1",
                           "--blocks", "1", "--rounds", "1")  # fmt: skip
        assert told.returncode == 3
        (row,) = result.rounds[result.rounds["backend"].eq("mpi-pool")].to_dict("records")
        assert row["status"] == "unavailable"
        assert "--mpi-mode world" in row["message"]


def test_where_there_is_no_slurm_it_says_so(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "scalebench", "run", "--launcher", "slurm", "--kind", "sleep", "--results", str(tmp_path)],
        env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert "no srun in PATH" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_dry_run_shows_what_would_be_submitted_and_submits_nothing(run, slurm):
    before = len(slurm.jobs())
    told, result = run("--kind", "sleep", "--backend", "mpi", "--workers", "2,4", "--nodes", "1,2", "--launcher-option", "time=30:00",
                       "--dry-run")  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "sbatch --parsable" in told.stdout
    assert "--nodes=2" in told.stdout
    assert "--time=30:00" in told.stdout
    assert result is None
    assert len(slurm.jobs()) == before
