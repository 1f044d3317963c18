"""Where the efficiency went, proved by injection: losses of a known size, in real pools, must be found under their names.

Truths come from arithmetic on what was asked (sleeps, CPUs), never from the factors themselves. What a machine made of the
injection is told by clocks and counters that no factor is made of in that way: sleeps that lasted as asked, all CPUs had. A block
in which it made something else of it proves nothing and is left out; a run without a good block is measured again. Where CPU
time is the question, other programs are kept away by a cgroup's weight where one can be made.
"""

import os
import platform
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest
from tasks import SlowToSend

import scalebench
from scalebench.analysis.efficiency import account
from scalebench.analysis.scaling import launches
from scalebench.launchers import base
from scalebench.machine import cpu_budget
from scalebench.report.efficiency import verdict
from scalebench.workloads.family import make_items

pytestmark = [pytest.mark.alone, pytest.mark.long]  # how much CPU a task gets is what is looked at
on_linux = pytest.mark.skipif(
    platform.system() != "Linux", reason="only Linux tells the CPU wait and lets a test choose its CPUs"
)
TRIES = 3
#: of the CPUs that a round could use it must have had
QUIET = 0.93
#: a round whose sleeps lasted longer than asked, all together by more than this share, has another imbalance
OVERRUN = 0.02


@pytest.fixture
def measured(tmp_path):
    """``measured(undisturbed, **study)``: launches, and the account as one row for each case with a pool, of good blocks only.

    ``undisturbed(round, tasks)`` says of the round that stands for a launch, and of its tasks in order, whether the
    machine let the injected loss be what it was meant to be. It is asked of every launch of a block.
    """

    def measure(undisturbed, *, needs_cpu=False, quota=None, **asked):
        study = scalebench.Study(**{"blocks": 3, "rounds": 3, "timeout": 60, **asked})
        for _ in range(TRIES):
            with cpu_group(quota) if needs_cpu else nullcontext():
                result = scalebench.run(study, results=tmp_path)
            rounds, tasks = result.rounds, result.tasks
            assert set(rounds["status"]) == {"ok"}, rounds["message"].dropna().unique()
            keys = ["case_id", "block", "attempt", "round"]
            of_round = dict(list(tasks.sort_values("task").groupby(keys)))
            chosen = launches(rounds)
            bad = {one["block"] for _, one in chosen.iterrows() if not undisturbed(one, of_round[tuple(one[keys])])}
            if good := set(rounds["block"]) - bad:
                kept = rounds[rounds["block"].isin(good)]
                found = account(kept)
                return launches(kept), found[found["backend"] != "serial"].set_index("workers")
        return pytest.skip(f"the machine is too busy: in {TRIES} runs no block went undisturbed")

    return measure


def slept_as_asked(one, tasks):
    """Of tasks whose work units are microseconds. How long a serial round sleeps is not looked at: no truth depends on it."""
    asked_s = tasks["work_units"].astype(float) / 1e6
    overrun_s = (tasks["stop_s"] - tasks["start_s"] - asked_s).sum()
    return one["backend"] == "serial" or overrun_s <= OVERRUN * asked_s.sum()


def had(cpus):
    """``had(cpus)(round, tasks)``: whether a pool had so many CPUs all the time, and serial its one."""

    def undisturbed(one, _):
        if one["backend"] == "serial":
            return one["cpu_s"] >= QUIET * one["busy_s"]
        return one["cpu_s"] >= QUIET * min(cpus, one["workers"]) * one["wall_s"]

    return undisturbed


CONTROLLERS = Path("/sys/fs/cgroup")


@contextmanager
def cpu_group(quota):
    """This process and all that it starts come before other programs, and get so many CPUs in slices of 10 ms, all when None.

    By a cgroup of their own, of either version; where that can't be made, other programs are not kept away, and a test
    that needs a quota is skipped.
    """
    version_2 = (CONTROLLERS / "cgroup.controllers").exists()
    root = CONTROLLERS if version_2 else CONTROLLERS / "cpu"
    group = root / f"scalebench-test-{os.getpid()}"
    slices = None if quota is None else int(quota * 10_000)
    if version_2:
        settings = {"cpu.weight": 10_000} | ({} if slices is None else {"cpu.max": f"{slices} 10000"})
    else:
        settings = {"cpu.shares": 262_144}
        settings |= {} if slices is None else {"cpu.cfs_period_us": 10_000, "cpu.cfs_quota_us": slices}
    with ExitStack() as undo:
        try:
            before = root / _own_group(version_2) / "cgroup.procs"
            before.stat()  # a container may see another path than it is in
            group.mkdir()
            undo.callback(group.rmdir)
            for name, value in settings.items():
                (group / name).write_text(str(value))
            (group / "cgroup.procs").write_text(str(os.getpid()))
            undo.callback(_move_all, group, before)
        except OSError as error:
            if quota is not None:
                pytest.skip(f"can't make a cgroup with a CPU quota, which takes root and a writable {CONTROLLERS}: {error}")
        yield


