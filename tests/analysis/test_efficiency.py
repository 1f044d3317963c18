"""The account of efficiency: a product that closes, losses that add up, and nulls where nothing can be told.

That the factors are the right ones is shown with real pools in ``test_attribution``.
"""

import math

import numpy as np
import pandas as pd
import pytest
from factories import make_rounds, sweep_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from scalebench.analysis.efficiency import CPU, FACTORS, LOSSES, PRODUCT, account, logarithmic_mean
from scalebench.analysis.scaling import scaling

PROCESSES = {"backend": "processes", "start_method": "fork", "workers": 4}
MEASURED = ["wall_s", "busy_s", "busy_max_s", "cpu_s"]


def with_pool(rounds, backend="processes"):
    """The account's one row of a case on this backend."""
    found = account(rounds)
    found = found[found["backend"] == backend]
    assert len(found) == 1
    return found.iloc[0]


def lost(case):
    return {name: case[f"lost_to_{name}"] for name in LOSSES if not pd.isna(case[f"lost_to_{name}"])}


positive = st.floats(1e-4, 1e4)
one_block = st.fixed_dictionaries(dict.fromkeys(MEASURED, positive) | {"work_units": st.integers(1, 10**9)})
blocks = st.lists(st.tuples(one_block, one_block), min_size=1, max_size=5)


class TestTheProduct:
    @settings(max_examples=12)
    @given(blocks, st.sampled_from(["strong", "weak"]), st.sampled_from(["crunch", "spin"]))
    def test_is_the_efficiency_whatever_was_measured(self, pairs, scaling_of, kind):
        """Strong, weak, and work that depends on the time: any positive numbers, to 1e-9."""
        tasks = {"strong": (24, 24), "weak": (6, 24)}[scaling_of]
        common = {"scaling": scaling_of, "kind": kind, "size": "5"}
        rows = []
        for block, (serial, pool) in enumerate(pairs):
            # a baseline that is not mostly waiting: else there are no CPU factors
            rows.append({"block": block, **common, **serial, "cpu_s": serial["busy_s"], "tasks": tasks[0]})
            rows.append({"block": block, **common, **pool, "tasks": tasks[1], **PROCESSES})
        case = with_pool(make_rounds(*rows))
        assert math.prod(case[PRODUCT]) == pytest.approx(case["efficiency"], rel=1e-9)
        assert math.prod(case[CPU]) == pytest.approx(case["computation_scalability"], rel=1e-9)
        assert sum(lost(case).values()) == pytest.approx(1 - case["efficiency"], rel=1e-9, abs=1e-9)
        expected = [
            pool["work_units"] / (4 * pool["wall_s"]) / (serial["work_units"] / serial["wall_s"]) for serial, pool in pairs
        ]
        assert case["efficiency"] == pytest.approx(np.exp(np.mean(np.log(expected))), rel=1e-9)

    def test_is_of_the_efficiency_that_the_scaling_table_prints(self):
        rounds = make_rounds(*sweep_rows())
        table = scaling(rounds)
        pd.testing.assert_frame_equal(account(rounds)[list(table.columns)], table)

    def test_has_all_its_figures_of_the_median_round(self):
        """Figures of other rounds would give other factors: only the middle one has a dispatch efficiency of a half."""
        pool = [{"round": number, "wall_s": wall_s, "busy_max_s": busy, "busy_s": 4 * busy, **PROCESSES}
                for number, (wall_s, busy) in enumerate([(0.9, 0.1), (1.0, 0.5), (1.1, 1.1)])]  # fmt: skip
        assert with_pool(make_rounds({}, *pool))["dispatch_efficiency"] == pytest.approx(0.5)

    def test_pairs_each_launch_with_the_baseline_of_its_block(self):
        """Whatever the moods of the blocks are, a unit of work costs the same: no factor moves, and no interval is wide."""
        rows = []
        for block, mood in enumerate([1.0, 3.0, 10.0]):
            times = dict.fromkeys(MEASURED, mood)
            rows += [
                {"block": block, **times},
                {"block": block, **times, "wall_s": mood / 4, "busy_max_s": mood / 4, **PROCESSES},
            ]
        case = with_pool(make_rounds(*rows))
        for name in ("computation_scalability", "load_balance", "dispatch_efficiency", "efficiency"):
            assert case[[name, f"{name}_low", f"{name}_high"]].tolist() == pytest.approx([1.0] * 3)

    def test_has_intervals_from_three_blocks_on(self):
        few, enough = (with_pool(make_rounds(*sweep_rows(workers=(2,), blocks=blocks))) for blocks in (2, 3))
        assert few[[f"{name}_low" for name in FACTORS]].isna().all()
        assert few[FACTORS].notna().all()
        assert enough[[f"{name}_{end}" for name in FACTORS for end in ("low", "high")]].notna().all()


