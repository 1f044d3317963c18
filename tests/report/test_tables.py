"""The tables of a report as data: what is in a cell, a title, a note."""

import pandas as pd
import pytest
from factories import RUN_ID, make_result, make_rounds, sweep_rows

from scalebench.analysis.scaling import scaling
from scalebench.report.numbers import number, ratio
from scalebench.report.tables import FLAGS, explained_by, findings_by_code, flags, interval, scaling_tables
from scalebench.results.schema import BAD_STATUSES, STATUSES

PROCESSES = {"backend": "processes", "start_method": "fork"}
LATER = "20260201T120000-ffffff"


def tables(*rows, **about):
    return scaling_tables(make_result(make_rounds(*rows), **about))


def column(table, name):
    return [row[table.head.index(name)] for row in table.rows]


class TestIntervals:
    def case(self, value, low, high):
        return pd.Series({"wall_s": value, "wall_s_low": low, "wall_s_high": high})

    def test_stand_in_brackets_behind_their_value(self):
        assert interval(self.case(1.0, 0.5, 2.0), "wall_s", 1e3, number) == "1000 [500,2000]"

    def test_that_are_missing_leave_the_value_alone(self):
        assert interval(self.case(1.0, float("nan"), float("nan")), "wall_s", 1.0, ratio) == "1.00"

    def test_of_no_value_are_a_dash(self):
        assert interval(self.case(float("nan"), float("nan"), float("nan")), "wall_s", 1.0, ratio) == "-"


class TestFlags:
    def of(self, **values):
        return flags(scaling(make_rounds(values)).iloc[0])

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({}, ""),
            ({"oversubscribed": True}, "o"),
            ({"oversubscribed": None}, ""),
            ({"blas_threads": 2, "blas_found_min": 2, "blas_found_max": 2}, ""),
            ({"blas_threads": 2, "blas_found_min": 1, "blas_found_max": 2}, "b"),
            ({"blas_threads": 2, "blas_found_min": 4, "blas_found_max": 4}, "b"),
            ({"blas_threads": 2}, ""),
            ({"blas_found_min": 2, "blas_found_max": 2}, ""),
            ({"status": "mismatch"}, "d"),
            ({"status": "failed"}, "f"),
            ({"status": "crashed"}, "f"),
            ({"status": "timeout"}, "f"),
            ({"status": "unavailable"}, "u"),
            ({"status": "skipped"}, "s"),
            ({"status": "crashed", "oversubscribed": True, "blas_threads": 1, "blas_found_min": 2, "blas_found_max": 2}, "obf"),
        ],
    )
    def test_are_letters_that_are_explained(self, values, expected):
        assert self.of(**values) == expected
        assert set(expected) <= set(FLAGS)

    def test_are_given_to_every_status_but_ok(self):
        assert [status for status in STATUSES if not self.of(status=status)] == ["ok"]
        assert all(self.of(status=status) for status in BAD_STATUSES)


