"""What every backend must do, tried with real pools and real MPI."""

import os
import platform
from dataclasses import replace

import psutil
import pytest
import tasks

from scalebench.errors import HostFailedError
from scalebench.host.answers import digest
from scalebench.host.probe import places
from scalebench.launchers import local
from scalebench.machine import cpu_budget
from scalebench.plan import open_request

ITEMS = list(range(10))


def worker_ids(described):
    return sorted((one["node"], one["key"], one["pid"], one["thread"]) for one in described["workers"])


def counted(told):
    return [row for row in told.rows() if not row["warmup"]]


class TestAnswers:
    def test_are_those_of_a_plain_loop_in_item_order(self, bench):
        told = bench.launch("square", ITEMS, digests=[digest(item * item) for item in ITEMS])
        assert (told.status, told.message) == ("ok", None)
        assert [row["answers"] for row in told.rows()] == ["same"] * 3

    def test_that_are_wrong_make_the_launch_a_mismatch(self, bench):
        told = bench.launch("square", ITEMS, digests=[digest(item) for item in ITEMS])
        assert told.status == "mismatch"
        assert {row["answers"] for row in told.rows()} == {"differ"}

    def test_survive_a_workload_that_prints_and_reads(self, bench):
        expected = [digest((item, "", b"")) for item in ITEMS]
        told = bench.launch("prints_and_reads", ITEMS, digests=expected)
        assert (told.status, told.message) == ("ok", None)
        assert {row["answers"] for row in told.rows()} == {"same"}


class TestWorkers:
    def test_are_as_many_as_asked_for_and_all_up_before_the_first_round(self, bench, workers):
        host, request = bench.host("square", ITEMS)
        try:
            opened = host.ask(request, 60)
            assert len({one[:2] for one in worker_ids(opened)}) == workers
            host.ask({"do": "round", "task_timing": "on"}, 60)
            assert worker_ids(host.ask({"do": "describe"}, 60)) == worker_ids(opened)
        finally:
            host.end()

    def test_of_a_second_round_are_those_of_the_first(self, bench, workers):
        told = bench.launch("square", ITEMS)
        assert told.found["workers_found"] == workers
        found = told.tasks().to_pandas()
        assert set(found["worker"]) <= set(range(workers))
        assert (found.groupby("round")["task"].apply(list) == [ITEMS, ITEMS]).all()

    def test_of_a_pool_of_one_run_the_tasks_and_not_their_parent(self, bench):
        told = bench.launch("square", ITEMS, digests=[digest(item * item) for item in ITEMS], workers=1)
        assert (told.status, told.message) == ("ok", None)
        assert set(told.tasks()["worker"].to_pylist()) == {0}
        assert {row["answers"] for row in told.rows()} == {"same"}

    def test_are_set_up_once_each_and_that_counts_as_start_up(self, bench):
        told = bench.launch("set_up_once", ITEMS, digests=[digest((item, 10_000_000, 1)) for item in ITEMS])
        assert (told.status, told.message) == ("ok", None)
        assert {row["answers"] for row in told.rows()} == {"same"}
        assert told.found["startup_s"] >= 0.2  # each set-up sleeps that long

    def test_load_nothing_of_the_controller(self, bench):
        told = bench.launch("heavy_modules", ITEMS, digests=[digest([])] * len(ITEMS))
        assert {row["answers"] for row in told.rows()} == {"same"}

    @pytest.mark.parametrize("asked", [1, 2])
    def test_have_the_blas_threads_that_were_asked_for(self, bench, asked):
        told = bench.launch("multiplies", ITEMS, blas_threads=asked)
        assert (told.status, told.message) == ("ok", None)
        assert (told.found["blas_found_min"], told.found["blas_found_max"]) == (asked, asked)
        assert told.found["blas_library"]

    def test_that_reset_their_blas_threads_are_found_out(self, bench):
        told = bench.launch("resets_blas_threads", ITEMS, blas_threads=1)
        assert (told.status, told.message) == ("ok", None)
        assert told.case.blas_threads == 1
        assert (told.found["blas_found_min"], told.found["blas_found_max"]) == (3, 3)

    def test_without_a_blas_have_null_threads(self, bench):
        """joblib loads NumPy by itself, the other interfaces don't."""
        told = bench.launch("numpy_is_loaded", ITEMS, digests=[digest(bench.backend["backend"] == "joblib")] * len(ITEMS))
        assert {row["answers"] for row in told.rows()} == {"same"}
        loaded = bench.backend["backend"] == "joblib"
        assert (told.found["blas_found_min"] is not None) == loaded
        assert (told.found["blas_library"] is not None) == loaded

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds processes to CPUs")
    @pytest.mark.parametrize("binding", ["threads", "cores"])
    def test_are_bound_to_places_of_their_own_and_that_is_read_back(self, bench, workers, binding):
        told = bench.launch("where_it_may_run", list(range(12)), binding=binding)
        assert (told.status, told.message) == ("ok", None)
        host, request = bench.host("where_it_may_run", ITEMS, binding=binding)
        try:
            described = host.ask(request, 60)["workers"]
        finally:
            host.end()
        assert len(described) == workers
        assert {one["cpus"] for one in described} == {len(place) for place in places(binding)}
        bound = {cpu for place in places(binding)[:workers] for cpu in place}
        assert told.found["cpu_budget"] == min(len(bound), cpu_budget())


