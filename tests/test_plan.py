"""What is expected of a case: pure functions of the case, a reference and the machine's CPUs."""

import math
import os
import time
from dataclasses import replace

import pytest
from factories import make_case
from hypothesis import given
from hypothesis import strategies as st

from scalebench import machine, plan
from scalebench.backends.registry import get_backend
from scalebench.errors import LauncherError, WorkloadError
from scalebench.host.answers import combine, digest
from scalebench.launchers.local import Local
from scalebench.launchers.mpiexec import Mpiexec
from scalebench.launchers.process import Elsewhere
from scalebench.plan import (
    LEAST_ROUNDS,
    MOST_ROUNDS,
    Reference,
    estimate_s,
    held_bytes,
    launch_s,
    reference_key,
    refusal,
    round_s,
    rounds_for,
    runnable_threads,
    timeout_s,
)
from scalebench.study import Study
from scalebench.sweep import expand
from scalebench.workloads.describe import Workload

GIB = 2**30


def study(**values):
    return Study(**{"workers": 1, **values})


@pytest.fixture
def reference():
    """Ten tasks of 0.1 s."""
    return Reference([0.1] * 10, [digest(number) for number in range(10)], 0.05)


class TestAReference:
    def test_knows_the_serial_time_of_fewer_and_of_more_tasks_than_it_ran(self):
        reference = Reference([1.0, 2.0, 4.0], None, 0.1)
        assert [reference.serial_s(tasks) for tasks in (0, 1, 3, 4, 7)] == [0, 1, 7, 8, 15]

    def test_knows_the_digest_of_fewer_and_of_more_tasks_than_it_ran(self):
        one, two = digest("one"), digest("two")
        reference = Reference([1.0, 1.0], [one, two], 0.1)
        assert [reference.expected(tasks) for tasks in (1, 2, 3)] == [
            combine([one]),
            combine([one, two]),
            combine([one, two, one]),
        ]

    @pytest.mark.parametrize("digests", [None, []])
    def test_of_answers_without_a_digest_expects_none(self, digests):
        assert Reference([1.0], digests, 0.1).expected(1) is None

    def test_of_no_tasks_costs_nothing(self):
        assert Reference([], None, 0.1).serial_s(5) == 0

    def test_is_shared_by_cases_that_do_the_same_tasks(self):
        case = make_case()
        same = [
            make_case(backend="processes", workers=4),
            make_case(scaling="weak", tasks=99, workers=3),
            make_case(blas_threads=2),
        ]
        other = [
            make_case(size="60000"),
            make_case(kind="sleep"),
            make_case(seed=1),
            make_case(items_digest="00"),
            make_case(imbalance=0.5),
        ]
        assert {reference_key(one) for one in same} == {reference_key(case)}
        assert len({reference_key(one) for one in [case, *other]}) == 1 + len(other)

    def test_of_uneven_tasks_is_shared_only_by_as_many_of_them(self):
        assert reference_key(make_case(imbalance=0.5, tasks=8)) != reference_key(make_case(imbalance=0.5, tasks=16))

    def test_that_takes_too_long_to_set_up_is_told_so(self, monkeypatch):
        monkeypatch.setattr(plan, "_LEAST_TIMEOUT_S", 0.2)
        endless = Workload(function=abs, setup=lambda: time.sleep(1000))
        sweep = expand(study(workload=endless, items=[1, 2], backend="serial"))
        with pytest.raises(WorkloadError, match=r"its import and set-up took longer than 0\.2 s\. Nothing was measured\."):
            plan.measure_references(sweep, timeout=0.1)

    @pytest.mark.parametrize(
        ("workload", "which", "way_out"),
        [
            (Workload(function=abs, setup=lambda: os._exit(3)), "its import or set-up", "Mend that"),
            (lambda _item: os._exit(3), "its first item (7)", "Mend it, or leave that item out"),
        ],
        ids=["set-up", "a function without a name"],
    )
    def test_whose_process_ends_is_told_so_without_a_command_where_none_can_be_typed(self, workload, which, way_out):
        sweep = expand(study(workload=workload, items=[7], backend="serial"))
        with pytest.raises(WorkloadError) as told:
            plan.measure_references(sweep)
        assert f"{which} ended the process of the serial reference:\nthe host ended with exit status 3" in str(told.value)
        assert str(told.value).endswith(f"\nNothing was measured. {way_out}")

    def test_of_a_built_in_kind_whose_process_ends_is_less_work(self, monkeypatch):
        sweep = expand(study(kind="sleep", size=1, tasks=2, backend="serial"))
        start = sweep.launcher.start

        def started(*arguments):
            host = start(*arguments)
            monkeypatch.setattr(host, "_next_reply", lambda request, _: host._process.kill() if request == "round" else {})
            return host

        monkeypatch.setattr(sweep.launcher, "start", started)
        with pytest.raises(
            WorkloadError, match=r"(?s)one of its 2 items ended .* was killed by SIGKILL.* Give a smaller --size"
        ) as told:
            plan.measure_references(sweep)
        assert "python -c" not in str(told.value)


