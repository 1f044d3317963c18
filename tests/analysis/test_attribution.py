"""Where the efficiency went, proved by injection: losses of a known size, in real pools, must be found under their names.

Truths come from arithmetic on what was asked (sleeps, CPUs), never from the factors themselves. Where CPU time is the
question, other programs are kept away by a cgroup's weight where one can be made; a busy machine is then told by the baseline, which
did not get its one CPU: such a run proves nothing and is measured again.
"""

import os
import platform
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest
from tasks import SlowToSend

import scalebench
from scalebench.analysis.efficiency import account
from scalebench.launchers import local
from scalebench.machine import cpu_budget
from scalebench.report.efficiency import verdict
from scalebench.workloads.family import make_items

pytestmark = pytest.mark.alone  # how much CPU a task gets is what is looked at
on_linux = pytest.mark.skipif(
    platform.system() != "Linux", reason="only Linux tells the CPU wait and lets a test choose its CPUs"
)
#: of a CPU that the baseline must have had for the run to say anything
QUIET = 0.9


@pytest.fixture
def measured(tmp_path):
    """``measured(**study)``: the rounds, and the account of a run on a quiet machine, as one row for each case with a pool."""

    def measure(*, needs_cpu=False, quota=None, **asked):
        study = scalebench.Study(**{"blocks": 3, "rounds": 3, "timeout": 60, **asked})
        for _ in range(3):
            with cpu_group(quota) if needs_cpu else nullcontext():
                rounds = scalebench.run(study, results=tmp_path).rounds
            assert set(rounds["status"]) == {"ok"}, rounds["message"].dropna().unique()
            serial = rounds[(rounds["backend"] == "serial") & rounds["blas_threads"].fillna(1).eq(1)]
            if not needs_cpu or (serial["cpu_s"] / serial["busy_s"]).median() >= QUIET:
                found = account(rounds)
                return rounds, found[found["backend"] != "serial"].set_index("workers")
        return pytest.skip(f"the machine is too busy: three times, serial tasks had less than {QUIET:.0%} of a CPU")

    return measure


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
            undo.callback(before.write_text, str(os.getpid()))
        except OSError as error:
            if quota is not None:
                pytest.skip(f"can't make a cgroup with a CPU quota, which takes root and a writable {CONTROLLERS}: {error}")
        yield


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
        if (reason := local.unavailable(interface["backend"])) is not None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        sizes = [units for _, _, units in make_items("sleep", "20", 12, 0.9, seed=6)]
        chunks = [sum(sizes[start : start + 4]) for start in (0, 4, 8)]
        truth = sum(chunks) / 3 / max(chunks)
        assert truth < 0.8  # else there is nothing to find
        _, found = measured(kind="sleep", size=20, tasks=12, imbalance=0.9, seed=6, workers=3, **interface)
        case = found.loc[3]
        assert case["load_balance"] == pytest.approx(truth, abs=0.03)
        assert case["lost_to"] == "load_balance"
        assert "workers idle while the last one finishes" in said(case, 3)

    def test_of_weak_scaling_is_that_too(self, measured):
        sizes = [units for _, _, units in make_items("sleep", "20", 8, 0.9, seed=6)]
        truth = sum(sizes) / 2 / max(sum(sizes[:4]), sum(sizes[4:]))
        _, found = measured(
            kind="sleep", size=20, tasks=4, scaling="weak", imbalance=0.9, seed=6, workers=2, backend="processes", chunksize=4
        )
        assert found.loc[2, "load_balance"] == pytest.approx(truth, abs=0.03)