class TestRounds:
    def test_of_no_tasks_at_all_run(self, bench):
        case, sweep, _ = bench.prepare("square", [1])
        host = local.start(case)
        try:
            request = open_request(replace(case, tasks=0), sweep)
            assert host.ask(request, 60)["tasks"] == 0
            reply = host.ask({"do": "round", "task_timing": "on"}, 60)
            assert set(reply["tasks"].values()) == {""}
            assert reply["wall_s"] > 0
        finally:
            host.end()

    def test_of_large_items_reach_the_host_whole(self, bench):
        """MPICH's mpiexec ends a job whose standard input is written faster than it is read."""
        items = [f"{number}" * 200_000 for number in range(4)]
        told = bench.launch("length", items, digests=[digest(200_000)] * 4)
        assert (told.status, told.message) == ("ok", None)
        assert {row["answers"] for row in told.rows()} == {"same"}

    def test_of_fewer_tasks_than_workers_leave_some_idle(self, bench):
        told = bench.launch("square", [7, 8], digests=[digest(49), digest(64)])
        assert (told.status, told.message) == ("ok", None)
        assert len(counted(told)) == 2
        assert len(told.tasks()) == 4

    def test_record_each_task_within_the_round(self, bench):
        told = bench.launch("square", ITEMS)
        found = told.tasks().to_pandas()
        walls = {row["round"]: row["wall_s"] for row in counted(told)}
        assert (found["start_s"] >= 0).all()
        assert (found["stop_s"] >= found["start_s"]).all()
        assert (found["stop_s"] <= found["round"].map(walls)).all()

    def test_without_task_timing_have_wall_times_answers_and_work_but_no_tasks(self, bench):
        told = bench.launch("counts_ten", ITEMS, digests=[digest(item) for item in ITEMS], task_timing="off")
        assert (told.status, told.message) == ("ok", None)
        assert [row["task_timing"] for row in told.rows()] == ["on", "off", "off"]
        assert {row["answers"] for row in told.rows()} == {"same"}
        assert {row["work_units"] for row in told.rows()} == {100}
        assert all(row["wall_s"] > 0 and "busy_s" not in row for row in counted(told))
        assert len(told.tasks()) == 0

    def test_without_task_timing_fail_as_the_interface_tells_it(self, bench, tmp_path, monkeypatch):
        monkeypatch.setenv("SCALEBENCH_TEST_MARK", str(tmp_path / "mark"))
        told = bench.launch("fails_after_the_warm_up", ITEMS, task_timing="off")
        assert told.status == "failed"
        assert "ValueError: this time it is too hard" in told.message

    def test_count_work_inside_the_tasks(self, bench):
        assert {row["work_units"] for row in bench.launch("counts_ten", ITEMS).rows()} == {100}
        assert {row["work_units"] for row in bench.launch("counted", ITEMS).rows()} == {sum(i + i * i for i in ITEMS)}

    def test_that_are_cut_short_count_fewer_work_units(self, bench):
        found = bench.launch("spins_for_odd_items", ITEMS).tasks().to_pandas()
        by_parity = found.groupby(found["task"] % 2)["work_units"].sum()
        assert by_parity[0] == 0  # no time at all, so no turn on any machine
        assert by_parity[1] > 0


