"""What every backend must do, tried with real pools and real MPI."""

import os

import psutil
import pytest
import tasks

from scalebench.errors import HostFailedError
from scalebench.host import protocol
from scalebench.host.answers import digest
from scalebench.host.probe import places
from scalebench.launchers import marked

ITEMS = list(range(10))


def worker_ids(described):
    return sorted((one["node"], one["key"], one["pid"], one["thread"]) for one in described["workers"])


def counted(told):
    return [row for row in told.rows() if not row["warmup"]]


@pytest.fixture(scope="module")
def squared(bench):
    """A launch that squares."""
    return bench.launch("square", ITEMS, digests=[digest(item * item) for item in ITEMS])


@pytest.fixture(scope="module")
def life(bench):
    """What one host told from its start to its end, by request, and what came of its processes."""
    round_ = {"do": "round", "task_timing": "on", "digests": True}
    host, request = bench.host("squares_or_looks", [*ITEMS, *["heavy_modules"] * 4])
    try:
        told = {"open": host.ask(request, 60)}
        started = {psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)}
        told["round"] = host.ask(round_, 60)
        told["describe"] = host.ask({"do": "describe"}, 60)
        told["round of two"] = host.ask({**round_, "first": 2}, 60)
        told["round of none"] = host.ask({**round_, "first": 0}, 60)
        host.ask({"do": "close"}, 60)
        # the host, and for MPI the ranks and their launcher, end after the reply to close, before anybody ends what is left
        marked.wait_for(started, 60)
        left = [one for one in started if marked.runs(one)]
        told["status"] = host.end(patience=30)
    finally:
        host.end()
    return {**told, "started": {one.pid for one in started}, "left": left}


class TestAnswers:
    def test_are_those_of_a_plain_loop_in_item_order(self, squared):
        assert (squared.status, squared.message) == ("ok", None)
        assert [row["answers"] for row in squared.rows()] == ["same"] * 3

    def test_survive_a_workload_that_prints_and_reads(self, bench):
        expected = [digest((item, "", b"")) for item in ITEMS]
        told = bench.launch("prints_and_reads", ITEMS, digests=expected)
        assert (told.status, told.message) == ("ok", None)
        assert {row["answers"] for row in told.rows()} == {"same"}


class TestWorkers:
    def test_are_as_many_as_asked_for_and_all_up_before_the_first_round(self, life, workers):
        assert len({one[:2] for one in worker_ids(life["open"])}) == workers
        assert worker_ids(life["describe"]) == worker_ids(life["open"])

    def test_of_a_second_round_are_those_of_the_first(self, squared, workers):
        assert squared.found["workers_found"] == workers
        found = squared.tasks().to_pandas()
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
        # each set-up sleeps that long, and is over or has not begun while they are called
        assert told.found["startup_s"] - told.found["broadcast_s"] >= 0.2

    def test_load_nothing_of_the_controller(self, life, backend):
        own = ["pyarrow"] if backend["backend"] == "ray" else []  # it loads that by itself where it is installed
        assert life["round"]["digests"][len(ITEMS) :] == [digest(own)] * 4

    @pytest.mark.parametrize("asked", [1, 2])
    def test_have_the_blas_threads_that_were_asked_for(self, bench, asked):
        told = bench.launch("multiplies", ITEMS, blas_threads=asked)
        assert (told.status, told.message) == ("ok", None)
        assert (told.found["blas_found_min"], told.found["blas_found_max"]) == (asked, asked)
        assert told.found["blas_library"]

    @pytest.mark.interface
    def test_that_reset_their_blas_threads_are_found_out(self, bench):
        told = bench.launch("resets_blas_threads", ITEMS, blas_threads=1)
        assert (told.status, told.message) == ("ok", None)
        assert told.case.blas_threads == 1
        assert (told.found["blas_found_min"], told.found["blas_found_max"]) == (3, 3)

    def test_without_a_blas_have_null_threads(self, squared, backend):
        """joblib, dask and ray load NumPy by themselves, the other interfaces don't."""
        loaded = backend["backend"] in ("joblib", "dask", "ray")
        assert (squared.found["blas_found_min"] is not None) == loaded
        assert (squared.found["blas_library"] is not None) == loaded

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds processes to CPUs")
    def test_are_bound_to_places_of_their_own_and_that_is_read_back(self, bench, workers):
        host, request = bench.host("where_it_may_run", ITEMS, binding="threads")
        try:
            opened = host.ask(request, 60)
            told = host.ask({"do": "round", "task_timing": "on", "digests": True}, 60)
        finally:
            host.end()
        assert [one["cpus"] for one in opened["workers"]] == [1] * workers
        assert opened["cpus"] == len(places("threads")[:workers])
        assert told["digests"] == [digest(1)] * len(ITEMS)