EIGHT = {"wall_s": 8.0, "busy_s": 8.0, "busy_max_s": 8.0, "cpu_s": 8.0}
FOUR = {"wall_s": 4.0, "busy_s": 4.0, "busy_max_s": 4.0, "cpu_s": 4.0, "cpu_wait_s": 0.0}
POOL = {"wall_s": 2.0, "busy_s": 8.0, "busy_max_s": 2.0, "cpu_s": 4.0, **PROCESSES}
BLAS = {"kind": "blas", "size": "50x1"}


class TestAFactor:
    def factors(self, **pool):
        ideal = {"wall_s": 2.0, "busy_s": 8.0, "busy_max_s": 2.0, "cpu_s": 8.0}
        case = with_pool(make_rounds(EIGHT, {**ideal, **pool, **PROCESSES}))
        return {name: round(case[name], 9) for name in FACTORS if abs(case[name] - 1) > 1e-9}, case

    def test_of_an_ideal_pool_is_one(self):
        assert self.factors()[0] == {}

    @pytest.mark.parametrize(
        ("pool", "factor", "value"),
        [
            ({"wall_s": 4.0}, "dispatch_efficiency", 0.5),
            ({"wall_s": 4.0, "busy_max_s": 4.0}, "load_balance", 0.5),
        ],
    )
    def test_is_the_only_one_to_move_where_one_thing_goes_wrong(self, pool, factor, value):
        moved, case = self.factors(**pool)
        assert moved == {factor: value}
        assert (case["lost_to"], round(case["lost"], 9)) == (factor, 0.5)

    def test_of_tasks_that_wait_is_availability_and_of_tasks_that_compute_longer_is_cost(self):
        longer = {"wall_s": 4.0, "busy_s": 16.0, "busy_max_s": 4.0}
        assert self.factors(**longer)[0] == {"computation_scalability": 0.5, "cpu_availability": 0.5}
        assert self.factors(**longer, cpu_s=16.0)[0] == {"computation_scalability": 0.5, "cpu_cost": 0.5}

    def test_of_a_baseline_that_loses_time_itself_is_a_gain(self):
        rounds = make_rounds({**EIGHT, "wall_s": 10.0}, {**EIGHT, "wall_s": 2.0, "busy_max_s": 2.0, **PROCESSES})
        case = with_pool(rounds)
        assert case["baseline_overhead"] == pytest.approx(1.25)
        assert (case["gained_by"], case["gained"]) == ("baseline_overhead", pytest.approx(0.25))
        assert pd.isna(case["lost_to"])

    def test_of_idle_workers_counts_them_all(self):
        """One task, four workers asked for: three never had one."""
        moved, _ = self.factors(wall_s=8.0, busy_max_s=8.0)
        assert moved == {"load_balance": 0.25}


