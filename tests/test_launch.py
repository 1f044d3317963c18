"""One launch, whatever happens to it: always a row, with a status and the cause."""

import os
import tempfile

import pytest

from scalebench.case import Case
from scalebench.errors import HostCrashedError
from scalebench.host.probe import places
from scalebench.launch import launch
from scalebench.launchers.local import Local
from scalebench.launchers.mpiexec import Mpiexec
from scalebench.machine import cpu_budget
from scalebench.results.schema import ROUNDS, to_frame
from scalebench.study import Study
from scalebench.sweep import expand

WHO = {"run_id": "r", "machine_id": "m", "study": "s", "suite": "s", "block": 0, "attempt": 0}


def launched(workload, items=(0, 1, 2, 3), *, timeout=60, **asked):
    study = Study(workload=f"tasks:{workload}", items=list(items), timeout=timeout, rounds=2)
    sweep = expand(study)
    first = sweep.entries[0].case.asked()
    case = Case(**{**first, "backend": "processes", "start_method": "fork", "workers": 2, "tasks": len(items), **asked})
    return launch(case, WHO, sweep, study, None, None)


def test_a_good_launch_has_a_row_for_the_warm_up_and_each_round_and_they_fit_the_schema():
    told = launched("square")
    frame = to_frame(told.rows(), ROUNDS)
    assert frame["warmup"].tolist() == [True, False, False]
    assert frame["round"].tolist() == [0, 0, 1]
    assert set(frame["status"]) == {"ok"}
    assert frame["exit_status"].tolist() == [0, 0, 0]
    measured = [
        "wall_s",
        "startup_s",
        "shutdown_s",
        "busy_s",
        "busy_max_s",
        "cpu_s",
        "canary_s",
        "workers_found",
        "nodes_found",
        "broadcast_s",
        "processes",
    ]
    assert frame[measured].notna().all(axis=None)
    assert (frame["busy_max_s"] <= frame["busy_s"]).all()
    assert (frame["busy_max_s"] <= frame["wall_s"]).all()


def test_what_is_asked_before_the_rounds_has_the_time_of_a_round(monkeypatch):
    """Hundreds of workers on a few CPUs take minutes to say what they are."""
    monkeypatch.setattr("scalebench.launch._OPEN_TIMEOUT_S", 1e-6)
    assert launched("square").status == "ok"


def test_a_worker_that_dies_is_a_crashed_row_that_says_so():
    told = launched("dies")
    assert told.status == "crashed"
    assert "ended with exit status 7" in told.message
    assert [row["status"] for row in told.rows()] == ["crashed"]


def test_a_worker_that_the_interface_has_replaced_is_a_crashed_row_that_says_so():
    """Nobody has asked the new one for its BLAS threads. loky ends a worker whose memory has grown by 300 MB."""
    pytest.importorskip("joblib", reason="joblib is an extra")
    told = launched("keeps_330_mb", range(6), backend="joblib", start_method=None, workers=1)
    assert told.status == "crashed"
    assert "the interface has replaced one" in told.message


def test_a_program_that_is_gone_since_the_run_began_is_a_failed_row(tmp_path):
    program = tmp_path / "solver"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    study = Study(command=str(program), workers=1, rounds=1, baselines=False)
    sweep = expand(study)
    assert launch(sweep.entries[0].case, WHO, sweep, study, None, None).status == "ok"
    program.unlink()
    told = launch(sweep.entries[0].case, WHO, sweep, study, None, None)
    assert told.status == "failed"
    assert "no such file" in told.message


def test_a_host_that_dies_is_a_crashed_row_with_its_exit_status():
    told = launched("dies", backend="serial", start_method=None, workers=1)
    assert told.status == "crashed"
    assert "ended with exit status 7" in told.message
    assert told.rows()[-1]["exit_status"] == 7


def test_a_host_that_cannot_be_started_is_a_failed_row_that_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))  # a full TMPDIR is told by the same kind of error
    told = launched("square")
    assert (told.status, [row["status"] for row in told.rows()]) == ("failed", ["failed"])
    assert told.message.startswith("the host can't be started: [Errno 2] No such file or directory: ")
    assert "gone" in told.message


