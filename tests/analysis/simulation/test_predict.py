"""A curve simulated at other counts: as its pool would take there, and refused where the run does not show a part."""

import pandas as pd
import pytest
from pools import played, pool, pool_run

from scalebench.analysis.simulation.holdout import at_the_largest, held_out
from scalebench.analysis.simulation.model import Costs
from scalebench.analysis.simulation.predict import MOST_CHUNKS, MOST_TASKS, simulate
from scalebench.errors import UsageError


def handing(workers):
    return Costs(lead_s=0.001, wake_s=1e-4, manager_s=3e-4, turn_s=3e-4, ahead=0)


def dealing(workers):
    return Costs(lead_s=0.001, wake_s=2e-4, tail_s=1e-4 * workers)


@pytest.fixture(scope="module")
def run():
    return pool_run(pool)


@pytest.fixture(scope="module")
def few():
    """Of small counts only: quick, where it does not matter what it says."""
    return pool_run(pool, workers=(8, 12, 16))


def of(found, **wanted):
    (one,) = [one for one in found if all(one.identity[name] == value for name, value in wanted.items())]
    return one


class TestAPrediction:
    @pytest.mark.parametrize("count", [64, 128, 256, 500])
    def test_is_what_the_pool_takes_there(self, run, count):
        for lasts, each, size in ((0.05, 4, "50.0"), (1e-5, 16, "0.01")):
            one = of(simulate(*run, [count]), size=size)
            wall_s, _ = played([lasts] * (each * count), count, pool(count))
            assert one.predictions["wall_s"].iloc[0] == pytest.approx(wall_s * 1.01, rel=0.05)
            assert one.predictions["launch_s"].iloc[0] == pytest.approx(wall_s * 1.01 + 0.01 * count * 1.0155, rel=0.03)

    def test_is_what_a_pool_takes_that_hands_each_task_to_a_free_worker(self):
        run = pool_run(handing, backend="mpi-pool", mpi_mode="world")
        wall_s, _ = played([0.05] * 4 * 128, 128, handing(128))
        one = of(simulate(*run, [128], cpus=128), size="50.0")
        assert one.predictions["wall_s"].iloc[0] == pytest.approx(wall_s * 1.01, rel=0.05)

    def test_is_what_dealing_takes(self):
        run = pool_run(dealing, backend="mpi", distribution="block", suites=((0.05, 4),), chunksize=None)
        wall_s, _ = played([0.2] * 128, 128, dealing(128))
        one = of(simulate(*run, [128], cpus=128), size="50.0")
        assert one.predictions["wall_s"].iloc[0] == pytest.approx(wall_s * 1.005, rel=0.03)
        assert one.keeps_busy is None

    def test_of_a_launch_has_the_broadcast_as_a_part_of_its_own(self):
        rounds, tasks = pool_run(pool, workers=(8, 12, 16), startup_at=lambda n: 0.3 + 0.01 * n, broadcast_at=lambda n: 0.002 * n)
        one = of(simulate(rounds, tasks, [1000]), size="50.0")
        parts = one.parts.set_index("part")
        assert "startup_s" not in parts.index
        # 0.002 a worker for the broadcast, and as much for the call before it that forces them all up
        assert list(parts.loc["up_s", ["at_one_s", "per_worker_s"]]) == pytest.approx([0.3 * 1.0155, 0.006 * 1.0155], rel=0.01)
        assert parts.loc["call_s", "at_one_s"] == pytest.approx(0.002 * 1.0155, rel=0.01)
        (told,) = one.predictions.to_dict("records")
        assert told["broadcast_s"] == pytest.approx(2 * 1.0155, rel=0.01)
        assert told["launch_s"] - told["wall_s"] == pytest.approx(told["startup_s"]) == pytest.approx(10.3 * 1.0155, rel=0.01)

    def test_sends_to_each_worker_what_its_own_workload_has(self):
        rounds, tasks = pool_run(pool, workers=(8, 12, 16), startup_at=lambda n: 0.1 * n, broadcast_at=lambda n: 0.002 * n)
        for name in ("startup_s", "broadcast_s"):
            rounds.loc[rounds["size"] == "0.01", name] += rounds["workers"].astype(float) * 0.03
        found = {size: of(simulate(rounds, tasks, [64]), size=size).predictions.iloc[0] for size in ("50.0", "0.01")}
        assert found["0.01"]["broadcast_s"] == pytest.approx(16 * found["50.0"]["broadcast_s"], rel=0.05)
        assert found["0.01"]["startup_s"] - found["50.0"]["startup_s"] == pytest.approx(0.03 * 64, rel=0.05)

    def test_says_what_a_round_waits_for_and_from_how_many_workers_on(self, run):
        one = of(simulate(*run, [32, 100, 180, 1000]), size="50.0")
        assert list(one.predictions["waits_for"]) == ["workers", "workers", "manager", "manager"]
        assert list(one.predictions["beyond"]) == [0.5, 100 / 64, 180 / 64, 1000 / 64]
        # n (1.5e-4 + 1e-6 n) = 0.0503
        assert one.keeps_busy == pytest.approx(162, rel=0.03)

    def test_has_the_interval_of_the_parts_and_it_widens_with_the_distance(self, run):
        found = of(simulate(*run, [64, 4096]), size="50.0").predictions
        assert (found["wall_s_low"] < found["wall_s"]).all()
        assert (found["wall_s"] < found["wall_s_high"]).all()
        near, far = found["wall_s_high"] / found["wall_s_low"]
        assert near < far

    def test_of_two_blocks_has_no_interval(self):
        one = of(simulate(*pool_run(pool, blocks=2, workers=(8, 12, 16)), [64]), size="50.0")
        assert one.predictions[["wall_s_low", "wall_s_high", "launch_s_low"]].isna().all().all()
        assert one.predictions["wall_s"].notna().all()

    def test_gives_the_same_twice(self, few):
        first, second = (of(simulate(*few, [100]), size="50.0").predictions for _ in range(2))
        pd.testing.assert_frame_equal(first, second)

    def test_of_calls_that_grow_with_the_workers_grows_with_their_square(self):
        run = pool_run(
            pool, startup_at=lambda n: 0.01 * n + 2 * n * (1e-4 + 1e-5 * n), broadcast_at=lambda n: n * (1e-4 + 1e-5 * n)
        )
        (told,) = of(simulate(*run, [1000]), size="50.0").predictions.to_dict("records")
        assert told["broadcast_s"] == pytest.approx(10.1 * 1.0155, rel=0.01)
        assert told["startup_s"] == pytest.approx(30.2 * 1.0155, rel=0.01)

    def test_of_strong_scaling_deals_the_same_tasks_to_more_workers(self):
        rounds, tasks = pool_run(pool, workers=(8, 12, 16))
        strong = rounds["size"] == "50.0"
        rounds.loc[strong, "scaling"] = "strong"
        rounds.loc[strong, "tasks"] = 64
        one = of(simulate(rounds, tasks, [32]), size="50.0")
        assert one.predictions["tasks"].iloc[0] == 64
        assert one.predictions["wall_s"].iloc[0] == pytest.approx(2 * 0.0503 + 32e-4, rel=0.1)

    def test_of_tasks_that_compute_shares_the_cpus_that_there_are(self):
        run = pool_run(pool, workers=(1, 8, 12, 16), kind="crunch", cpu_s=None, cpu_budget=16)
        run[0]["cpu_s"] = run[0]["busy_s"]
        run[0]["oversubscribed"] = run[0]["workers"] > 16
        found = {cpus: of(simulate(*run, [64], cpus=cpus), size="50.0").predictions["wall_s"].iloc[0] for cpus in (None, 32, 64)}
        assert found[32] == pytest.approx(2 * found[64], rel=0.1)
        assert found[None] == pytest.approx(4 * found[64], rel=0.1)

    def test_of_a_chosen_case_takes_its_parts_from_all_of_them(self, few):
        rounds, tasks = few
        wanted = set(rounds.loc[rounds["size"] == "50.0", "case_id"])
        (one,) = simulate(rounds, tasks, [64], of=wanted)
        assert one.reason is None


