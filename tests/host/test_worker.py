"""A worker: what it records of a task, and that nothing that a task does gets past it."""

import os
import pickle
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cloudpickle
import pytest
import tasks

from scalebench.host import worker
from scalebench.host.worker import Job, TaskFailure
from scalebench.workloads import Workload, count_work


class NoWordsError(Exception):
    def __str__(self):
        raise RuntimeError("even the message fails")


def raises(error):
    def task(_item):
        raise error

    return task


def burns(_item):
    end = time.thread_time() + 0.01
    while time.thread_time() < end:
        pass


def pickled(workload, **given):
    """A job that carries its workload by value."""
    return Job(workload="shown:name", pickled=cloudpickle.dumps(workload), **given)


@pytest.fixture
def fresh():
    """A fresh worker: calls run in a thread of their own, and a worker's state belongs to its thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def run(fresh, item):
    """The record of a task, by name."""
    record = fresh(worker.run_task, item)
    assert not isinstance(record, TaskFailure), record
    names = ("answer", "start", "stop", "cpu", "cpu_wait", "worker", "work_units")
    return SimpleNamespace(**dict(zip(names, record, strict=True)))


class TestInstalling:
    @pytest.mark.parametrize(
        ("job", "item", "answer"),
        [
            (Job(workload="tasks:square"), 7, 49),
            (Job(workload="os:path.basename"), "a/b", "b"),
            (Job(workload="really_hard_task", kind="crunch"), (1, 0, 1), 1103527590),
            (Job(workload="tasks:checked"), 3, 9),
            (pickled(lambda item: item + 1), 1, 2),
            (pickled(Workload(function=lambda item, shared: (item, shared), setup=lambda: "shared")), 1, (1, "shared")),
        ],
        ids=["function", "nested attribute", "kind", "workload object", "by value", "set-up"],
    )
    def test_makes_a_worker_of_any_job(self, fresh, job, item, answer):
        fresh(worker.install, job)
        assert fresh(worker.ready) is None
        assert run(fresh, item).answer == answer

    @pytest.mark.parametrize(
        ("job", "cause"),
        [
            (Job(workload="no_such_module:function"), "ModuleNotFoundError"),
            (Job(workload="tasks:no_such_function"), "AttributeError"),
            (Job(workload="tasks"), "AttributeError"),
            (Job(workload="tasks:ITEMS.none"), "AttributeError"),
            (Job(workload="sys:version"), "sys:version is of type str, not a function"),
            (Job(workload="tasks:fails_in_setup"), "RuntimeError: the input is missing"),
            (pickled(Workload(function=str, setup=sys.exit)), "SystemExit"),
            (Job(workload="shown", pickled=b"not a pickle"), "Error"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_that_fails_is_reported_when_asked_and_never_raises(self, fresh, job, cause):
        fresh(worker.install, job)
        failure = fresh(worker.ready)
        assert isinstance(failure, TaskFailure)
        assert cause in failure.error
        assert "Traceback" in failure.traceback

    def test_was_forgotten_is_reported_too(self, fresh):
        assert "never set up" in fresh(worker.ready).error

    def test_runs_the_set_up_once_before_any_task(self, fresh):
        calls = []
        sys.modules["calls_for_a_test"] = type(sys)("calls_for_a_test")
        try:
            sys.modules["calls_for_a_test"].workload = Workload(
                function=lambda item, shared: shared.append(item), setup=lambda: calls.append("set up") or calls
            )
            fresh(worker.install, Job(workload="calls_for_a_test:workload"))
            assert calls == ["set up"]
            fresh(worker.run_task, 1)
            fresh(worker.run_task, 2)
        finally:
            del sys.modules["calls_for_a_test"]
        assert calls == ["set up", 1, 2]


class TestATask:
    def test_is_recorded_from_its_start_to_its_stop_with_its_worker(self, fresh):
        fresh(worker.install, Job(workload="tasks:square"))
        before = time.perf_counter()
        record = run(fresh, 3)
        assert before <= record.start <= record.stop <= time.perf_counter()
        assert record.worker == fresh(worker.describe)["key"]
        assert record.cpu_wait is None or record.cpu_wait >= 0

    def test_of_a_threaded_worker_has_the_cpu_time_of_its_own_thread(self, fresh):
        fresh(worker.install, pickled(burns, threaded=True))
        first, second = run(fresh, 1), run(fresh, 1)
        assert 0.01 <= first.cpu <= first.stop - first.start + 0.01
        assert second.cpu >= 0.01

    @pytest.mark.parametrize(
        ("workload", "item", "units"),
        [
            (lambda item: item, 5, 1),
            (lambda item: [count_work(4), count_work(6)], 5, 10),
            (lambda item: count_work(0), 5, 0),
            (Workload(function=lambda item: item * item, work_units=lambda item, answer: item + answer), 3, 12),
            (Workload(function=lambda item: count_work(99), work_units=lambda item, answer: 2.0), 3, 2),
        ],
        ids=["one a task", "counted inside", "none", "told by the workload", "told rather than counted"],
    )
    def test_counts_its_work(self, fresh, workload, item, units):
        fresh(worker.install, pickled(workload))
        for _ in range(2):
            found = run(fresh, item).work_units
            assert (type(found), found) == (int, units)

    def test_that_failed_leaves_no_work_to_the_next(self, fresh):
        def task(item):
            count_work(7)
            if item:
                raise ValueError

        fresh(worker.install, pickled(task))
        assert isinstance(fresh(worker.run_task, 1), TaskFailure)
        assert run(fresh, 0).work_units == 7

    def test_can_be_recorded_where_the_system_tells_no_waiting(self, fresh, monkeypatch):
        def closed(*_):
            raise FileNotFoundError

        monkeypatch.setattr(os, "open", closed)
        fresh(worker.install, Job(workload="tasks:square"))
        assert run(fresh, 3).cpu_wait is None


class TestATaskThatIsNotRecorded:
    def test_gives_its_answer_alone(self, fresh):
        fresh(worker.install, Job(workload="tasks:square"))
        assert fresh(worker.run_plainly, 3) == 9

    def test_raises_what_it_raises(self, fresh):
        fresh(worker.install, Job(workload="tasks:fails_on_three"))
        with pytest.raises(ValueError, match="three is too hard"):
            fresh(worker.run_plainly, 3)


class TestAFailure:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (ValueError("too hard"), "ValueError: too hard"),
            (SystemExit("leaving"), "SystemExit: leaving"),
            (KeyboardInterrupt(), "KeyboardInterrupt"),
            (GeneratorExit(), "GeneratorExit"),
            (NoWordsError(), "NoWordsError"),
            (ExceptionGroup("many", [ValueError("one")]), "ExceptionGroup: many"),
            (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad \udc80"), "UnicodeDecodeError"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_of_any_sort_is_text_with_its_traceback_worker_and_node(self, fresh, error, words):
        sys.modules["raises_for_a_test"] = type(sys)("raises_for_a_test")
        sys.modules["raises_for_a_test"].task = raises(error)
        try:
            fresh(worker.install, Job(workload="raises_for_a_test:task"))
            failure = fresh(worker.run_task, 1)
        finally:
            del sys.modules["raises_for_a_test"]
        assert failure.error.startswith(words)
        assert "raise error" in failure.traceback
        assert (failure.worker, failure.node) == (fresh(worker.describe)["key"], platform.node())
        assert pickle.loads(pickle.dumps(failure)) == failure

    def test_reads_as_error_worker_node_and_traceback(self):
        assert str(TaskFailure("ValueError: no", "Traceback\n  here\n", 3, "node7")) == (
            "ValueError: no\nin worker 3 on node7:\nTraceback\n  here"
        )

    @pytest.mark.parametrize("units", [lambda item, answer: 1 / 0, lambda item, answer: "many", lambda item, answer: None])
    def test_may_be_that_of_counting_the_work(self, fresh, units):
        fresh(worker.install, pickled(Workload(function=abs, work_units=units)))
        assert isinstance(fresh(worker.run_task, 1), TaskFailure)

    def test_of_a_kind_names_the_item_that_it_could_not_take(self, fresh):
        fresh(worker.install, Job(workload="really_hard_task", kind="crunch"))
        assert "TypeError" in fresh(worker.run_task, ("text", 0, 1)).error


def test_a_worker_that_gets_its_share_at_once_calls_the_bare_task_where_nothing_is_recorded(fresh):
    fresh(worker.install, Job(workload="tasks:square"))
    assert fresh(worker.in_place, worker.run_plainly) is tasks.square
    assert fresh(worker.in_place, worker.run_task) is worker.run_task


def test_workers_of_one_machine_have_keys_of_their_own(fresh):
    fresh(worker.install, Job(workload="tasks:square", threaded=True))
    with ThreadPoolExecutor(1) as other:
        other.submit(worker.install, Job(workload="tasks:square", threaded=True)).result()
        keys = {fresh(worker.describe)["key"], other.submit(worker.describe).result()["key"]}
    assert len(keys) == 2


@pytest.mark.parametrize("threaded", [True, False])
def test_a_worker_is_bound_to_the_place_that_has_its_key(fresh, monkeypatch, threaded):
    monkeypatch.setattr(worker.probe, "bind", lambda cpus, *, whole_process: (cpus, whole_process))
    fresh(worker.install, Job(workload="tasks:square", threaded=threaded))
    key = fresh(worker.describe)["key"]
    assert fresh(worker.bind, {key: [3], key + 1: [4]}) == (key, ([3], not threaded))


def test_a_worker_process_is_named_by_its_pid_and_a_thread_by_its_own_number(fresh):
    keys = []
    for threaded in (False, True):
        fresh(worker.install, Job(workload="tasks:square", threaded=threaded))
        keys.append(fresh(worker.describe)["key"] & 0xFFFFFFFF)
    found = fresh(worker.describe)
    assert keys == [os.getpid(), found["thread"]]