def _move_all(group, to):
    """This process and what it started for all of its runs, which outlives them."""
    for process in (group / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):  # it has ended
            to.write_text(process)


def _own_group(version_2):
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = (path.lstrip("/") for _, names, path in lines if (not names if version_2 else "cpu" in names.split(",")))
    return next(own, "")


@pytest.fixture
def only_cpus():
    """``only_cpus(n)``: this process and all that it starts may use n CPUs."""
    before = os.sched_getaffinity(0)

    def choose(count):
        if len(before) < count:
            pytest.skip(f"needs {count} CPUs, this process may use {len(before)}")
        os.sched_setaffinity(0, sorted(before)[-count:])
        cpu_budget.cache_clear()

    yield choose
    os.sched_setaffinity(0, before)
    cpu_budget.cache_clear()


class TestLoadBalance:
    @pytest.mark.parametrize(
        "interface",
        [{"backend": "processes", "chunksize": 4}, {"backend": "multiprocessing", "chunksize": 4},
         {"backend": "mpi", "distribution": "block"}],
        ids=lambda interface: interface["backend"],
    )  # fmt: skip
    def test_of_one_chunk_a_worker_is_what_the_sizes_of_its_tasks_say(self, measured, interface):
        if (reason := base.unavailable(interface["backend"])) is not None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        sizes = [units for _, _, units in make_items("sleep", "40", 12, 0.9, seed=6)]
        chunks = [sum(sizes[start : start + 4]) for start in (0, 4, 8)]
        truth = sum(chunks) / 3 / max(chunks)
        assert truth < 0.8  # else there is nothing to find
        study = {"kind": "sleep", "size": 40, "tasks": 12, "imbalance": 0.9, "seed": 6, "workers": 3, "rounds": 1, **interface}
        _, found = measured(slept_as_asked, **study)
        case = found.loc[3]
        assert case["load_balance"] == pytest.approx(truth, abs=0.03)
        assert case["lost_to"] == "load_balance"
        assert "workers idle while the last one finishes" in said(case, 3)

    def test_of_weak_scaling_is_that_too(self, measured):
        sizes = [units for _, _, units in make_items("sleep", "40", 8, 0.9, seed=6)]
        truth = sum(sizes) / 2 / max(sum(sizes[:4]), sum(sizes[4:]))
        study = {
            "kind": "sleep",
            "size": 40,
            "tasks": 4,
            "scaling": "weak",
            "imbalance": 0.9,
            "seed": 6,
            "workers": 2,
            "rounds": 1,
        }
        _, found = measured(slept_as_asked, backend="processes", chunksize=4, **study)
        assert found.loc[2, "load_balance"] == pytest.approx(truth, abs=0.03)


class TestDispatch:
    def test_of_items_that_are_slow_to_send_is_what_the_delays_say(self, measured):
        """Items are sent one by one, each 50 ms after the one before, and one worker naps 20 ms for each."""
        tasks, nap_s = 8, 0.02
        round_s = tasks * SlowToSend.DELAY_S + nap_s
        items = [SlowToSend(nap_s * 1e3) for _ in range(tasks)]

        def as_meant(one, of_tasks):
            """The last item was sent when its turn came, naps lasted as asked, and the round ended with the last."""
            naps_s = (of_tasks["stop_s"] - of_tasks["start_s"]).sum()
            late_s = of_tasks["start_s"].max() - tasks * SlowToSend.DELAY_S
            after_s = one["wall_s"] - of_tasks["stop_s"].max()
            return one["backend"] == "serial" or (naps_s < tasks * nap_s + 0.005 and late_s < 0.01 and after_s < 0.005)

        study = {"workload": "tasks:naps", "items": items, "backend": "processes", "workers": [1, 2], "rounds": 1}
        _, found = measured(as_meant, **study)
        assert found.loc[1, "dispatch_efficiency"] == pytest.approx(tasks * nap_s / round_s, abs=0.03)
        assert found.loc[1, "lost_to"] == "dispatch_efficiency"
        # of two workers it is chance who naps how often: the product of both factors is not
        both = found.loc[2, "load_balance"] * found.loc[2, "dispatch_efficiency"]
        assert both == pytest.approx(tasks * nap_s / 2 / round_s, abs=0.03)
        assert found["lost_to_load_balance"].loc[1] == pytest.approx(0)