class TestATable:
    def test_has_a_row_a_case_serial_first_below_the_name_of_its_backend(self):
        (table,) = tables(
            *sweep_rows(start_method=None), {"backend": "mpi-pool", "mpi_mode": "spawn", "chunksize": 4, "workers": 2}
        )
        assert table.sections == {0: "serial", 1: "mpi-pool spawn chunksize 4", 2: "processes"}
        assert column(table, "workers") == ["1", "2", "1", "2", "4"]

    def test_names_a_backend_once_for_each_of_its_own_values(self):
        rows = [{"workers": workers, "binding": binding, **PROCESSES} for workers in (1, 2) for binding in (None, "cores")]
        (table,) = tables(*rows)
        assert sorted(table.sections.values()) == ["processes fork", "processes fork bound to cores"]
        assert column(table, "workers") == ["1", "2", "1", "2"]

    def test_has_walls_speedups_and_efficiencies(self):
        (table,) = tables(*sweep_rows(workers=(1, 2), blocks=1))
        assert table.head == ["workers", "wall ms", "speedup", "relative\nspeedup", "efficiency %", "flags"]
        assert table.rows == [
            ["1", "1000", "1.00", "1.00", "100", ""],
            ["1", "1000", "1.00", "1.00", "100", ""],
            ["2", "500", "2.00", "2.00", "100", ""],
        ]

    def test_names_the_baseline_of_each_ratio(self):
        (table,) = tables(*sweep_rows())
        assert table.notes[0].startswith(
            "Baselines, of the same block: serial; of the relative speedup one worker of the same backend."
        )

    def test_flags_an_efficiency_above_one_only_where_its_whole_interval_is(self):
        moods = {"clear": [1.1, 1.1, 1.12], "noise": [0.9, 1.5, 1.1]}
        for name, expected in {"clear": "+", "noise": ""}.items():
            rows = [{"block": block, **case} for block, gain in enumerate(moods[name])
                    for case in ({"wall_s": 1.0}, {"wall_s": 0.5 / gain, "workers": 2, **PROCESSES})]  # fmt: skip
            (table,) = tables(*rows)
            assert column(table, "flags") == ["", expected]

    def test_has_intervals_from_three_blocks_on(self):
        (table,) = tables(*sweep_rows(workers=(2,), blocks=3))
        assert all("[" in cell for name in ("wall ms", "speedup", "efficiency %") for cell in column(table, name))
        assert "95% intervals over blocks" in table.notes[0]
        assert "geometric mean of 3 blocks" in table.notes[0]
        (table,) = tables(*sweep_rows(workers=(2,), blocks=2))
        assert not any("[" in cell for row in table.rows for cell in row)
        assert "no intervals: they need 3 blocks" in table.notes[0]

    @pytest.mark.parametrize(("wall_s", "head", "cell"), [(9.0, "wall ms", "9000"), (11.0, "wall s", "11.0")])
    def test_has_the_unit_that_suits_its_longest_wall(self, wall_s, head, cell):
        (table,) = tables({"wall_s": wall_s})
        assert column(table, head) == [cell]

    def test_of_weak_scaling_says_so_and_has_scaled_speedups(self):
        (table,) = tables(
            {"scaling": "weak", "tasks": 6, "suite": "weak"},
            {"scaling": "weak", "tasks": 12, "suite": "weak", "workers": 2, **PROCESSES},
        )
        assert table.title == "weak: weak scaling of crunch 50000, 6 tasks per worker"
        assert "scaled speedup" in table.head

    @pytest.mark.parametrize(
        ("values", "title"),
        [
            ({}, "strong: strong scaling of crunch 50000, 24 tasks"),
            ({"imbalance": 0.5}, "strong: strong scaling of crunch 50000, 24 tasks, imbalance 0.5"),
            (
                {"kind": None, "size": None, "imbalance": None, "workload": "mine:simulate", "tasks": 200, "suite": "mine"},
                "mine: strong scaling of mine:simulate, 200 tasks",
            ),
        ],
    )
    def test_has_a_title_that_says_what_was_measured(self, values, title):
        assert [table.title for table in tables(values)] == [title]

    def test_of_a_run_that_does_not_tell_its_nodes_has_its_workers_alone(self):
        (table,) = tables({"nodes": None}, {"nodes": None, "workers": 2, **PROCESSES})
        assert (table.head[0], column(table, "workers")) == ("workers", ["1", "2"])

    def test_of_blas_threads_has_efficiencies_per_worker_and_per_thread_and_says_against_what(self):
        """Two threads take half the time of one; two workers with two each take as long as one with two."""
        blas = {"kind": "blas", "size": "50x1"}
        (table,) = tables(
            {"blas_threads": 1, "wall_s": 4.0, **blas}, {"blas_threads": 2, "wall_s": 2.0, **blas},
            {"blas_threads": 2, "wall_s": 2.0, "workers": 2, **blas, **PROCESSES},
        )  # fmt: skip
        assert table.sections == {0: "serial, 1 BLAS thread", 1: "serial, 2 BLAS threads", 2: "processes fork, 2 BLAS threads"}
        assert column(table, "speedup") == ["1.00", "2.00", "2.00"]
        assert column(table, "efficiency %") == ["100", "100", "50"]
        assert column(table, "% per\nthread") == ["100", "100", "50"]
        assert column(table, "relative\nspeedup") == ["1.00", "1.00", "-"]
        for part in ("the speedup serial with one BLAS thread", "the efficiency serial with as many", "Per thread: speedup by"):
            assert part in table.notes[0]

    def test_without_a_baseline_has_no_columns_of_dashes_and_says_why(self):
        (table,) = tables({"workers": 1, **PROCESSES}, {"workers": 2, **PROCESSES})
        assert table.head == ["workers", "wall ms", "relative\nspeedup", "flags"]
        assert {len(row) for row in table.rows} == {4}
        assert table.notes[0].startswith("No baseline was measured (left out, or failed): there is no speedup and no efficiency.")

    def test_of_a_program_without_a_baseline_has_none_either(self):
        program = {"backend": "program", "workload": "app {workers}", "kind": None}
        (table,) = tables({"workers": 2, **program}, {"workers": 4, **program})
        assert table.head == ["workers", "wall ms", "CPU\nms", "peak\nMiB", "flags"]

    def test_keeps_a_case_that_failed_with_dashes_its_flag_and_its_cause(self):
        (table,) = tables({}, {"workers": 2, "status": "crashed", "message": "killed by signal 9\nand more", **PROCESSES})
        assert table.rows[1] == ["2", "-", "-", "-", "-", "f"]
        assert table.notes[1:] == [f"f  {FLAGS['f']}", "processes, 2 workers: crashed: killed by signal 9"]

    @pytest.mark.parametrize("message", [None, "", " \n "])
    def test_has_no_cause_where_none_was_told(self, message):
        (table,) = tables({"status": "failed", "message": message})
        assert table.notes[-1].strip() == "serial, 1 worker: failed:"

    def test_tells_a_cause_that_many_cases_share_once(self):
        rows = [{"workers": workers, "status": "unavailable", "message": "no MPI", "backend": "mpi"} for workers in (1, 2, 4)]
        (table,) = tables({}, *rows)
        assert [note for note in table.notes if "no MPI" in note] == ["mpi, 1 worker: unavailable: no MPI"]

    def test_explains_only_the_flags_that_it_has(self):
        (table,) = tables({"oversubscribed": True})
        assert [note[0] for note in table.notes[1:]] == ["o"]

    def test_of_a_busy_wait_tells_what_seconds_alone_would_have_told(self):
        spin = {"kind": "spin", "size": "5"}
        (table,) = tables(
            {"wall_s": 4.0, "work_units": 4000, **spin}, {"wall_s": 1.0, "work_units": 2000, "workers": 4, **spin, **PROCESSES}
        )
        (trap,) = [note for note in table.notes if note.startswith("The trap")]
        assert "4 workers of processes look 4.00 times as fast; they did 2.00 times the work per second" in trap

    @pytest.mark.parametrize(
        "rows",
        [
            [{"status": "crashed"}],
            [{"workers": 4, **PROCESSES}],
            [{"status": "crashed"}, {"workers": 4, **PROCESSES}],
            [{"work_units": 0}, {"workers": 4, **PROCESSES}],
        ],
    )
    def test_of_a_busy_wait_without_a_baseline_has_no_trap_to_tell(self, rows):
        (table,) = tables(*({"kind": "spin", "size": "5", **row} for row in rows))
        assert [note for note in table.notes if note.startswith("The trap")] == []

    @pytest.mark.parametrize(
        "rows", [[{}], [{"status": "crashed"}], sweep_rows(), [{"oversubscribed": True, "status": "timeout"}]]
    )
    def test_is_rectangular(self, rows):
        for table in tables(*rows):
            assert {len(row) for row in table.rows} == {len(table.head)}
            assert set(table.sections) <= set(range(len(table.rows)))