class TestRefused:
    def refusal(self, run, **wanted):
        one = of(simulate(*run, [64]), **wanted)
        assert one.predictions.empty
        return one.reason

    def test_is_a_curve_whose_tasks_were_not_recorded(self):
        assert "task_timing on" in self.refusal(pool_run(pool, workers=(8, 12, 16), keep_tasks=False), size="50.0")

    def test_are_two_worker_counts(self):
        assert "start-up, its broadcast with it: at 2" in self.refusal(pool_run(pool, workers=(8, 16)), size="50.0")

    def test_is_a_run_whose_manager_always_had_time(self):
        reason = self.refusal(pool_run(pool, workers=(8, 12, 16), suites=((0.05, 4),)), size="50.0")
        assert "what a task costs the manager" in reason
        assert "--profile dispatch" in reason

    def test_are_chunks_that_the_interface_chose(self):
        run = pool_run(pool, workers=(8, 12, 16), chunksize=None)
        run[0]["chunksize_found"] = run[0]["workers"] // 4
        assert "--chunksize 1" in self.refusal(run, size="50.0")

    def test_is_an_interface_that_frees_its_workers_in_the_order_of_answers(self):
        assert "is not simulated; scalebench predict has the laws" in self.refusal(
            pool_run(pool, backend="ray", workers=(8, 12, 16)), size="50.0"
        )

    def test_are_tasks_that_compute_where_no_count_left_each_worker_a_cpu(self):
        run = pool_run(pool, workers=(8, 12, 16), kind="crunch", oversubscribed=True)
        assert "measure 1 worker too" in self.refusal(run, size="50.0")

    def test_are_threads_that_shared_the_gil_at_every_count(self):
        run = pool_run(pool, workers=(8, 12, 16), kind="crunch", backend="threads", chunksize=None, chunksize_found=None)
        assert "shared the GIL" in self.refusal(run, size="50.0")

    def test_are_workers_that_poll_where_there_are_fewer_cpus(self):
        run = pool_run(handing, workers=(8, 12, 16), backend="mpi-pool", mpi_mode="world")
        assert "that waits takes 100% of a CPU, and 64 of them" in self.refusal(run, size="50.0")
        assert (
            of(simulate(*run, [16]), size="50.0").reason is not None
        )  # though it was measured: a line over counts misses it, too
        assert of(simulate(*run, [2]), size="50.0").reason is None
        assert of(simulate(*run, [64], cpus=64), size="50.0").reason is None

    def test_are_workers_that_take_a_little_of_a_cpu_each_where_that_is_all_of_the_cpus(self):
        run = pool_run(pool, workers=(8, 12, 16), backend="dask")
        assert of(simulate(*run, [64]), size="50.0").reason is None
        (one,) = [one for one in simulate(*run, [128]) if one.identity["size"] == "50.0"]
        assert "takes about 3% of a CPU, and 128 of them" in one.reason
        assert one.reason.endswith("--cpus 4")
        assert of(simulate(*run, [128], cpus=4), size="50.0").reason is None

    def test_is_a_round_of_more_chunks_than_anybody_waits_for(self, few):
        with pytest.raises(UsageError, match=f"chunks; at most {MOST_CHUNKS:,}"):
            simulate(*few, [MOST_CHUNKS])

    def test_is_a_round_of_more_tasks_than_there_is_memory_for(self):
        run = pool_run(dealing, workers=(8, 12, 16), backend="mpi", distribution="block", suites=((0.05, 50),), chunksize=None)
        with pytest.raises(UsageError, match=f"a round of {MOST_TASKS + 50:,} tasks; at most {MOST_TASKS:,}"):
            simulate(*run, [MOST_TASKS // 50 + 1], cpus=MOST_TASKS)


def test_held_out_counts_are_predicted_from_the_smaller_ones_alone(run):
    found = held_out(*run, up_to=32, at=64)
    assert set(found["measure"]) == {"wall_s", "startup_s", "launch_s"}
    assert len(found) == 6
    assert found["ratio"].between(0.97, 1.03).all()
    assert held_out(*run, up_to=32, at=65).empty


def test_each_curve_is_checked_at_its_largest_count_from_half_of_it_and_fewer(run):
    rounds, tasks = run
    found = simulate(rounds, tasks, [1000])
    checks = at_the_largest(rounds, tasks, found)
    assert [set(zip(one["up_to"], one["workers"], strict=True)) for one in checks] == [{(32, 64)}, {(32, 64)}]
    assert [set(one["size"]) for one in checks] == [{one.identity["size"]} for one in found]
    assert all(one["ratio"].between(0.97, 1.03).all() for one in checks)


def test_a_curve_whose_counts_are_all_more_than_half_of_the_largest_has_no_check():
    run = pool_run(pool, workers=(8, 12, 15))
    assert [one.empty for one in at_the_largest(*run, simulate(*run, [64]))] == [True, True]


def test_held_out_counts_without_enough_below_say_why(run):
    found = held_out(*run, up_to=16, at=32)
    assert found["ratio"].isna().all()
    assert found["reason"].str.contains("at 2").all()