class TestRunnableThreads:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"kind": "sleep", "size": "5", "backend": "processes", "workers": 8}, 0),
            ({"backend": "processes", "workers": 4}, 4),
            ({"backend": "mpi", "workers": 4}, 4),
            ({"kind": "blas", "size": "9x1", "backend": "processes", "workers": 4, "blas_threads": 2}, 8),
            ({"kind": "blas", "size": "9x1", "backend": "threads", "workers": 4, "blas_threads": 2}, 4),
            ({"kind": "blas", "size": "9x1", "backend": "threads", "workers": 2, "blas_threads": 8}, 8),
            ({"kind": "blas", "size": "9x1", "blas_threads": 3}, 3),
            ({"backend": "threads", "workers": 4}, 1),
            ({"kind": "stream", "size": "64", "backend": "threads", "workers": 4}, 4),
            ({"kind": None, "workload": "mine:simulate", "backend": "threads", "workers": 4, "blas_threads": 1}, 4),
        ],
    )
    def test_follow_from_backend_and_workload(self, asked, expected):
        assert runnable_threads(make_case(**asked)) == expected

    def test_of_python_code_in_threads_are_all_of_them_without_a_gil(self):
        assert runnable_threads(make_case(backend="threads", workers=4), gil=False) == 4


class TestRounds:
    @given(st.floats(min_value=0, max_value=1e6))
    def test_of_a_launch_stay_between_the_least_and_the_most(self, wall_s):
        found = rounds_for(wall_s, study())
        assert LEAST_ROUNDS <= found <= MOST_ROUNDS
        assert found % 2, "the lower median of an even number is below the median"

    @pytest.mark.parametrize(
        ("wall_s", "expected"), [(0.0, 51), (0.001, 51), (0.01, 25), (0.042, 7), (0.04, 7), (0.05, 5), (1.0, 5), (900, 5)]
    )
    def test_of_a_launch_are_more_where_they_are_short(self, wall_s, expected):
        assert rounds_for(wall_s, study()) == expected

    def test_are_as_many_as_the_study_says(self):
        assert [rounds_for(wall_s, study(rounds=2)) for wall_s in (1e-6, 100.0)] == [2, 2]


