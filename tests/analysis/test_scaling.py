"""Speedup and efficiency from work per second, against the serial baseline of the same block."""

import math

import pandas as pd
import pytest
from factories import make_case, make_rounds, sweep_rows

from scalebench.analysis.scaling import failed_cases, launches, scaling, with_baseline

PROCESSES = {"backend": "processes", "start_method": "fork"}


def of(table, **which):
    """The one row of a table that has these values."""
    found = table
    for name, value in which.items():
        found = found[found[name] == value]
    assert len(found) == 1, f"{len(found)} rows have {which}"
    return found.iloc[0]


def walls(rounds):
    return launches(rounds)["wall_s"].tolist()


class TestLaunches:
    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [([3.0], 3.0), ([1.0, 5.0, 2.0], 2.0), ([4.0, 1.0, 3.0, 2.0], 2.0), ([2.0, 2.0, 9.0, 2.0, 9.0], 2.0)],
    )
    def test_are_stood_for_by_the_lower_median_round(self, seconds, expected):
        rounds = make_rounds(*({"round": number, "wall_s": wall_s} for number, wall_s in enumerate(seconds)))
        assert walls(rounds) == [expected]

    def test_have_all_values_of_that_one_round(self):
        rounds = make_rounds(
            {"round": 0, "wall_s": 3.0, "work_units": 30},
            {"round": 1, "wall_s": 1.0, "work_units": 10},
            {"round": 2, "wall_s": 2.0, "work_units": 20},
        )
        assert launches(rounds)[["round", "wall_s", "work_units"]].to_numpy().tolist() == [[2, 2.0, 20]]

    def test_do_not_count_their_warm_up(self):
        assert walls(make_rounds({"warmup": True, "wall_s": 9.0}, {"wall_s": 1.0}, {"round": 1, "wall_s": 2.0})) == [1.0]

    def test_are_one_a_case_and_block(self):
        rounds = make_rounds(*({"block": block, "workers": workers, "round": number, **PROCESSES}
                               for block in range(3) for workers in (1, 2) for number in range(4)))  # fmt: skip
        assert len(launches(rounds)) == 6

    def test_keep_the_order_of_the_rows(self):
        rounds = make_rounds({"block": 1, "wall_s": 5.0}, {"block": 0, "wall_s": 9.0}, {"block": 2, "wall_s": 1.0})
        assert walls(rounds) == [5.0, 9.0, 1.0]

    @pytest.mark.parametrize("status", ["failed", "timeout", "crashed", "unavailable", "mismatch", "skipped"])
    def test_that_did_not_run_well_have_no_row(self, status):
        assert walls(make_rounds({"status": status})) == []

    def test_that_mended_a_failure_are_stood_for_by_their_own_rounds(self):
        """The first attempt made two rounds before it crashed; they are not the second attempt's."""
        rounds = make_rounds(
            {"attempt": 0, "round": 0, "wall_s": 1.0}, {"attempt": 0, "round": 1, "wall_s": 1.0},
            {"attempt": 0, "round": 2, "status": "crashed"}, {"attempt": 1, "round": 0, "wall_s": 5.0},
        )  # fmt: skip
        assert walls(rounds) == [5.0]

    def test_that_crashed_after_some_rounds_have_no_row(self):
        assert walls(make_rounds({"round": 0, "wall_s": 1.0}, {"round": 1, "status": "crashed"})) == []

    def test_whose_answers_differ_in_one_round_have_no_row(self):
        assert walls(make_rounds({"round": 0, "wall_s": 1.0}, {"round": 1, "wall_s": 1.0, "status": "mismatch"})) == []