class TestTheOrder:
    def test_of_tables_is_that_of_the_suites_in_the_study(self):
        rows = [{"suite": suite, "size": size} for suite, size in [("alpha", "1"), ("zulu", "2"), ("mike", "3")]]
        assert [table.title[:4] for table in tables(*rows, study={"suites": {"zulu": {}, "alpha": {}, "mike": {}}})] == [
            "zulu",
            "alph",
            "mike",
        ]
        assert [table.title[:4] for table in tables(*rows)] == ["alph", "mike", "zulu"]

    def test_keeps_workloads_sizes_and_task_counts_in_tables_of_their_own(self):
        rows = [{}, {"size": "60000"}, {"kind": "sleep", "size": "5"}, {"tasks": 48}, {"imbalance": 0.5}]
        assert len(tables(*rows)) == len(rows)

    def test_of_sizes_is_that_of_the_numbers_and_not_of_their_letters(self):
        titles = [table.title for table in tables({"size": "200"}, {"size": "1000"}, {"size": "50"})]
        assert [title.split()[5].rstrip(",") for title in titles] in (["200", "1000", "50"], ["50", "200", "1000"])

    def test_names_the_run_where_there_are_several(self):
        assert RUN_ID not in tables({})[0].title
        found = tables({}, {"run_id": LATER})
        assert [
            title.endswith(f"(run {run})") for title, run in zip((one.title for one in found), (RUN_ID, LATER), strict=True)
        ] == [True] * 2

    def test_of_no_rounds_is_no_table(self):
        assert tables() == []

    def test_has_a_case_that_two_suites_name_in_the_tables_of_both(self):
        """It was measured once, under the suite that named it first."""
        rows = make_rounds(*sweep_rows(workers=(2,)), {"suite": "more", "workers": 4, "wall_s": 0.5, "backend": "processes"})
        one, two, four = (rows[rows["workers"] == workers]["case_id"].iloc[0] for workers in (1, 2, 4))
        suites = {"strong": [one, two], "more": [four, two, one]}
        found = scaling_tables(make_result(rows, suites=suites, study={"suites": suites}))
        assert [column(table, "workers") for table in found] == [["1", "2"], ["1", "2", "4"]]
        alone = scaling_tables(make_result(rows))  # a run that does not say
        assert [column(table, "workers") for table in alone] == [["4"], ["1", "2"]]


class TestFindings:
    def test_are_told_once_a_code_with_how_many_more_there_are(self):
        findings = [
            {"code": "SB2", "text": "two"},
            {"code": "SB1", "text": "one"},
            {"code": "SB1", "text": "another"},
            {"code": "SB1", "text": "third"},
        ]
        assert findings_by_code(make_result(make_rounds({}), findings=findings)) == [
            ("SB1", "one (and 2 more)"),
            ("SB2", "two"),
        ]

    def test_may_be_none(self):
        assert findings_by_code(make_result(make_rounds({}))) == []

    def test_name_the_command_that_explains_the_first_one_that_is_known(self):
        assert explained_by([("<b>", "odd"), ("SB104", "4 threads"), ("SB110", "1 block")]) == [
            "What a doubt means: scalebench help SB104"
        ]
        assert explained_by([("SB999", "of another day")]) == []