class TestTheBaseline:
    def test_has_as_many_blas_threads(self):
        rounds = make_rounds(
            {"wall_s": 4.0, "busy_s": 4.0, "blas_threads": 1, **BLAS},
            {"wall_s": 2.0, "busy_s": 2.0, "cpu_s": 4.0, "blas_threads": 2, **BLAS},
            {"wall_s": 0.5, "busy_s": 2.0, "busy_max_s": 0.5, "cpu_s": 4.0, "blas_threads": 2, **BLAS, **PROCESSES},
        )
        case = with_pool(rounds)
        assert case[["efficiency", "cpu_cost", "cpu_availability"]].tolist() == pytest.approx([1.0] * 3)
        assert case["speedup"] == pytest.approx(8.0)
        assert case["efficiency_per_thread"] == pytest.approx(1.0)

    def test_that_is_missing_with_as_many_threads_leaves_the_speedup(self):
        case = with_pool(make_rounds({"blas_threads": 1, **BLAS}, {"blas_threads": 2, **BLAS, **PROCESSES}))
        assert case["speedup"] == pytest.approx(1.0)
        assert case[["efficiency", *FACTORS]].isna().all()

    def test_that_mostly_waits_leaves_the_cpu_factors_null_and_the_rest_whole(self):
        rounds = make_rounds(
            {"kind": "sleep", "size": "5", "cpu_s": 0.001},
            {"kind": "sleep", "size": "5", "wall_s": 0.5, "busy_s": 2.0, "busy_max_s": 0.5, "cpu_s": 0.1, **PROCESSES},
        )
        case = with_pool(rounds)
        assert case[CPU].isna().all()
        assert math.prod(case[PRODUCT]) == pytest.approx(case["efficiency"], rel=1e-9)
        assert (case["lost_to"], case["lost_to_computation_scalability"]) == ("computation_scalability", pytest.approx(0.5))

    def test_of_relative_speedup_is_one_worker_of_the_same_interface(self):
        rows = [
            {"wall_s": 4.0},
            *({"wall_s": wall_s, **PROCESSES, "workers": workers, "chunksize": chunksize}
              for chunksize, one in ((None, 8.0), (4, 5.0)) for workers, wall_s in ((1, one), (2, one / 2))),
        ]  # fmt: skip
        found = scaling(make_rounds(*rows)).set_index(["backend", "workers"])
        assert found.loc[("processes", 2), "relative_speedup"].tolist() == pytest.approx([2.0, 2.0])
        assert found.loc[[("serial", 1)], "relative_speedup"].tolist() == pytest.approx([1.0])

    def test_of_weak_relative_speedup_has_the_tasks_of_one_worker(self):
        weak = {"scaling": "weak"}
        rounds = make_rounds(
            {"tasks": 10, "work_units": 10, "wall_s": 1.0, **weak},
            {"tasks": 10, "work_units": 10, "wall_s": 2.0, **weak, **PROCESSES, "workers": 1},
            {"tasks": 40, "work_units": 40, "wall_s": 2.0, **weak, **PROCESSES},
        )
        assert scaling(rounds).set_index("workers").loc[4, "relative_speedup"] == pytest.approx(4.0)