class TestBaseline:
    def test_is_that_of_the_same_block(self):
        rounds = make_rounds(
            {"block": 0, "wall_s": 4.0}, {"block": 0, "wall_s": 2.0, "workers": 2, **PROCESSES},
            {"block": 1, "wall_s": 8.0}, {"block": 1, "wall_s": 2.0, "workers": 2, **PROCESSES},
        )  # fmt: skip
        found = with_baseline(launches(rounds))
        assert found["speedup"].tolist() == [1.0, 2.0, 1.0, 4.0]
        assert found["efficiency"].tolist() == [1.0, 1.0, 1.0, 2.0]

    def test_that_a_block_lacks_leaves_its_ratios_null_and_the_other_blocks_alone(self):
        rounds = make_rounds(
            {"block": 0, "wall_s": 4.0}, {"block": 0, "wall_s": 2.0, "workers": 2, **PROCESSES},
            {"block": 1, "status": "crashed"}, {"block": 1, "wall_s": 1.0, "workers": 2, **PROCESSES},
        )  # fmt: skip
        assert with_baseline(launches(rounds))["speedup"].fillna(-1).tolist() == [1.0, 2.0, -1.0]
        row = of(scaling(rounds), workers=2)
        assert (row["speedup"], row["blocks"]) == (pytest.approx(2.0), 2)
        assert row["wall_s"] == pytest.approx(2**0.5)

    def test_has_one_blas_thread(self):
        blas = {"kind": "blas", "size": "50x1"}
        rounds = make_rounds(
            {"blas_threads": 2, "wall_s": 1.0, **blas}, {"blas_threads": 1, "wall_s": 2.0, **blas},
            {"blas_threads": 2, "wall_s": 0.5, "workers": 2, **blas, **PROCESSES},
        )  # fmt: skip
        table = with_baseline(launches(rounds))
        assert table["speedup"].tolist() == [2.0, 1.0, 4.0]
        assert table["efficiency"].tolist() == [1.0, 1.0, 1.0]  # of serial with as many BLAS threads
        assert table["efficiency_per_thread"].tolist() == [1.0, 1.0, 1.0]

    def test_is_shared_by_workers_and_blas_threads(self):
        rounds = make_rounds({"wall_s": 8.0, "blas_threads": 1},
                             {"wall_s": 4.0, "workers": 4, "blas_threads": 2, **PROCESSES})  # fmt: skip
        assert with_baseline(launches(rounds))["efficiency_per_thread"].tolist() == [1.0, 2 / 4 / 2]

    def test_is_not_bound_to_a_cpu(self):
        rounds = make_rounds(
            {"binding": "cores", "wall_s": 1.0}, {"wall_s": 2.0}, {"wall_s": 0.5, "workers": 2, "binding": "cores", **PROCESSES}
        )  # fmt: skip
        assert with_baseline(launches(rounds))["speedup"].tolist() == [2.0, 1.0, 4.0]
        assert with_baseline(launches(rounds.iloc[::-1].reset_index(drop=True)))["speedup"].tolist() == [4.0, 1.0, 2.0]

    @pytest.mark.parametrize(
        "other",
        [{"size": "60000"}, {"kind": "sleep"}, {"imbalance": 0.5}, {"seed": 1}, {"items_digest": "00"}, {"tasks": 48},
         {"variant": "new"}, {"run_id": "20260201T120000-ffffff"}, {"kind": None, "size": None, "imbalance": None,
          "workload": "mine:simulate"}],
        ids=lambda other: next(iter(other)),
    )  # fmt: skip
    def test_of_other_work_is_no_baseline(self, other):
        rounds = make_rounds({"wall_s": 4.0}, {"wall_s": 2.0, "workers": 2, **PROCESSES, **other})
        assert with_baseline(launches(rounds))["speedup"].isna().tolist() == [False, True]

    def test_of_a_function_is_found_although_it_has_no_kind_or_size(self):
        function = {"kind": None, "size": None, "imbalance": None, "workload": "mine:simulate", "blas_threads": 1}
        rounds = make_rounds({"wall_s": 4.0, **function}, {"wall_s": 2.0, "workers": 2, **function, **PROCESSES})
        assert with_baseline(launches(rounds))["speedup"].tolist() == [1.0, 2.0]

    def test_does_not_multiply_rows(self):
        rounds = make_rounds(*sweep_rows())
        assert len(with_baseline(launches(rounds))) == len(launches(rounds))