#: many tasks a worker, so that the last one, which runs alone, is a small part of the round
TWO_WORKERS = {"kind": "crunch", "size": 100_000, "tasks": 24, "workers": 2}


@on_linux
class TestWaitingForACpu:
    def test_of_twice_as_many_workers_as_cpus_costs_half_and_the_cpu_wait_explains_it(self, measured, only_cpus):
        only_cpus(1)
        _, found = measured(had(1), needs_cpu=True, **TWO_WORKERS, backend="processes")
        case = found.loc[2]
        assert case["cpu_availability"] == pytest.approx(1 / 2, abs=0.1)
        assert case["lost_to"] == "cpu_wait"
        assert case["lost_to_cpu_wait"] > 4 * abs(case["lost_to_waiting"])
        assert "lost waiting for a CPU (2.0x oversubscribed)" in said(case, 2)

    def test_for_a_quota_is_that_too_and_no_oversubscription_is_blamed(self, measured, only_cpus):
        """Two workers on two CPUs, of which they may use one in all."""
        only_cpus(2)
        _, found = measured(had(1), needs_cpu=True, quota=1, **TWO_WORKERS, backend="processes")
        case = found.loc[2]
        assert case["cpu_availability"] == pytest.approx(1 / 2, abs=0.12)
        assert case["lost_to"] == "cpu_wait"
        assert "lost waiting for a CPU (not oversubscribed by itself: a quota, or other programs)" in said(case, 2)

    def test_is_not_what_threads_do_that_share_one_gil(self, measured, only_cpus):
        only_cpus(2)
        chosen, found = measured(had(1), needs_cpu=True, **TWO_WORKERS, backend="threads")
        if not chosen["gil"].all():
            pytest.skip("this interpreter has no GIL")
        case = found.loc[2]
        assert case["cpu_availability"] == pytest.approx(1 / 2, abs=0.1)
        assert case["lost_to"] == "waiting"
        assert case["lost_to_waiting"] > 4 * case["lost_to_cpu_wait"]
        assert "lost waiting (GIL, lock, I/O or sleep)" in said(case, 2)


@on_linux
class TestCpuCost:
    def test_of_tasks_that_need_twice_the_cpu_time_in_a_worker_is_a_half(self, measured, only_cpus):
        only_cpus(1)
        study = {"workload": "tasks:computes_twice_in_workers", "items": list(range(24)), "backend": "processes", "workers": 1}
        _, found = measured(had(1), needs_cpu=True, **study)
        case = found.loc[1]
        assert case["cpu_cost"] == pytest.approx(1 / 2, abs=0.15)  # 1 where nothing is found
        assert case["lost_to"] == "cpu_cost"
        assert "lost to more CPU time per unit of work" in said(case, 1)

    def test_of_blas_threads_that_fight_is_that_of_the_whole_process_tree(self, measured, only_cpus):
        """Four workers with two BLAS threads each on two CPUs: the system's own count of the CPU time is the witness.

        Serial has the same two CPUs for its two threads, so whatever a second thread gains a worker has at most half of its speed.
        """
        only_cpus(2)

        def alone(one, _):
            """Nothing else ran: the pool had both CPUs, and a serial task did not wait for one."""
            if one["backend"] == "serial":
                return one["cpu_wait_s"] <= (1 - QUIET) * one["busy_s"]
            return one["cpu_tree_s"] >= QUIET * 2 * one["wall_s"]

        study = {"kind": "blas", "size": "200x16", "tasks": 24, "backend": "processes", "workers": 4, "blas_threads": 2}
        chosen, found = measured(alone, needs_cpu=True, **study)
        case = found.loc[4]
        of_two = chosen["blas_threads"].eq(2) & (chosen["backend"].eq("serial") | chosen["workers"].eq(4))
        counted = chosen[of_two]  # the very rounds that the account is made of
        per_unit = np.log(counted["cpu_tree_s"] / counted["work_units"].astype(float)).groupby(counted["backend"]).mean()
        assert case["cpu_cost"] == pytest.approx(np.exp(per_unit["serial"] - per_unit["processes"]), rel=0.25)
        computation, others = case["computation_scalability"], case["load_balance"] * case["dispatch_efficiency"]
        assert computation < others
        assert case["lost_to"] in ("cpu_cost", "cpu_wait", "cpu_availability")


def said(case, workers):
    """The verdict on a row of the account that has the workers as its index."""
    return verdict(case.to_frame().T.assign(workers=workers).iloc[0])
