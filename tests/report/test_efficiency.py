"""The account as it is shown: cells in percent, doubts marked, a verdict in one sentence."""

import pandas as pd
import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.analysis.efficiency import LOSSES, account
from scalebench.report.efficiency import _CAUSES, _GAINED, _LOST, account_tables, verdict

PROCESSES = {"backend": "processes", "start_method": "fork", "workers": 4}
IDEAL = {"wall_s": 1.0, "busy_s": 4.0, "busy_max_s": 1.0, "cpu_s": 4.0, **PROCESSES}
SERIAL = {"wall_s": 4.0, "busy_s": 4.0, "busy_max_s": 4.0, "cpu_s": 4.0}


def tables(*rows, **about):
    return account_tables(make_result(make_rounds(*rows), **about))


def column(table, name):
    return [row[table.head.index(name)] for row in table.rows]


def in_blocks(*rows, blocks=3):
    """The same rows in each block, so that all has an interval, of no width."""
    return [{"block": block, **row} for block in range(blocks) for row in rows]


def said(*pools, serial=SERIAL):
    """The verdict on one pool: what its rows have in all of three blocks, or in each block."""
    pools = pools * 3 if len(pools) == 1 else pools
    rows = [{"block": block, **row} for block, pool in enumerate(pools) for row in (serial, {**IDEAL, **pool})]
    found = account(make_rounds(*rows))
    return verdict(found[found["backend"] != "serial"].iloc[0])


class TestATableWithoutAnyAccount:
    def test_has_the_start_and_says_why_there_is_no_more(self):
        (table,) = tables({**IDEAL, "startup_s": 0.1}, {**IDEAL, "workers": 2, "startup_s": 0.2})
        assert table.head == ["workers", "start\nms"]
        assert table.rows == [["2", "200"], ["4", "100"]]
        (told,) = [note for note in table.notes if note]
        assert told.startswith("No account: tasks not recorded")