class TestScaling:
    def test_of_fixed_work_is_the_ratio_of_seconds(self):
        rounds = make_rounds(
            *({"block": block, "wall_s": wall_s, "workers": workers, **backend}
              for block in range(3) for workers, wall_s, backend in [(1, 8.0, {}), (2, 5.0, PROCESSES), (4, 4.0, PROCESSES)])
        )  # fmt: skip
        table = scaling(rounds)
        assert table["workers"].tolist() == [2, 4, 1]
        assert table["speedup"].tolist() == pytest.approx([1.6, 2.0, 1.0])
        assert table["efficiency"].tolist() == pytest.approx([0.8, 0.5, 1.0])
        assert table[["speedup_low", "speedup_high"]].to_numpy().ravel().tolist() == pytest.approx([1.6, 1.6, 2.0, 2.0, 1.0, 1.0])
        assert table["blocks"].tolist() == [3] * 3

    def test_of_a_busy_wait_is_found_out_by_its_work(self):
        """The trap: four workers on two CPUs take half the seconds each and do half the turns."""
        spin = {"kind": "spin", "size": "5"}
        rounds = make_rounds(
            {"wall_s": 4.0, "work_units": 4000, **spin}, {"wall_s": 2.0, "work_units": 4000, "workers": 2, **spin, **PROCESSES},
            {"wall_s": 1.0, "work_units": 2000, "workers": 4, **spin, **PROCESSES},
        )  # fmt: skip
        table = scaling(rounds).set_index("workers")
        assert table["speedup"].to_dict() == pytest.approx({1: 1.0, 2: 2.0, 4: 2.0})
        assert table["efficiency"].to_dict() == pytest.approx({1: 1.0, 2: 1.0, 4: 0.5})

    def test_that_is_weak_compares_with_the_work_of_one_worker(self):
        weak = {"scaling": "weak"}
        rounds = make_rounds(
            {"wall_s": 2.0, "tasks": 10, "work_units": 10, **weak},
            {"wall_s": 2.5, "tasks": 40, "work_units": 40, "workers": 4, **weak, **PROCESSES},
            {"wall_s": 2.0, "tasks": 30, "work_units": 30, "workers": 2, **weak, **PROCESSES},
        )  # fmt: skip
        table = scaling(rounds).set_index("workers")
        assert table.loc[4, "speedup"] == pytest.approx(3.2)
        assert table.loc[4, "efficiency"] == pytest.approx(0.8)
        assert pd.isna(table.loc[2, "speedup"])

    def test_that_is_strong_is_not_compared_with_a_weak_baseline(self):
        rounds = make_rounds({"scaling": "weak", "wall_s": 2.0}, {"wall_s": 1.0, "workers": 2, **PROCESSES})
        assert scaling(rounds).set_index("workers")["speedup"].isna().to_dict() == {1: False, 2: True}

    def test_pairs_blocks_before_it_averages(self):
        """Moods of a factor of ten between blocks leave the ratio of each block, and its interval, as they are."""
        rounds = make_rounds(
            *({"block": block, "wall_s": mood, **backend} for block, mood in enumerate([1.0, 10.0, 100.0])
              for backend in ({}, {"workers": 2, **PROCESSES}))
        )  # fmt: skip
        row = of(scaling(rounds), workers=2)
        assert row[["speedup", "speedup_low", "speedup_high"]].tolist() == pytest.approx([1.0] * 3)
        assert row["wall_s"] == pytest.approx(10.0)
        assert row["wall_s_high"] > 100

    def test_below_three_blocks_has_no_intervals(self):
        table = scaling(make_rounds(*sweep_rows(blocks=2)))
        assert table["speedup"].notna().all()
        assert table[["speedup_low", "efficiency_high", "wall_s_low"]].isna().all(axis=None)

    @pytest.mark.parametrize("status", ["failed", "timeout", "crashed", "unavailable", "mismatch", "skipped"])
    def test_keeps_cases_that_failed_with_status_and_message(self, status):
        rounds = make_rounds({"wall_s": 1.0}, {"workers": 2, "status": status, "message": "why", **PROCESSES})
        table = scaling(rounds)
        row = of(table, workers=2)
        assert (row["status"], row["message"], row["failed"], row["blocks"]) == (status, "why", 1, 0)
        assert row[["wall_s", "speedup", "efficiency", "startup_s"]].isna().all()
        assert of(table, workers=1)["status"] == "ok"

    def test_of_nothing_but_failures_is_a_table_still(self):
        table = scaling(make_rounds({"status": "crashed"}, {"status": "timeout", "workers": 2, **PROCESSES}))
        assert table["status"].tolist() == ["timeout", "crashed"]
        assert table["speedup"].isna().all()

    def test_counts_blocks_that_failed_beside_those_that_did_not(self):
        rounds = make_rounds(
            *({"block": block} for block in range(3)),
            {"block": 3, "status": "crashed"},
            {"block": 3, "attempt": 1, "status": "crashed"},
        )
        row = scaling(rounds).iloc[0]
        assert (row["blocks"], row["failed"], row["status"]) == (3, 1, "crashed")

    def test_tells_the_first_status_of_a_case_that_was_given_up(self):
        rounds = make_rounds(
            {"status": "crashed", "message": "died"}, {"block": 1, "status": "skipped", "message": "not launched again"}
        )
        assert scaling(rounds).iloc[0][["status", "message"]].tolist() == ["crashed", "died"]

    def test_flags_what_was_found_in_any_block(self):
        rounds = make_rounds(
            {"block": 0, "oversubscribed": False, "blas_found_min": 2, "blas_found_max": 2},
            {"block": 1, "oversubscribed": True, "blas_found_min": 1, "blas_found_max": 4},
            {"block": 2, "status": "crashed"},
        )  # fmt: skip
        row = scaling(rounds).iloc[0]
        assert row[["oversubscribed", "blas_found_min", "blas_found_max"]].tolist() == [True, 1, 4]

    def test_of_two_runs_keeps_them_apart(self):
        later = "20260201T120000-ffffff"
        rounds = pd.concat([make_rounds(*sweep_rows()), make_rounds(*sweep_rows(), run_id=later, wall_s=3.0)], ignore_index=True)
        table = scaling(rounds)
        assert table.groupby("run_id").size().to_dict() == {make_rounds({})["run_id"][0]: 4, later: 4}

    def test_of_no_rounds_is_an_empty_table(self):
        assert scaling(make_rounds()).empty

    @pytest.mark.parametrize(("serial", "parallel"), [(0, 0), (0, 5), (5, 0)])
    def test_of_work_that_nobody_counted_is_null_and_not_a_warning(self, serial, parallel):
        rounds = make_rounds(*({"block": block, "work_units": units, **backend} for block in range(3)
                               for units, backend in [(serial, {}), (parallel, {"workers": 2, **PROCESSES})]))  # fmt: skip
        row = of(scaling(rounds), workers=2)
        assert row[["speedup", "speedup_low", "speedup_high", "efficiency"]].isna().all()
        assert row["wall_s"] == pytest.approx(1.0)

    def test_leaves_its_input_as_it_was(self):
        rounds = make_rounds(*sweep_rows(), {"status": "crashed", "workers": 8, **PROCESSES})
        before = rounds.copy(deep=True)
        scaling(rounds)
        pd.testing.assert_frame_equal(rounds, before)

    def test_does_not_depend_on_the_order_of_the_rows(self):
        rounds = make_rounds(*sweep_rows(), {"status": "crashed", "workers": 8, **PROCESSES})
        mixed = rounds.sample(frac=1, random_state=3)
        pd.testing.assert_frame_equal(scaling(rounds), scaling(mixed), check_exact=False)