class TestDispatch:
    def test_of_items_that_are_slow_to_send_is_what_the_delays_say(self, measured):
        """Items are sent one by one, each 50 ms after the one before, and one worker naps 20 ms for each."""
        tasks, nap_s = 8, 0.02
        round_s = tasks * SlowToSend.DELAY_S + nap_s
        items = [SlowToSend(nap_s * 1e3) for _ in range(tasks)]
        _, found = measured(workload="tasks:naps", items=items, backend="processes", workers=[1, 2], rounds=2)
        assert found.loc[1, "dispatch_efficiency"] == pytest.approx(tasks * nap_s / round_s, abs=0.03)
        assert found.loc[1, "lost_to"] == "dispatch_efficiency"
        # of two workers it is chance who naps how often: the product of both factors is not
        both = found.loc[2, "load_balance"] * found.loc[2, "dispatch_efficiency"]
        assert both == pytest.approx(tasks * nap_s / 2 / round_s, abs=0.03)
        assert found["lost_to_load_balance"].loc[1] == pytest.approx(0)


@on_linux
class TestWaitingForACpu:
    def test_of_twice_as_many_workers_as_cpus_costs_half_and_the_cpu_wait_explains_it(self, measured, only_cpus):
        only_cpus(1)
        _, found = measured(needs_cpu=True, kind="crunch", size=200_000, tasks=8, backend="processes", workers=2)
        case = found.loc[2]
        assert case["cpu_availability"] == pytest.approx(1 / 2, abs=0.1)
        assert case["lost_to"] == "cpu_wait"
        assert case["lost_to_cpu_wait"] > 4 * abs(case["lost_to_waiting"])
        assert "lost waiting for a CPU (2.0x oversubscribed)" in said(case, 2)

    def test_for_a_quota_is_that_too_and_no_oversubscription_is_blamed(self, measured, only_cpus):
        """Two workers on two CPUs, of which they may use one in all."""
        only_cpus(2)
        _, found = measured(needs_cpu=True, quota=1, kind="crunch", size=200_000, tasks=8, backend="processes", workers=2)
        case = found.loc[2]
        assert case["cpu_availability"] == pytest.approx(1 / 2, abs=0.12)
        assert case["lost_to"] == "cpu_wait"
        assert "lost waiting for a CPU (not oversubscribed by itself: a quota, or other programs)" in said(case, 2)

    def test_is_not_what_threads_do_that_share_one_gil(self, measured, only_cpus):
        only_cpus(2)
        rounds, found = measured(needs_cpu=True, kind="crunch", size=200_000, tasks=8, backend="threads", workers=2)
        if not rounds["gil"].all():
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
        _, found = measured(
            needs_cpu=True, workload="tasks:computes_twice_in_workers", items=list(range(8)), backend="processes", workers=1
        )
        case = found.loc[1]
        assert case["cpu_cost"] == pytest.approx(1 / 2, abs=0.08)
        assert case["lost_to"] == "cpu_cost"
        assert "lost to more CPU time per unit of work" in said(case, 1)

    def test_of_blas_threads_that_fight_is_that_of_the_whole_process_tree(self, measured, only_cpus):
        """Two workers with two BLAS threads each on two CPUs: the system's own count of the CPU time is the witness."""
        only_cpus(2)
        rounds, found = measured(
            needs_cpu=True, kind="blas", size="200x8", tasks=8, backend="processes", workers=2, blas_threads=[1, 2]
        )
        found = found.loc[[2]].set_index("blas_threads")
        counted = rounds[
            ~rounds["warmup"] & rounds["blas_threads"].eq(2) & (rounds["backend"].eq("serial") | rounds["workers"].eq(2))
        ]
        per_unit = (counted["cpu_tree_s"] / counted["work_units"].astype(float)).groupby(counted["backend"]).median()
        case = found.loc[2]
        assert case["cpu_cost"] == pytest.approx(per_unit["serial"] / per_unit["processes"], rel=0.25)
        assert case["efficiency"] < found.loc[1, "efficiency"]
        computation, others = case["computation_scalability"], case["load_balance"] * case["dispatch_efficiency"]
        assert computation < others
        assert case["lost_to"] in ("cpu_cost", "cpu_wait", "cpu_availability")


def said(case, workers):
    """The verdict on a row of the account that has the workers as its index."""
    return verdict(case.to_frame().T.assign(workers=workers).iloc[0])