@pytest.mark.parametrize("backend", ["processes", "threads", "serial"])
def test_a_round_that_does_not_end_is_a_timeout_row(backend):
    own = {"start_method": "fork"} if backend == "processes" else {"start_method": None}
    told = launched("hangs", timeout=0.5, backend=backend, workers=1 if backend == "serial" else 2, **own)
    assert told.status == "timeout"
    assert "'round' within" in told.message
    assert told.stop_reason == "timeout"


def test_a_grandchild_that_outlives_its_task_does_not_outlive_the_launch():
    import psutil

    told = launched("leaves_a_grandchild")
    assert told.status == "ok"
    assert [one for one in psutil.process_iter(["cmdline"]) if "a grandchild" in (one.info["cmdline"] or ())] == []


def test_the_workloads_own_check_judges_the_answers():
    assert {row["answers"] for row in launched("checked").rows()} == {"same"}
    wrong = launched("checked_wrong")
    assert wrong.status == "mismatch"
    assert "refused the answers of tasks 2" in wrong.message


def test_tasks_that_are_cut_short_count_fewer_work_units():
    found = launched("spins_for_odd_items").tasks().to_pandas()
    by_parity = found.groupby(found["task"] % 2)["work_units"].sum()
    assert by_parity[0] == 0  # no time at all, so no turn on any machine
    assert by_parity[1] > 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds processes to CPUs")
@pytest.mark.parametrize("binding", ["threads", "cores"])
def test_the_cpu_budget_is_that_of_the_places_that_workers_were_bound_to(binding):
    told = launched("where_it_may_run", binding=binding)
    assert (told.status, told.message) == ("ok", None)
    bound = {cpu for place in places(binding)[:2] for cpu in place}
    assert told.found["cpu_budget"] == min(len(bound), cpu_budget())


def test_cpu_time_is_null_where_it_cannot_cover_the_blas_threads():
    told = launched("multiplies", backend="threads", start_method=None, blas_threads=2)
    assert told.status == "ok"
    assert to_frame(told.rows(), ROUNDS)["cpu_s"].isna().all()


def test_a_case_that_needs_more_memory_than_there_is_is_refused_without_a_start(monkeypatch):
    from scalebench import machine

    monkeypatch.setattr(machine, "memory_bytes", lambda: 2**30)
    study = Study(kind="stream", size="600MiB", backend="processes", workers=2, tasks=2)
    sweep = expand(study)
    told = launch(sweep.entries[0].case, WHO, sweep, study, None, None)
    assert (told.status, told.found) == ("skipped", {})
    assert "refused: 2 workers would hold 1.2 GiB, this machine has 1.0 GiB" in told.message


@pytest.mark.parametrize(
    ("command", "nodes", "budgets", "expected"),
    [
        ("true {nodes} {workers}", 2, [4, 4], (8, False)),
        ("true {nodes} {workers}", 1, [4, 4], (4, True)),
        ("true {nodes} {workers}", 2, [4, 8], (None, None)),  # which of them its ranks are on is the command's to say
        ("true {workers}", 1, [400, 400], (cpu_budget(), cpu_budget() < 6)),  # it starts on this machine
    ],
)
def test_a_program_over_nodes_has_the_cpus_that_the_nodes_told(command, nodes, budgets, expected):
    study = Study(command=command, workers=6, nodes=nodes, launcher="mpiexec", rounds=1, baselines=False)
    sweep = expand(study)
    sweep.launcher = Mpiexec({})
    sweep.launcher._found = {f"n{number}": {"cpu_budget": budget} for number, budget in enumerate(budgets)}
    told = launch(sweep.entries[0].case, WHO, sweep, study, None, None)
    assert told.status == "ok"
    assert told.found["runnable_threads"] == 6
    assert (told.found["cpu_budget"], told.found["oversubscribed"]) == expected


def test_a_launch_whose_job_was_lost_before_it_began_is_a_row_that_says_nothing_of_its_case(monkeypatch):
    def lost(*_):
        raise HostCrashedError("job 7 of Slurm was lost", taken_away=True)

    monkeypatch.setattr(Local, "start", lost)
    told = launched("square")
    assert (told.status, told.message, told.taken_away) == ("crashed", "job 7 of Slurm was lost", True)