class TestCosts:
    """What else a case took, told beside its time."""

    def row(self, *rows):
        return scaling(make_rounds(*({"block": block, **row} for block, row in enumerate(rows)))).iloc[0]

    def test_of_cpu_are_a_geometric_mean_of_the_blocks_that_tell_them(self):
        assert self.row({"cpu_tree_s": 1.0}, {"cpu_tree_s": 4.0}, {"cpu_tree_s": None})["cpu_tree_s"] == pytest.approx(2.0)
        assert self.row({"cpu_tree_s": 9.0}, {"cpu_tree_s": 0.0})["cpu_tree_s"] == pytest.approx(9.0)  # a clock that did not move

    def test_of_memory_are_the_most_of_any_block(self):
        assert self.row({"rss_peak_bytes": 5}, {"rss_peak_bytes": 9}, {"rss_peak_bytes": 7})["rss_peak_bytes"] == 9

    def test_a_programs_own_figure_has_an_interval_where_it_is_positive(self):
        found = self.row(*({"figure_of_merit": value} for value in (10.0, 20.0, 40.0)))
        assert found["figure_of_merit"] == pytest.approx(20.0)
        half = 4.3027 * math.log(2) / math.sqrt(3)  # t of two degrees of freedom
        ends = [20 * math.exp(-half), 20 * math.exp(half)]
        assert found[["figure_of_merit_low", "figure_of_merit_high"]].tolist() == pytest.approx(ends, rel=1e-4)

    def test_a_programs_own_figure_is_a_median_where_it_is_not(self):
        found = self.row(*({"figure_of_merit": value} for value in (-3.0, 8.0, 1.0)))
        assert found["figure_of_merit"] == 1.0
        assert found[["figure_of_merit_low", "figure_of_merit_high"]].isna().all()

    def test_are_null_where_none_was_told_and_those_of_a_case_its_own(self):
        assert (
            self.row({"cpu_tree_s": None, "rss_peak_bytes": None})[["cpu_tree_s", "rss_peak_bytes", "figure_of_merit"]]
            .isna()
            .all()
        )
        rounds = make_rounds(
            *({"workers": workers, "figure_of_merit": value, "cpu_tree_s": 10.0 * workers, "rss_peak_bytes": workers, **PROCESSES}
              for workers, value in ((1, -1.0), (2, 5.0)))
        )  # fmt: skip
        found = scaling(rounds).set_index("workers")
        assert found["figure_of_merit"].to_dict() == pytest.approx({1: -1.0, 2: 5.0})
        assert found["cpu_tree_s"].to_dict() == pytest.approx({1: 10.0, 2: 20.0})
        assert found["rss_peak_bytes"].to_dict() == {1: 1, 2: 2}