class TestTheExpectedTime:
    def test_of_a_round_falls_with_workers_until_the_cpus_are_used_up(self, cpus, reference):
        cpus(2)
        found = [round_s(make_case(backend="processes", workers=workers, tasks=10), reference) for workers in (1, 2, 3, 8)]
        assert found == pytest.approx([1.0, 0.5, 0.5, 0.5])

    def test_of_a_round_does_not_fall_in_threads_that_share_a_gil(self, cpus, reference):
        cpus(4)
        assert round_s(make_case(backend="threads", workers=4, tasks=10), reference) == pytest.approx(1.0)

    def test_of_sleep_falls_with_workers_whatever_the_cpus(self, cpus, reference):
        cpus(1)
        for backend in ("threads", "processes"):
            asked = {"kind": "sleep", "size": "100", "backend": backend, "workers": 5, "tasks": 10}
            assert round_s(make_case(**asked), reference) == pytest.approx(0.2)

    def test_of_spin_does_not_fall_in_threads(self, cpus, reference):
        cpus(4)
        asked = {"kind": "spin", "size": "100", "workers": 5, "tasks": 10}
        assert round_s(make_case(backend="threads", **asked), reference) == pytest.approx(1.0)
        assert round_s(make_case(backend="processes", **asked), reference) == pytest.approx(0.2)

    def test_of_oversubscribed_blas_threads_grows(self, cpus, reference):
        cpus(2)
        asked = {"kind": "blas", "size": "9x1", "backend": "processes", "workers": 2, "tasks": 10}
        assert round_s(make_case(blas_threads=4, **asked), reference) > round_s(make_case(blas_threads=1, **asked), reference)

    @pytest.mark.parametrize("backend", ["serial", "processes", "threads", "mpi"])
    def test_of_a_launch_holds_start_warm_up_and_every_round(self, cpus, reference, backend):
        cpus(2)
        case = make_case(backend=backend, tasks=10, distribution="block" if backend == "mpi" else None)
        assert launch_s(case, reference, study(rounds=3)) > reference.start_s + 4 * round_s(case, reference)

    def test_of_a_launch_hold_what_a_slow_pool_takes_to_start_unless_it_is_there_already(self, cpus):
        cpus(2)
        reference = Reference([0.001], None, 0.2)
        of_dask = make_case(backend="dask", workers=4, tasks=10)
        fixed_s, worker_s = get_backend("dask").pool_s
        there = launch_s(of_dask, reference, study(scheduler="tcp://10.0.0.1:8786"))
        assert launch_s(of_dask, reference, study()) == pytest.approx(there + fixed_s + 2 * worker_s)
        assert fixed_s > 0

    def test_of_a_launch_grows_with_the_interpreters_that_it_starts(self, cpus, reference):
        cpus(2)
        found = [
            launch_s(make_case(backend="processes", start_method=start_method, workers=8, tasks=10), reference, study())
            for start_method in ("fork", "spawn")
        ]
        assert found[0] < found[1]

    def test_of_all_blocks_is_that_of_all_launches_and_never_more_than_the_budget(self, cpus, reference):
        cpus(2)
        case, unknown = make_case(tasks=10), make_case(size="60000")
        references = {reference_key(case): reference}
        assert estimate_s([case, unknown], references, study(blocks=3)) == pytest.approx(3 * launch_s(case, reference, study()))
        assert estimate_s([case], references, study(blocks=3, budget="1s")) == 1.0
        assert estimate_s([], {}, study()) == 0

    @given(
        backend=st.sampled_from(["processes", "threads"]),
        kind=st.sampled_from(["crunch", "sleep", "spin", "blas", "stream"]),
        workers=st.integers(1, 64),
        threads=st.integers(1, 8),
        budget=st.integers(1, 64),
    )
    def test_is_finite_and_positive_for_any_case(self, backend, kind, workers, threads, budget):
        size = {"blas": "9x1", "stream": "64"}.get(kind, "5")
        case = make_case(backend=backend, kind=kind, size=size, workers=workers, blas_threads=threads, tasks=10)
        reference = Reference([0.1] * 10, None, 0.05)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(machine, "cpu_budget", lambda: budget)
            found = [round_s(case, reference), launch_s(case, reference, study()), timeout_s(case, reference, study())]
        assert all(0 < one < math.inf for one in found)
        assert found[0] < found[1] < found[2] + found[1]


class TestTheTimeOut:
    def test_is_what_the_study_says(self, reference):
        assert timeout_s(make_case(), reference, study(timeout="3s")) == 3

    def test_is_a_minute_at_least(self, cpus, reference):
        cpus(2)
        assert timeout_s(make_case(tasks=1), reference, study()) == timeout_s(make_case(), None, study()) == 60

    def test_leaves_room_for_many_times_the_serial_time_and_more_where_threads_wait(self, cpus):
        cpus(2)
        slow = Reference([10.0], None, 0.1)
        found = [timeout_s(make_case(backend="processes", workers=workers, tasks=10), slow, study()) for workers in (1, 2, 8)]
        assert found[0] == found[1] >= 10 * slow.serial_s(10)
        assert found[2] == 4 * found[1]
        there = timeout_s(make_case(backend="processes", workers=8, tasks=10), slow, study(), cpus=8)
        assert there == found[0]