class TestNulls:
    def test_stand_where_cpu_time_cant_cover_the_blas_threads(self):
        case = with_pool(make_rounds({}, {"busy_s": 2.0, "cpu_s": None, "backend": "threads", "workers": 2}), "threads")
        assert case[CPU].isna().all()
        assert case[PRODUCT].notna().all()

    def test_stand_where_tasks_were_not_recorded_but_the_efficiency_stays(self):
        off = {"busy_s": None, "busy_max_s": None, "cpu_s": None, "cpu_wait_s": None, "task_timing": "off"}
        case = with_pool(make_rounds(off, {**off, **PROCESSES}))
        assert case["efficiency"] == pytest.approx(0.25)
        assert case[[*FACTORS, "lost_to", "lost", *(f"lost_to_{name}" for name in LOSSES)]].isna().all()

    @pytest.mark.parametrize("name", ["busy_s", "busy_max_s", "cpu_s"])
    @pytest.mark.parametrize("value", [0.0, None])
    def test_stand_in_all_blocks_where_one_lacks_a_figure(self, name, value):
        """A factor of four blocks and an efficiency of five would not close."""
        rows = [{"block": block, **case} for block in range(3) for case in ({}, PROCESSES)]
        rows[-1] |= {name: value}
        case = with_pool(make_rounds(*rows))
        assert case["efficiency"] == pytest.approx(0.25)
        assert case[FACTORS if name != "cpu_s" else CPU].isna().all()

    def test_are_not_called_for_by_a_block_without_a_baseline(self):
        rounds = make_rounds({}, {**PROCESSES}, {"block": 1, "status": "crashed"}, {"block": 1, "busy_s": 0.0, **PROCESSES})
        assert with_pool(rounds)[FACTORS].notna().all()

    @pytest.mark.parametrize("status", ["failed", "timeout", "crashed", "unavailable", "mismatch", "skipped"])
    def test_stand_in_cases_that_failed_and_stay_in_the_table(self, status):
        case = with_pool(make_rounds({}, {"status": status, **PROCESSES}))
        assert case["status"] == status
        assert case[["efficiency", *FACTORS, "payback_tasks", "lost_to"]].isna().all()
        assert not case["superlinear"]

    def test_stand_for_work_that_nobody_counted(self):
        assert with_pool(make_rounds({"work_units": 0}, {"work_units": 0, **PROCESSES}))[["efficiency", *FACTORS]].isna().all()

    def test_of_no_rounds_or_no_good_ones_are_a_table_still(self):
        assert account(make_rounds()).empty
        assert account(make_rounds({"status": "crashed"}))["lost_to"].isna().all()


class TestWaiting:
    def lost(self, **pool):
        return lost(with_pool(make_rounds(FOUR, {**POOL, **pool})))

    def test_is_for_a_cpu_as_far_as_the_cpu_wait_explains_it(self):
        for wait_s, share in ((4.0, 1.0), (3.0, 0.75), (0.0, 0.0)):
            found = self.lost(cpu_wait_s=wait_s)
            assert found["cpu_wait"] == pytest.approx(0.5 * share)
            assert found["waiting"] == pytest.approx(0.5 * (1 - share))
            assert "cpu_availability" not in found

    def test_is_not_told_apart_where_the_system_does_not_tell_the_cpu_wait(self):
        found = self.lost(cpu_wait_s=None)
        assert found["cpu_availability"] == pytest.approx(0.5)
        assert not {"cpu_wait", "waiting"} & found.keys()

    def test_with_blas_threads_is_not_called_a_lock_since_only_one_thread_tells_its_wait(self):
        blas = {"kind": "blas", "size": "50x1", "blas_threads": 2}
        found = lost(with_pool(make_rounds({**FOUR, **blas}, {**POOL, "cpu_wait_s": 1.0, **blas})))
        assert found["cpu_wait"] == pytest.approx(0.125)
        assert found["cpu_availability"] == pytest.approx(0.375)
        assert "waiting" not in found

    def test_that_the_baseline_has_too_explains_nothing(self):
        """Half of each task waits for a CPU in both: nothing was lost by waiting."""
        both = {"cpu_s": 4.0, "busy_s": 8.0, "cpu_wait_s": 4.0}
        case = with_pool(make_rounds({**FOUR, **both, "wall_s": 8.0}, {**POOL, **both}))
        assert case["cpu_availability"] == pytest.approx(1.0)
        assert pd.isna(case["lost_to_cpu_wait"])