class TestFailures:
    def test_of_a_task_carry_the_remote_traceback_with_worker_and_node(self, bench):
        told = bench.launch("fails_on_three", ITEMS)
        assert told.status == "failed"
        assert "task 3 raised ValueError: three is too hard" in told.message
        assert "in worker" in told.message
        assert platform.node() in told.message
        assert "fails_on_three" in told.message.partition("Traceback")[2]

    def test_of_a_task_that_exits_are_failures_too(self, bench):
        told = bench.launch("exits", ITEMS)
        assert told.status == "failed"
        assert "SystemExit: leaving" in told.message

    def test_of_the_set_up_say_why(self, bench):
        told = bench.launch("fails_in_setup", ITEMS)
        assert told.status == "failed"
        assert "RuntimeError: the input is missing" in told.message

    def test_to_pickle_an_item_are_failures_of_the_round(self, bench, in_processes):
        told = bench.launch("ignores", [tasks.BecomesAGenerator()] * 4)
        assert told.status == ("failed" if in_processes else "ok")
        assert not in_processes or "pickle" in told.message

    def test_to_pickle_an_answer_are_failures_of_the_round(self, bench, in_processes):
        told = bench.launch("returns_a_generator", ITEMS)
        assert told.status == ("failed" if in_processes else "ok")
        assert not in_processes or "pickle" in told.message

    def test_leave_the_pool_open_for_a_next_request(self, bench):
        host, request = bench.host("fails_on_three", ITEMS)
        try:
            host.ask(request, 60)
            with pytest.raises(HostFailedError, match="three is too hard"):
                host.ask({"do": "round", "task_timing": "on"}, 60)
            assert len(host.ask({"do": "describe"}, 60)["workers"]) == bench.workers
        finally:
            host.end()


class TestEnd:
    def test_of_the_pool_leaves_no_worker_and_of_the_host_no_process(self, bench):
        host, request = bench.host("square", ITEMS)
        opened = host.ask(request, 60)
        started = {psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)}
        host.ask({"do": "round", "task_timing": "on"}, 60)
        host.ask({"do": "close"}, 60)
        own = {one["pid"] for one in opened["workers"]}
        # the host, and for MPI the ranks and their launcher, end after the reply to close
        status = host.end(patience=30)
        assert status == 0
        # one that has ended by itself may still be on its way out, or wait to be reaped by the system
        _, left = psutil.wait_procs(started, timeout=10)
        assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
        assert own <= {one.pid for one in started}

    @pytest.mark.parametrize("after", [0, 1, 2], ids=["nothing", "open", "a round"])
    def test_of_the_controller_ends_the_host_and_all_workers(self, bench, after):
        host, request = bench.host("square", ITEMS)
        try:
            for one in [request, {"do": "round", "task_timing": "on"}][:after]:
                host.ask(one, 60)
            started = {psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)}
            host._process.stdin.close()  # as the system does for one that was killed
            _, left = psutil.wait_procs(started, timeout=20)
            assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
        finally:
            host.end()