class TestRounds:
    def test_of_no_tasks_at_all_run(self, life):
        assert set(life["round of none"]["tasks"].values()) == {""}
        assert life["round of none"]["wall_s"] > 0

    @pytest.mark.interface
    def test_of_large_items_reach_the_host_whole(self, bench):
        """MPICH's mpiexec ends a job whose standard input is written faster than it is read."""
        items = [f"{number}" * 200_000 for number in range(4)]
        told = bench.launch("length", items, digests=[digest(200_000)] * 4)
        assert (told.status, told.message) == ("ok", None)
        assert {row["answers"] for row in told.rows()} == {"same"}

    def test_of_fewer_tasks_than_workers_leave_some_idle(self, life):
        assert life["round of two"]["digests"] == [digest(0), digest(1)]
        assert len(protocol.unpack(life["round of two"]["tasks"]["worker"], "q")) == 2

    def test_record_each_task_within_the_round(self, squared):
        found = squared.tasks().to_pandas()
        walls = {row["round"]: row["wall_s"] for row in counted(squared)}
        off_s = max(row["clock_error_s"] for row in squared.rows())  # 0 on one machine
        assert (found["start_s"] >= -off_s).all()
        assert (found["stop_s"] >= found["start_s"]).all()
        assert (found["stop_s"] <= found["round"].map(walls) + off_s).all()

    @pytest.mark.interface
    def test_without_task_timing_have_wall_times_answers_and_work_but_no_tasks(self, bench):
        told = bench.launch("counts_ten", ITEMS, digests=[digest(item) for item in ITEMS], task_timing="off")
        assert (told.status, told.message) == ("ok", None)
        assert [row["task_timing"] for row in told.rows()] == ["on", "off", "off"]
        assert {row["answers"] for row in told.rows()} == {"same"}
        assert {row["work_units"] for row in told.rows()} == {100}
        assert all(row["wall_s"] > 0 and "busy_s" not in row for row in counted(told))
        assert len(told.tasks()) == 0

    @pytest.mark.interface
    def test_without_task_timing_fail_as_the_interface_tells_it(self, bench, tmp_path, monkeypatch):
        monkeypatch.setenv("SCALEBENCH_TEST_MARK", str(tmp_path / "mark"))
        told = bench.launch("fails_after_the_warm_up", ITEMS, task_timing="off")
        assert told.status == "failed"
        assert "ValueError: this time it is too hard" in told.message

    @pytest.mark.interface
    def test_count_work_inside_the_tasks(self, bench):
        assert {row["work_units"] for row in bench.launch("counted", ITEMS).rows()} == {sum(i + i * i for i in ITEMS)}


class TestFailures:
    def test_of_a_task_carry_the_remote_traceback_and_leave_the_pool_open_for_a_next_request(self, bench):
        host, request = bench.host("fails_on_three", ITEMS)
        try:
            host.ask(request, 60)
            with pytest.raises(HostFailedError, match="task 3 raised ValueError: three is too hard") as told:
                host.ask({"do": "round", "task_timing": "on"}, 60)
            assert len(host.ask({"do": "describe"}, 60)["workers"]) == bench.workers
        finally:
            host.end()
        message = str(told.value)
        assert "in worker" in message
        assert any(name in message for name in bench.machines)
        assert "fails_on_three" in message.partition("Traceback")[2]

    @pytest.mark.interface
    def test_of_a_task_that_exits_are_failures_too(self, bench):
        told = bench.launch("exits", ITEMS)
        assert told.status == "failed"
        assert "SystemExit: leaving" in told.message

    @pytest.mark.interface
    def test_of_the_set_up_say_why(self, bench):
        told = bench.launch("fails_in_setup", ITEMS)
        assert told.status == "failed"
        assert "RuntimeError: the input is missing" in told.message

    @pytest.mark.interface
    def test_to_pickle_an_item_are_failures_of_the_round(self, bench, in_processes):
        told = bench.launch("ignores", [tasks.BecomesAGenerator()] * 4)
        assert told.status == ("failed" if in_processes else "ok")
        assert not in_processes or "pickle" in told.message

    @pytest.mark.interface
    def test_to_pickle_an_answer_are_failures_of_the_round(self, bench, in_processes):
        told = bench.launch("returns_a_generator", ITEMS)
        assert told.status == ("failed" if in_processes else "ok")
        assert not in_processes or "pickle" in told.message


class TestEnd:
    def test_of_the_pool_leaves_no_worker_and_of_the_host_no_process(self, life, bench):
        assert life["status"] == 0
        assert life["left"] == []
        assert bench.elsewhere or {one["pid"] for one in life["open"]["workers"]} <= life["started"]

    def test_of_the_controller_ends_the_host_and_all_workers(self, bench):
        self.ends(*bench.host("square", ITEMS), {"do": "round", "task_timing": "on"})

    @pytest.mark.interface
    @pytest.mark.parametrize("after", [0, 1], ids=["nothing", "open"])
    def test_of_the_controller_before_a_round_does_so_too(self, bench, after):
        host, request = bench.host("square", ITEMS)
        self.ends(host, *[request][:after])

    @staticmethod
    def ends(host, *requests):
        """After these requests."""
        try:
            for one in requests:
                host.ask(one, 60)
            started = {psutil.Process(host._process.pid), *psutil.Process(host._process.pid).children(recursive=True)}
            host._process.stdin.close()  # as the system does for one that was killed
            _, left = psutil.wait_procs(started, timeout=60)
            assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
        finally:
            host.end()