class TestPoints:
    @given(st.floats(1e-3, 1e3))
    def test_weigh_between_one_and_the_efficiency(self, efficiency):
        mean = float(logarithmic_mean(np.array([efficiency]))[0])
        assert min(1, efficiency) - 1e-12 <= mean <= max(1, efficiency) + 1e-12

    def test_of_an_efficiency_of_one_still_add_up(self):
        """What one factor gains another loses."""
        serial = {"wall_s": 4.0, "busy_s": 4.0, "busy_max_s": 4.0, "cpu_s": 4.0}
        case = with_pool(make_rounds(serial, {"wall_s": 1.0, "busy_s": 2.0, "busy_max_s": 0.5, "cpu_s": 2.0, **PROCESSES}))
        assert case["efficiency"] == pytest.approx(1.0)
        assert lost(case)["dispatch_efficiency"] == pytest.approx(math.log(2))
        assert lost(case)["cpu_cost"] == pytest.approx(-math.log(2))

    def test_of_the_largest_loss_have_an_interval_that_includes_nothing_where_the_factors_does(self):
        """The CPU cost swings about 1 from block to block; the load balance is a half in each."""
        rows = []
        for block, cost in enumerate([0.7, 1.0, 1.4]):
            rows.append({"block": block, "wall_s": 1.0, "busy_s": 1.0, "cpu_s": 1.0, "busy_max_s": 1.0})
            pool = {"busy_s": cost, "cpu_s": cost, "busy_max_s": cost / 2, "wall_s": cost / 2}
            rows.append({"block": block, **pool, **PROCESSES})
        case = with_pool(make_rounds(*rows))
        assert case["lost_to"] == "load_balance"
        assert case[["lost", "lost_low", "lost_high"]].tolist() == pytest.approx([case["lost"]] * 3)
        assert case["cpu_cost_low"] < 1 < case["cpu_cost_high"]

    def test_below_half_a_point_have_no_name(self):
        case = with_pool(make_rounds({}, {"wall_s": 0.251, "busy_max_s": 0.25, **PROCESSES}))
        assert 0 < case["lost_to_dispatch_efficiency"] < 0.005
        assert case[["lost_to", "lost", "gained_by", "gained"]].isna().all()


PROGRAM = {"backend": "program", "workload": "./solve", "kind": None, "size": None, "imbalance": None, "work_units": 6,
           **dict.fromkeys(["busy_s", "busy_max_s", "cpu_s", "cpu_wait_s"])}  # fmt: skip


class TestAProgram:
    """It has no tasks that could be timed, but the CPU time of all its processes."""

    def account(self, *rows):
        found = account(make_rounds(*({**PROGRAM, **row} for row in rows)))
        return found[found["workers"] == 4].iloc[0]

    def test_has_its_cpu_cost_and_the_use_of_cpus_and_they_multiply_to_the_efficiency(self):
        """12 s alone, of CPU 9; with four workers 4 s, of CPU 12: a third more for the work, and 3 CPUs busy in place of 4 x 0.75."""
        case = self.account({"wall_s": 12.0, "cpu_tree_s": 9.0}, {"wall_s": 4.0, "cpu_tree_s": 12.0, "workers": 4})
        assert case["efficiency"] == pytest.approx(0.75)
        assert case["cpu_cost"] == pytest.approx(0.75)
        assert case["cpu_use"] == pytest.approx(1.0)
        assert case[[name for name in FACTORS if name != "cpu_cost"]].isna().all()
        assert lost(case) == pytest.approx({"cpu_cost": 0.25, "cpu_use": 0.0})
        assert case["lost_to"] == "cpu_cost"

    @settings(max_examples=15)
    @given(*[st.floats(0.01, 100)] * 4, st.integers(1, 1000))
    def test_closes_whatever_was_measured(self, wall_one, cpu_one, wall_s, cpu_s, work):
        case = self.account(
            {"wall_s": wall_one, "cpu_tree_s": cpu_one}, {"wall_s": wall_s, "cpu_tree_s": cpu_s, "workers": 4, "work_units": work}
        )
        assert case["efficiency"] == pytest.approx(work / (4 * wall_s) / (6 / wall_one))
        assert case["cpu_cost"] == pytest.approx((cpu_one / 6) / (cpu_s / work))
        assert case["cpu_cost"] * case["cpu_use"] == pytest.approx(case["efficiency"])
        assert sum(lost(case).values()) == pytest.approx(1 - case["efficiency"], rel=1e-9, abs=1e-9)

    def test_whose_cpu_time_one_block_lacks_has_no_factors(self):
        rows = [{"block": block, "workers": workers} for block in range(3) for workers in (1, 4)]
        rows[-1]["cpu_tree_s"] = None
        case = self.account(*rows)
        assert case["efficiency"] == pytest.approx(0.25)
        assert case[["cpu_cost", "cpu_use", "lost_to"]].isna().all()

    def test_has_no_start_to_pay_back(self):
        assert pd.isna(self.account({"wall_s": 12.0}, {"wall_s": 4.0, "workers": 4})["payback_tasks"])