class TestRefusal:
    @pytest.fixture(autouse=True)
    def _memory(self, monkeypatch):
        monkeypatch.setattr(machine, "memory_bytes", lambda: 4 * GIB)

    def test_is_of_what_the_memory_cannot_hold_and_says_so(self):
        case = make_case(kind="stream", size="1GiB", backend="processes", workers=5)
        assert refusal(case, Local({})) == (
            "refused: 5 workers would hold 5.0 GiB, this machine has 4.0 GiB; use a smaller --size or fewer --workers"
        )

    def test_on_other_machines_asks_for_the_memory_of_these(self):
        launcher = Mpiexec({})
        launcher._machine = {"memory_gib": 10.0}
        case = make_case(kind="stream", size="1GiB", backend="mpi", workers=20, nodes=2)
        assert refusal(case, launcher) is None
        assert "hold 20.0 GiB, its node has 10.0 GiB" in refusal(replace(case, nodes=1), launcher)

    @pytest.mark.parametrize(
        "asked",
        [
            {"kind": "stream", "size": "1GiB", "backend": "processes", "workers": 4},
            {"kind": "blas", "size": "1000x1", "workers": 4, "backend": "processes"},
            {"kind": "crunch", "size": "1e12", "backend": "processes", "workers": 10_000},
            {"kind": None, "size": None, "workload": "mine:simulate", "backend": "processes", "workers": 10_000},
        ],
    )
    def test_is_not_of_what_fits_or_of_what_nobody_knows(self, asked):
        assert refusal(make_case(**asked), Local({})) is None

    def test_of_uneven_tasks_counts_the_largest(self):
        even = make_case(kind="stream", size="512MiB", backend="processes", workers=6, tasks=6)
        uneven = make_case(kind="stream", size="512MiB", backend="processes", workers=6, tasks=6, imbalance=1.0)
        assert refusal(even, Local({})) is None
        assert held_bytes(even) < held_bytes(uneven) <= 2 * held_bytes(even)

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"kind": "stream", "size": "1MiB", "workers": 3, "backend": "processes"}, 3 * 2**20),
            ({"kind": "blas", "size": "100x50"}, 4 * 8 * 100 * 100),
            ({"kind": "crunch"}, None),
            ({"kind": "stream", "size": None}, None),
            ({"kind": None, "workload": "mine:simulate"}, None),
        ],
    )
    def test_follows_from_the_bytes_that_all_workers_hold(self, asked, expected):
        assert held_bytes(make_case(**asked)) == expected


def test_of_very_many_tasks_of_a_built_in_kind_the_first_is_looked_at_too(monkeypatch):
    monkeypatch.setattr(plan, "_MANY_TASKS", 4)
    told = []
    for tasks in (3, 4):
        sweep = expand(Study(backend="serial", size=10, tasks=tasks))
        (found,) = plan.measure_references(
            sweep, looked=lambda case, first: told.append((case.tasks, len(first.durations)))
        ).values()
        assert len(found.durations) == tasks
    assert told == [(4, 1)]


class Cancelled(Elsewhere):
    """What a launcher knows of a job that somebody has cancelled."""

    def why(self):
        return "job 7 of Slurm was cancelled"


class TestAReferenceWhoseJobIsLost:
    @pytest.fixture
    def sweep(self, monkeypatch):
        """``sweep(times)``: its first hosts, so many, end with their jobs."""

        def make(times, **asked):
            made = expand(study(**(asked or {"kind": "sleep", "size": 1, "tasks": 2, "backend": "serial"})))
            start = made.launcher.start
            self.waited = 0

            def lost(*arguments):
                nonlocal times
                host = start(*arguments)
                if times:
                    times -= 1
                    host._elsewhere = Cancelled()
                    host._process.kill()
                return host

            def wait(_):
                self.waited += 1

            monkeypatch.setattr(made.launcher, "start", lost)
            monkeypatch.setattr(made.launcher, "wait", wait)
            return made

        return make

    def test_is_measured_once_more_in_another(self, sweep):
        (found,) = plan.measure_references(sweep(1)).values()
        assert len(found.durations) == 2
        assert self.waited == 1

    def test_again_is_told_as_that_and_not_as_a_fault_of_the_workload(self, sweep):
        with pytest.raises(LauncherError, match="job 7 of Slurm was cancelled") as caught:
            plan.measure_references(sweep(2))
        assert "serially" not in str(caught.value)
        assert "Nothing was measured" in str(caught.value)

    def test_is_so_of_a_program_too(self, sweep):
        (found,) = plan.measure_references(sweep(1, command="true")).values()
        assert len(found.durations) == 1
        assert self.waited == 1