class TestAVerdict:
    def test_says_how_much_went_to_the_largest_loss(self):
        waits = {"wall_s": 2.0, "busy_s": 8.0, "busy_max_s": 2.0, "cpu_wait_s": 4.0, "oversubscribed": True,
                 "runnable_threads": 4, "cpu_budget": 2}  # fmt: skip
        assert said(waits) == "4 workers: 50% efficient; 50 points lost waiting for a CPU (2.0x oversubscribed)"

    def test_of_a_wait_for_a_cpu_without_oversubscription_blames_what_scalebench_does_not_see(self):
        waits = {"wall_s": 2.0, "busy_s": 8.0, "busy_max_s": 2.0, "cpu_wait_s": 4.0}
        assert said(waits).endswith("waiting for a CPU (not oversubscribed by itself: a quota, or other programs)")

    @pytest.mark.parametrize(
        ("pool", "end"),
        [
            ({"busy_s": 8.0, "wall_s": 2.0, "busy_max_s": 2.0}, "50 points lost waiting (GIL, lock, I/O or sleep)"),
            ({"busy_s": 8.0, "wall_s": 2.0, "busy_max_s": 2.0, "cpu_wait_s": None},
             "50 points lost off the CPU (waiting for one, for a BLAS thread, a lock, I/O or sleep: not told apart)"),
            ({"busy_s": 8.0, "wall_s": 2.0, "busy_max_s": 2.0, "cpu_s": 8.0},
             "50 points lost to more CPU time per unit of work (cache, memory bandwidth, clock, hyperthreads)"),
            ({"wall_s": 2.0, "busy_max_s": 2.0}, "50 points lost to workers idle while the last one finishes"),
            ({"wall_s": 2.0}, "50 points lost sending and receiving tasks"),
            ({"wall_s": 1.01}, "1 point lost sending and receiving tasks"),
            ({}, "4 workers: 100% efficient; nothing lost"),
        ],
    )  # fmt: skip
    def test_names_the_loss_in_words(self, pool, end):
        assert said(pool).endswith(end)

    def test_of_idle_workers_says_what_left_them_without_a_task(self):
        idle = {"wall_s": 2.0, "busy_max_s": 2.0}
        few, uneven = ({"tasks": tasks, "work_units": 24} for tasks in (3, 5))
        assert said({**idle, **few}, serial={**SERIAL, **few}).endswith(
            "50 points lost to workers idle while the last one finishes (3 tasks for 4 workers)"
        )
        assert said({**idle, **uneven}, serial={**SERIAL, **uneven}).endswith("(5 tasks keep 4 workers 62% busy at most)")
        uneven["imbalance"] = 0.5
        assert said({**idle, **uneven}, serial={**SERIAL, **uneven}).endswith("while the last one finishes")
        crowded = {**idle, "oversubscribed": True, "runnable_threads": 4, "cpu_budget": 2}
        assert said(crowded).endswith("(2.0x oversubscribed: waiting for a CPU before a task counts as idle)")

    def test_says_when_the_largest_loss_may_be_none(self):
        """More CPU time in one block, less in another."""
        costs = [{"cpu_s": 4 * cost, "busy_s": 4 * cost, "busy_max_s": cost, "wall_s": cost} for cost in (0.8, 1.1, 1.6)]
        told = said(*costs)
        assert "lost to more CPU time per unit of work, not certain: -" in told
        assert "(cache" not in told  # what may be nothing has no cause

    def test_of_a_superlinear_case_says_what_gained(self):
        faster = [{"cpu_s": 3.2 + noise, "busy_s": 3.2 + noise, "busy_max_s": 0.8, "wall_s": 0.8} for noise in (0, 0.01, 0.02)]
        told = said(*faster)
        assert told.startswith("4 workers: 125% efficient, superlinear; 25 points gained: each unit of work took less CPU time")
        assert "fits a cache" in told

    def test_of_a_superlinear_weak_case_does_not_suspect_the_cache(self):
        """A worker has as much data as the baseline had."""
        rows = [row for block in range(3) for row in (
            {"block": block, **SERIAL, "tasks": 6, "work_units": 6}, {"block": block, **IDEAL, "tasks": 24, "work_units": 30})]  # fmt: skip
        found = account(make_rounds(*rows, scaling="weak"))
        told = verdict(found[found["workers"] == 4].iloc[0])
        assert "superlinear" in told
        assert "cache" not in told

    def test_of_a_superlinear_case_over_a_slow_baseline_blames_the_baseline(self):
        told = said({}, {}, {}, serial={**SERIAL, "wall_s": 6.0})
        assert told.endswith("superlinear; 50 points gained: the baseline itself spent time outside of its tasks")

    def test_of_unrecorded_tasks_says_so(self):
        off = {"busy_s": None, "busy_max_s": None, "cpu_s": None, "task_timing": "off"}
        assert (
            said(off, serial={**SERIAL, **off})
            == "4 workers: 100% efficient; no account of it: tasks were not recorded one by one"
        )

    def test_of_a_case_that_failed_is_none(self):
        assert said({"status": "crashed"}) is None

    def test_of_fewer_than_three_blocks_says_that_it_has_no_interval(self):
        idle = {"wall_s": 2.0, "busy_max_s": 2.0}
        for pool, told in ((idle, "50 points lost to workers idle while the last one finishes"), ({}, "nothing lost")):
            for blocks, end in ((1, "; of 1 block, no interval"), (2, "; of 2 blocks, no interval"), (3, "")):
                found = account(make_rounds(*in_blocks(SERIAL, {**IDEAL, **pool}, blocks=blocks)))
                assert verdict(found[found["workers"] == 4].iloc[0]).endswith(told + end)

    def test_of_a_baseline_in_fewer_than_three_blocks_says_so(self):
        rows = [*in_blocks(IDEAL), *in_blocks(SERIAL, blocks=2)]
        found = account(make_rounds(*rows))
        assert verdict(found[found["workers"] == 4].iloc[0]).endswith("; a baseline in too few blocks, no interval")

    def test_of_one_worker_is_in_the_singular(self):
        assert said({"workers": 1, "wall_s": 4.0, "busy_max_s": 4.0}).startswith("1 worker: 100%")

    def test_has_words_for_every_loss_and_gain(self):
        assert set(_LOST) == set(LOSSES)
        assert set(_CAUSES) | set(_GAINED) <= set(LOSSES)