class TestSuperlinear:
    def case(self, gains):
        return with_pool(make_rounds(
            *({"block": block, **case} for block, gain in enumerate(gains)
              for case in ({}, {"wall_s": 0.25 / gain, "busy_max_s": 0.25 / gain, "busy_s": 1 / gain, "cpu_s": 1 / gain,
                                **PROCESSES}))
        ))  # fmt: skip

    def test_is_a_case_whose_whole_interval_is_above_one(self):
        assert self.case([1.2, 1.21, 1.22])["superlinear"]
        assert not self.case([0.8, 1.2, 1.6])["superlinear"]

    def test_is_not_shown_by_two_blocks_or_by_rounding(self):
        assert not self.case([1.2, 1.2])["superlinear"]
        assert not self.case([1.0, 1.0, 1.0])["superlinear"]

    def test_names_the_factor_that_gained(self):
        assert self.case([1.2, 1.21, 1.22])["gained_by"] == "cpu_cost"


class TestPayback:
    def case(self, *walls, startup_s=3.0, **asked):
        return with_pool(make_rounds(
            *({"block": block, **case, **asked} for block, wall_s in enumerate(walls)
              for case in ({"wall_s": 10.0}, {"wall_s": wall_s, "startup_s": startup_s, **PROCESSES}))
        ))  # fmt: skip

    def test_is_the_start_by_what_each_task_saves(self):
        """24 tasks: 10 s without a pool and 4 s with one, a quarter of a second saved by each; the start took 3 s."""
        assert self.case(4.0)["payback_tasks"] == pytest.approx(12)

    def test_is_null_where_nothing_is_saved(self):
        for wall_s in (10.0, 12.0):
            assert pd.isna(self.case(wall_s)["payback_tasks"])

    def test_is_open_above_where_it_is_not_shown_that_anything_is_saved(self):
        unsure = self.case(5.0, 9.0, 14.0)
        assert unsure["payback_tasks_low"] < unsure["payback_tasks"]
        assert pd.isna(unsure["payback_tasks_high"])
        sure = self.case(4.0, 4.1, 4.2)
        assert sure["payback_tasks_low"] < sure["payback_tasks"] < sure["payback_tasks_high"]

    def test_is_null_for_serial_itself(self):
        found = account(make_rounds({"wall_s": 1.0}))
        assert pd.isna(found["payback_tasks"].iloc[0])


class TestTheTable:
    def test_leaves_its_input_as_it_was_and_does_not_depend_on_its_order(self):
        rounds = make_rounds(*sweep_rows(), {"status": "crashed", "workers": 8, "backend": "processes"})
        before = rounds.copy(deep=True)
        whole = account(rounds)
        pd.testing.assert_frame_equal(rounds, before)
        pd.testing.assert_frame_equal(account(rounds.sample(frac=1, random_state=3)), whole, check_exact=False)

    def test_of_two_runs_keeps_them_apart(self):
        later = "20260201T120000-ffffff"
        rounds = pd.concat([make_rounds(*sweep_rows()), make_rounds(*sweep_rows(), run_id=later)], ignore_index=True)
        found = account(rounds)
        assert found.groupby("run_id").size().tolist() == [4, 4]
        one, other = (found[found["run_id"] == run][FACTORS].to_numpy() for run in found["run_id"].unique())
        assert one == pytest.approx(other)