def test_rows_are_in_the_order_of_what_was_asked_and_sizes_in_that_of_their_numbers():
    rounds = make_rounds(
        *({"size": size, "workers": workers, "backend": backend}
          for size in ("1000", "9", "20") for backend, workers in (("threads", 2), ("serial", 1), ("threads", 16), ("threads", 3)))
    )  # fmt: skip
    found = scaling(rounds)[["size", "backend", "workers"]].to_numpy().tolist()
    assert found == [[size, *one] for size in ("9", "20", "1000")
                     for one in (["serial", 1], ["threads", 2], ["threads", 3], ["threads", 16])]  # fmt: skip


PROGRAM = {"backend": "program", "workload": "./solve {workers}", "kind": None, "size": None, "imbalance": None}


class TestAProgram:
    def test_has_itself_with_one_worker_for_a_baseline(self):
        rounds = make_rounds(
            *({"wall_s": wall_s, "workers": workers, **PROGRAM} for workers, wall_s in ((1, 6.0), (2, 4.0), (3, 2.0)))
        )
        table = scaling(rounds).set_index("workers")
        assert table["speedup"].to_dict() == pytest.approx({1: 1.0, 2: 1.5, 3: 3.0})
        assert table["efficiency"].to_dict() == pytest.approx({1: 1.0, 2: 0.75, 3: 1.0})
        assert table["relative_speedup"].to_dict() == pytest.approx({1: 1.0, 2: 1.5, 3: 3.0})

    def test_with_one_worker_is_no_baseline_of_another_interface(self):
        rounds = make_rounds({"wall_s": 6.0, "workers": 1, **PROCESSES}, {"wall_s": 2.0, "workers": 2, **PROCESSES})
        assert scaling(rounds)[["speedup", "efficiency"]].isna().all(axis=None)


class TestFailedCases:
    CASE = make_case().case_id

    @pytest.mark.parametrize("status", ["failed", "timeout", "crashed", "mismatch"])
    def test_are_those_that_never_ran_well(self, status):
        rounds = make_rounds({"status": status}, {"attempt": 1, "status": status})
        assert failed_cases(rounds) == [self.CASE]

    @pytest.mark.parametrize("status", ["failed", "timeout", "crashed"])
    def test_are_not_those_that_a_second_attempt_mended(self, status):
        rounds = make_rounds({"status": status}, {"attempt": 1, "warmup": True}, {"attempt": 1})
        assert failed_cases(rounds) == []

    def test_are_those_whose_answers_differed_once_whatever_came_after(self):
        assert failed_cases(make_rounds({"status": "mismatch"}, {"attempt": 1})) == [self.CASE]

    def test_are_those_that_crashed_after_some_good_rounds(self):
        """What ran well before a crash does not mend it; only a launch after it does."""
        rounds = make_rounds({"round": 0}, {"round": 1}, {"round": 2, "status": "crashed"})
        assert failed_cases(rounds) == [self.CASE]

    def test_are_those_whose_second_attempt_crashed_later_than_the_first(self):
        rounds = make_rounds({"status": "crashed"}, {"attempt": 1, "round": 0}, {"attempt": 1, "round": 1, "status": "crashed"})
        assert failed_cases(rounds) == [self.CASE]

    def test_are_not_mended_by_the_warm_up_of_the_same_launch(self):
        rounds = make_rounds({"warmup": True}, {"status": "timeout"})
        assert failed_cases(rounds) == [self.CASE]

    def test_are_not_mended_by_another_block_or_another_run(self):
        """A case has the same id in every run."""
        assert failed_cases(make_rounds({"status": "crashed"}, {"block": 1})) == [self.CASE]
        other = {"run_id": "20260201T120000-ffffff", "attempt": 1}
        assert failed_cases(make_rounds({"status": "crashed"}, other)) == [self.CASE]

    @pytest.mark.parametrize(("required", "count"), [(["serial"], 1), (["processes"], 0), ([], 0)])
    def test_are_unavailable_ones_only_where_their_backend_was_required(self, required, count):
        assert len(failed_cases(make_rounds({"status": "unavailable"}), required)) == count

    def test_are_not_skipped_ones(self):
        assert failed_cases(make_rounds({"status": "skipped"}), ["serial", "processes"]) == []

    def test_of_a_good_run_are_none(self):
        assert failed_cases(make_rounds(*sweep_rows()), ["serial", "processes"]) == []

    def test_are_named_once_in_order(self):
        rounds = make_rounds(
            *({"workers": workers, "block": block, "status": "failed", **PROCESSES} for workers in (4, 2) for block in range(2))
        )
        assert failed_cases(rounds) == sorted(set(rounds["case_id"]))
