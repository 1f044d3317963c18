"""Rows that were changed after they were measured are refused, whoever wrote them; what is known of runs is told of each."""

import math
from pathlib import Path

import pandas as pd
import pytest
from factories import make_result, make_rounds, make_tasks

from scalebench.errors import ResultsError
from scalebench.results.result import Result, check_rounds, check_version, checked_about
from scalebench.results.schema import SCHEMA_VERSION

FILES = [(Path("a.parquet"), 2), (Path("b.parquet"), 3)]


def rounds(place=None, **changed):
    """Five rows, one of them changed."""
    whole = make_rounds(*({"block": block} for block in range(5)))
    for name, value in changed.items():
        whole.loc[place, name] = value
    return whole


class TestRows:
    def test_as_they_were_measured_are_let_through(self):
        check_rounds(rounds(), FILES)
        check_rounds(make_rounds(), [])
        failed = [{"status": status, "wall_s": None} for status in ("failed", "crashed", "timeout", "skipped", "unavailable")]
        check_rounds(make_rounds(*failed, {"scaling": "weak"}), [(Path("a"), 6)])

    @pytest.mark.parametrize(
        ("name", "value", "rule"),
        [
            ("status", "fine", "one of ok, failed"), ("status", pd.NA, "one of ok, failed"),
            ("scaling", "strange", "one of strong, weak"), ("scaling", pd.NA, "one of strong, weak"),
            ("block", -1, "0 or more"), ("block", pd.NA, "0 or more"),
            ("workers", 0, "1 or more"), ("workers", pd.NA, "1 or more"),
            ("tasks", 0, "1 or more"), ("tasks", pd.NA, "1 or more"),
            ("wall_s", 0.0, "a time above 0"), ("wall_s", -1.0, "a time above 0"), ("wall_s", math.nan, "a time above 0"),
            ("wall_s", math.inf, "a time above 0"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(("place", "told"), [(0, r"a\.parquet, row 0"), (1, r"a\.parquet, row 1"), (4, r"b\.parquet, row 2")])
    def test_that_were_changed_are_refused_with_file_row_column_and_rule(self, name, value, rule, place, told):
        with pytest.raises(ResultsError, match=rf"^{told} of the rounds: {name} is {value}, not {rule}.*\nThe file was changed"):
            check_rounds(rounds(place, **{name: value}), FILES)

    @pytest.mark.parametrize("value", [1e308, -1e101, math.inf])
    def test_with_a_number_that_nothing_can_be_computed_with_are_refused(self, value):
        with pytest.raises(ResultsError, match=r"^b\.parquet, row 0 of the rounds: cpu_s is .*, not a number below 1e\+100\.\n"):
            check_rounds(rounds(2, cpu_s=value), FILES)

    def test_of_another_tool_have_neither_workers_nor_scaling_but_times(self):
        other = {"backend": pd.NA, "workers": pd.NA, "scaling": pd.NA, "tasks": pd.NA}
        check_rounds(rounds(3, **other), FILES)
        with pytest.raises(ResultsError, match=r"b\.parquet, row 1 of the rounds: wall_s"):
            check_rounds(rounds(3, **other, wall_s=0.0), FILES)


class TestAVersion:
    @pytest.mark.parametrize("version", [1, "1", b"1", SCHEMA_VERSION, str(SCHEMA_VERSION).encode()])
    def test_that_is_known_is_told_as_a_number(self, version):
        assert check_version(version, Path("a")) == int(version)

    @pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, "", None, b"\xff", "1.0", "-1", "1 "])
    def test_that_is_not_is_refused(self, version):
        with pytest.raises(ResultsError, match=rf"^a has schema version .*, this scalebench reads 1 to {SCHEMA_VERSION}\."):
            check_version(version, Path("a"))


class TestWhatIsKnownAboutARun:
    @pytest.mark.parametrize(
        "about",
        [
            {},
            {"run_id": "a", "status": "finished", "later": [5]},
            {
                "study": {"suites": None, "variants": {"a": {}}},
                "machine": {"packages": {}},
                "findings": [{}],
                "damaged": ["a part"],
            },
            {"runs": [{"run_id": "a"}, {}]},
        ],
    )
    def test_is_let_through_as_it_was_written(self, about):
        assert checked_about(about, "run.json") == about

    def test_is_known_no_more_where_it_is_null_but_what_may_be_null_is(self):
        written = {"study": None, "findings": None, "run_id": None, "git_commit": None}
        assert checked_about(written, "run.json") == {"git_commit": None}

    @pytest.mark.parametrize(
        ("about", "told"),
        [
            ({"run_id": ["a"]}, "run_id is a list, not text"),
            ({"status": 1}, "status is a int, not text"),
            ({"study": "mine"}, 'study is "mine", not an object'),
            ({"study": {"suites": [1]}}, "study.suites is "),
            ({"machine": {"packages": "numpy"}}, 'machine.packages is "numpy", not an object'),
            ({"findings": {"code": "SB101"}}, "findings is "),
            ({"findings": [{}, "SB101"]}, "findings[1] is a str"),
            ({"damaged": [None]}, "damaged[0] is a NoneType"),
            ({"runs": [{}, {"study": 5}]}, "runs[1]: study is 5, not an object"),
            ({"runs": [{"runs": [{}]}]}, "holds runs itself"),
        ],
    )
    def test_is_refused_where_it_is_not_as_we_write_it(self, about, told):
        with pytest.raises(ResultsError) as refused:
            checked_about(about, "there/run.json")
        assert str(refused.value).startswith("there/run.json: ")
        assert told in str(refused.value)


class TestAResult:
    def test_of_one_run_knows_that_one_and_of_many_each(self):
        one = make_result(make_rounds({}), findings=[{"code": "SB101"}])
        assert one.runs == [one.about]
        many = Result(one.rounds, one.tasks, {"runs": [one.about, {"run_id": "other", "findings": [{"code": "SB102"}]}]})
        assert [about["run_id"] for about in many.runs] == [one.about["run_id"], "other"]
        assert [told["code"] for told in many.findings] == ["SB101", "SB102"]

    def test_reads_its_tasks_when_they_are_asked_for(self):
        table, asked = make_rounds({}), []

        def tasks():
            asked.append(1)
            return make_tasks(table)

        result = Result(table, tasks, {})
        assert asked == []
        assert len(result.tasks) == 2
        assert asked == [1]
