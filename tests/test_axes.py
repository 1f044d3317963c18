"""Values of an axis: what is read from flags, TOML and Python, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench import axes, machine
from scalebench.errors import StudyError, UsageError

RULE = "must be a share"


class TestWorkers:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("1,2,4", [1, 2, 4]),
            ("5,1,5", [1, 5]),
            (" 3 , 1 ", [1, 3]),
            ("7..7", [7]),
            ("3..5", [3, 4, 5]),
            ("x", [6]),
            ("x,2x", [6, 12]),
            ("0.5x", [3]),
            ("n", [16]),
            ("2n", [32]),
            ("1..x", [1, 2, 3, 4, 5, 6]),
            ("1..2x", [1, 2, 3, 4, 5, 6, 8, 9, 12]),
            ("x..n", [6, 8, 9, 12, 16]),
            ("1..2,x", [1, 2, 6]),
            (3, [3]),
            (2.0, [2]),
            ([4, 1], [1, 4]),
            ([1, "2x"], [1, 12]),
            (range(1, 4), [1, 2, 3]),
        ],
    )
    def test_are_counts_multiples_of_the_cpus_and_ranges(self, cpus, value, expected):
        cpus(6, logical=16, physical=8)
        assert axes.parse_workers(value) == expected

    def test_of_a_range_are_dense_up_to_eight_then_powers_of_two_and_the_marks_of_the_machine(self, cpus):
        cpus(20, logical=64, physical=10)
        assert axes.parse_workers("1..2x") == [1, 2, 3, 4, 5, 6, 7, 8, 10, 16, 20, 30, 32, 40]

    def test_that_are_half_of_an_odd_budget_are_rounded_up(self, cpus):
        cpus(3)
        assert axes.parse_workers("0.5x,1.5x") == [2, 5]

    def test_of_a_machine_that_hides_its_cores_still_have_a_range(self, cpus):
        cpus(2, physical=None)
        assert axes.parse_workers("1..2x") == [1, 2, 3, 4]

    @given(budget=st.integers(1, 300), ends=st.tuples(st.integers(1, 500), st.integers(1, 500)).map(sorted))
    def test_of_a_range_rise_stay_inside_and_hold_both_ends(self, budget, ends):
        low, high = ends
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(machine, "cpu_budget", lambda: budget)
            patch.setattr(machine, "physical_cores", lambda: None)
            found = axes.parse_workers(f"{low}..{high}")
        assert (found[0], found[-1]) == (low, high)
        assert found == sorted(set(found))

    @pytest.mark.parametrize(
        "value",
        ["", "0", "-1", "2.5", 2.5, 0, "0x", "1e3", "inf", "nan", float("inf"), True, [True], None, [None], [[1, 2]], {"a": 1}, {"4": 1},
         [], "1,,2", "1..", "..4", "1..2..3", "1-4", "xx", "2y", "four", "²", "9" * 30, "9" * 400, "9" * 5000, 10**400,
         "1..9" + "9" * 30, b"12"],
        ids=lambda value: repr(value)[:20],
    )  # fmt: skip
    def test_that_nobody_can_start_are_refused_with_a_way_out(self, cpus, value):
        cpus(2)
        with pytest.raises(StudyError) as raised:
            axes.parse_workers(value)
        assert raised.value.key == "workers"
        assert raised.value.way_out

    def test_may_be_more_where_none_is_started(self):
        assert axes.parse_workers("1000001", most=2**53) == [1_000_001]
        with pytest.raises(StudyError, match="<= 1000000,"):
            axes.parse_workers("1000001")

    @pytest.mark.parametrize("value", ["4..2", "n..x"])
    def test_of_a_range_that_falls_are_refused_as_such(self, cpus, value):
        cpus(2, logical=8)
        with pytest.raises(StudyError, match="a range must rise"):
            axes.parse_workers(value)


class TestIntegers:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("12", 12),
            (12, 12),
            (2.0, 2),
            ("1_000", 1000),
            (2**53 + 1, 2**53 + 1),
            (str(2**53 + 1), 2**53 + 1),
            (2**63 - 1, 2**63 - 1),
        ],
    )
    def test_are_read_exactly(self, value, expected):
        assert axes.parse_integer("seed", value) == expected

    @pytest.mark.parametrize(
        "value",
        [0, -1, "0", 1.5, "1.5", "5.0", "", "one", True, False, None, [1], {}, {"5": 1}, b"5", float("inf"), float("nan"), "inf", "1e3",
         2**63, 2**64, 10**400, "9" * 400, "9" * 5000],
        ids=lambda value: repr(value)[:20],
    )  # fmt: skip
    def test_that_a_row_could_not_hold_are_refused(self, value):
        with pytest.raises(StudyError) as raised:
            axes.parse_integer("tasks", value)
        assert raised.value.key == "tasks"

    def test_may_be_zero_where_the_key_allows_it(self):
        assert axes.parse_integer("seed", "0", least=0) == 0
        with pytest.raises(StudyError, match="0 or more"):
            axes.parse_integer("seed", -1, least=0)

    @pytest.mark.parametrize("value", ["1,2", [1, 2], (1, 2), range(1, 3), iter([1, 2]), ["1", 2]])
    def test_of_an_axis_come_as_text_or_as_any_iterable(self, value):
        assert axes.parse_integers("tasks", value) == [1, 2]

    @given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers())))
    def test_are_whole_numbers_or_a_study_error_and_nothing_else(self, value):
        try:
            found = axes.parse_integer("tasks", value)
        except StudyError:
            return
        assert type(found) is int
        assert 1 <= found < 2**63

    def test_that_are_too_large_are_told_the_bound(self):
        with pytest.raises(StudyError, match=r"1 or more and less than 2\^63"):
            axes.parse_integer("tasks", 2**63)


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "expected"), [("5%", 0.05), ("0.05", 0.05), (0.05, 0.05), ("50%", 0.5), (0, 0.0), ("0", 0.0), (0.5, 0.5)]
    )
    def test_are_shares_or_percents(self, value, expected):
        assert axes.parse_number("precision", value, 0, 0.5, RULE) == pytest.approx(expected, abs=0)

    @pytest.mark.parametrize(
        "value",
        ["", "%", "five", -0.1, "51%", 0.6, "nan", float("nan"), "inf", "inf%", "1e500%", None, [], {}, True, 3j, 10**400],
        ids=lambda value: repr(value)[:20],
    )
    def test_outside_their_range_are_refused_with_the_rule(self, value):
        with pytest.raises(StudyError, match=RULE):
            axes.parse_number("precision", value, 0, 0.5, RULE)


class TestNames:
    KNOWN = ("serial", "processes", "threads")

    def test_keep_their_order(self):
        assert axes.parse_names("backend", "threads,serial", self.KNOWN, "backend") == ["threads", "serial"]

    def test_that_are_nearly_right_are_answered_with_the_nearest_one(self):
        with pytest.raises(StudyError, match="Did you mean 'processes'") as raised:
            axes.parse_names("backend", "serial,proceses", self.KNOWN, "backend")
        assert "serial, processes, threads" in raised.value.way_out

    @pytest.mark.parametrize("value", ["zzzzzz", "", 5, None, ["serial", 1.5], True])
    def test_that_are_unknown_are_refused(self, value):
        with pytest.raises(StudyError):
            axes.parse_names("backend", value, self.KNOWN, "backend")


class TestDurations:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [("90s", 90), ("5m", 300), ("1.5h", 5400), ("250ms", 0.25), ("90", 90), (90, 90), (1.5, 1.5), (" 5 m ", 300),
         (1e-5, 1e-5), (1e16, 1e16)],
    )  # fmt: skip
    def test_are_seconds(self, value, expected):
        assert axes.parse_duration("budget", value) == pytest.approx(expected)

    @pytest.mark.parametrize(
        "value",
        ["0", 0, "0s", "-5s", -1, "5 minutes", "1:30", "", "s", "inf", float("inf"), float("nan"), True, None, [], "9" * 400],
        ids=lambda value: repr(value)[:20],
    )
    def test_that_end_at_once_or_never_are_refused(self, value):
        with pytest.raises(StudyError, match="duration"):
            axes.parse_duration("budget", value)

    @given(st.floats(min_value=1e-9, max_value=1e12))
    def test_that_were_read_can_be_read_again(self, value):
        """A suite is checked like a study of its own, from what the study has already read."""
        once = axes.parse_duration("timeout", value)
        assert axes.parse_duration("timeout", once) == once


class TestTables:
    @pytest.mark.parametrize("value", [{"time": "1:00", "hosts": "a,b"}, ["time=1:00", "hosts=a,b"]])
    def test_are_read_from_a_table_or_from_texts(self, value):
        assert axes.parse_table("launcher_options", value) == {"time": "1:00", "hosts": "a,b"}

    @pytest.mark.parametrize("value", [5, 1.5, True, None, b"time=1:00", object()], ids=lambda value: repr(value)[:10])
    def test_that_are_neither_are_refused(self, value):
        with pytest.raises(StudyError, match="must be a table, or texts as KEY=VALUE") as raised:
            axes.parse_table("launcher_options", value)
        assert raised.value.key == "launcher_options"


def test_an_axis_needs_a_value():
    with pytest.raises(StudyError, match="at least one value") as raised:
        axes.parse_axis("blas_threads", [])
    assert "--blas-threads" in raised.value.way_out


def test_an_error_says_key_value_rule_and_way_out_and_names_the_flag_of_a_suites_key():
    with pytest.raises(StudyError) as raised:
        axes.parse_integer("study.toml: suites.blas.blas_threads", "0")
    assert str(raised.value) == (
        "study.toml: suites.blas.blas_threads = '0': must be a whole number, 1 or more.\nFor example --blas-threads 1"
    )
    assert isinstance(raised.value, UsageError)