class TestATable:
    def test_has_factors_in_percent_and_the_start_for_all_but_serial(self):
        (table,) = tables(SERIAL, {**IDEAL, "wall_s": 2.0, "busy_s": 8.0, "busy_max_s": 2.0, "startup_s": 0.5})
        assert table.title == "strong: account of strong scaling of crunch 50000, 24 tasks"
        assert table.sections == {0: "processes fork"}
        assert table.rows == [["4", "50", "100", "50", "100", "100", "100", "500", "6"]]

    def test_marks_what_is_not_shown_to_differ(self):
        costs = [{"cpu_s": 4 * cost, "busy_s": 4 * cost, "busy_max_s": cost, "wall_s": cost} for cost in (0.8, 1.1, 1.6)]
        (table,) = tables(*({"block": block, **row} for block, cost in enumerate(costs) for row in (SERIAL, {**IDEAL, **cost})))
        assert column(table, "CPU\ncost")[0].startswith("~")
        assert column(table, "efficiency")[0].startswith("~")
        assert any(note.startswith("~  not certain") for note in table.notes)

    def test_marks_nothing_where_there_are_no_intervals(self):
        (table,) = tables(SERIAL, IDEAL)
        assert not any("~" in cell for row in table.rows for cell in row)

    def test_says_from_when_on_a_pool_pays_or_that_it_never_does(self):
        slow = {"workers": 1, "wall_s": 5.0, "busy_s": 4.0, "busy_max_s": 4.0}
        (table,) = tables(SERIAL, {**IDEAL, "startup_s": 1.3}, {**IDEAL, **slow})
        assert column(table, "pays\nafter") == ["never", "11"]

    def test_of_cases_without_cpu_factors_has_their_product_in_a_table_of_its_own(self):
        found = tables(SERIAL, IDEAL, {**IDEAL, "backend": "threads", "start_method": None, "cpu_s": None})
        assert [("CPU\navailability" in table.head, "computation\nscalability" in table.head) for table in found] == [
            (True, False),
            (False, True),
        ]

    def test_leaves_out_cases_that_failed_and_tables_without_cases(self):
        assert tables(SERIAL, {**IDEAL, "status": "crashed"}) == []
        assert tables() == []

    def test_has_dashes_where_tasks_were_not_recorded_and_says_why(self):
        off = {"busy_s": None, "busy_max_s": None, "cpu_s": None, "task_timing": "off"}
        (table,) = tables({**SERIAL, **off}, {**IDEAL, **off})
        assert table.rows == [["4", "100", "-", "-", "-", "-", "125", "1"]]
        assert any(note.startswith("-  no account") for note in table.notes)

    def test_has_verdicts_below_the_names_of_their_interfaces_for_what_lost_a_tenth(self):
        (table,) = tables(*sweep_rows())
        assert table.notes[:2] == ["processes:", "4 workers: 50% efficient; 50 points lost waiting for a CPU "
                                   "(not oversubscribed by itself: a quota, or other programs)"]  # fmt: skip
        assert not any(note.startswith(("1 worker", "2 workers")) for note in table.notes)

    def test_says_what_the_columns_mean_once_for_all_tables(self):
        found = tables(*sweep_rows(), *sweep_rows(suite="weak", scaling="weak", tasks=24))
        assert len(found) >= 2
        assert [any("pays after:" in note for note in table.notes) for table in found] == [False] * (len(found) - 1) + [True]

    def test_of_mpi_says_where_its_start_begins(self):
        (table,) = tables(SERIAL, {**IDEAL, "backend": "mpi", "start_method": None})
        assert any("mpiexec" in note for note in table.notes)
        (table,) = tables(SERIAL, IDEAL)
        assert not any("mpiexec" in note for note in table.notes)

    def test_is_rectangular(self):
        for table in tables(*sweep_rows(), {**IDEAL, "workers": 8, "cpu_s": None}, {"status": "timeout", **PROCESSES}):
            assert {len(row) for row in table.rows} == {len(table.head)}
            assert set(table.sections) <= set(range(len(table.rows)))


def test_a_row_of_the_account_without_anything_has_no_verdict():
    assert verdict(pd.Series({"efficiency": None})) is None
