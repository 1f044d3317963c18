"""Workers of dask in jobs of a real Slurm: ``--scheduler slurm``."""

import json
import signal
from pathlib import Path

from scalebench.results.load import load

HERE = Path(__file__).parent
STUDY = ["--backend", "dask", "--workers", "2", "--no-baselines", "--scheduler", "slurm"]
#: a second and a half a round
SLOW = ["tasks_of_cluster:slow", "--items", "range(30)", *STUDY, "--rounds", "4", "--blocks", "1"]


def test_a_study_has_a_job_for_each_worker_in_each_block_and_none_afterwards(slurm, tmp_path):
    before = slurm.jobs()
    asked = ["--kind", "sleep", "--size", "50", "--tasks", "8", "--blocks", "2", "--rounds", "1", "--results", tmp_path]
    told = slurm.scalebench("run", *STUDY, *asked, timeout=300)
    assert told.returncode == 0, told.stderr
    assert "waits for workers in jobs of slurm: 0 of 2 are up" in told.stderr
    (folder,) = tmp_path.iterdir()
    rounds = load(folder).rounds
    assert set(rounds["status"]) == {"ok"}
    assert set(rounds["workers_found"]) == {2}
    submitted = [job for job in slurm.jobs() if job[0] not in {one[0] for one in before}]
    assert [name.startswith("scalebench-") for _, name, _ in submitted] == [True] * 2 * 2
    assert slurm.queue() == []
    assert slurm.rank_processes() == []
    assert json.loads((folder / "run.json").read_text())["study"]["scheduler"] == "slurm"


def test_a_job_that_is_cancelled_costs_the_launch_in_flight_and_others_are_waited_for(begun, slurm, tmp_path):
    process = begun(*SLOW, on=slurm.nodes)
    workers = len(slurm.rank_processes())
    cancelled = slurm.queue()[0][0]
    slurm.run("scancel", cancelled)
    slurm.until(lambda: cancelled not in [job for job, _, _ in slurm.queue()], process)
    assert len(slurm.rank_processes()) < workers  # else it would go on, and no launch be lost
    _, said = process.communicate(timeout=300)
    assert slurm.queue() == []
    assert slurm.rank_processes() == []
    (folder,) = (tmp_path / "results").iterdir()
    rounds = load(folder).rounds
    (lost,) = rounds[rounds["status"].ne("ok")]["message"]
    assert "is lost: it has ended, or its host can't be reached" in lost, said
    assert rounds[rounds["attempt"].eq(1)]["status"].eq("ok").sum() == 1 + 4  # the warm-up too


def test_a_controller_that_is_told_to_end_leaves_nothing_in_the_queue(begun, slurm):
    process = begun(*SLOW, on=slurm.nodes)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143, said
    assert slurm.queue() == []
    assert slurm.rank_processes() == []


def test_one_that_is_killed_leaves_nothing_either(begun, slurm):
    begun(*SLOW, on=slurm.nodes).kill()
    slurm.until(lambda: slurm.queue() == [] and slurm.rank_processes() == [])


def test_a_full_queue_is_waited_for_and_given_up_when_told_to(begun, slurm):
    full = ["sbatch", "--parsable", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=exec sleep 600"]
    blocker = slurm.run(*full).stdout.strip()
    slurm.until(lambda: slurm.queue() and slurm.queue()[0][2] == "RUNNING")
    process = begun(*SLOW, on=())
    slurm.until(lambda: any(state == "PENDING" for _, _, state in slurm.queue()), process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [job for job, _, _ in slurm.queue()] == [blocker]


def test_a_partition_that_there_is_not_is_refused_in_slurms_words_before_anything_is_measured(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__QUEUE", "nothing")
    told = slurm.scalebench("run", *STUDY, "--kind", "sleep", "--tasks", "4", "--results", tmp_path)
    assert told.returncode == 2
    assert "scheduler = 'slurm': no workers in jobs of slurm: Slurm refuses such a job" in told.stderr
    assert "invalid partition" in told.stderr.lower()
    assert "Traceback" not in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_workers_that_share_a_job_come_up_and_end_with_it(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__PROCESSES", "2")
    before = slurm.jobs()
    told = slurm.scalebench(
        "run", *STUDY, "--kind", "sleep", "--tasks", "4", "--blocks", "1", "--rounds", "1", "--results", tmp_path, timeout=180
    )
    assert told.returncode == 0, told.stderr
    (folder,) = tmp_path.iterdir()
    assert set(load(folder).rounds["status"]) == {"ok"}
    assert len(slurm.jobs()) == len(before) + 1
    assert slurm.rank_processes() == []
