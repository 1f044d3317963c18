"""Files of pytest-benchmark are read as far as is honest, and what they can't be is refused by file, field and value."""

import json
import math
from pathlib import Path

import pytest

from scalebench.errors import ResultsError
from scalebench.results.load import load

DATA = Path(__file__).parents[1] / "data"


def write(folder, *benchmarks, **top):
    """A file of today's form, with these benchmarks in it."""
    whole = {
        "machine_info": {"python_implementation": "CPython", "python_version": "3.12.1", "cpu": {"brand_raw": "Fast", "count": 4}},
        "commit_info": {"id": "00ff" * 10, "dirty": False}, "benchmarks": list(benchmarks),
        "datetime": "2026-01-31T12:00:00+00:00", "version": "5.3.1", **top,
    }  # fmt: skip
    path = folder / "session.json"
    path.write_text(json.dumps(whole))
    return path


def benchmark(name="bench.py::test_a", **stats):
    usual = {"min": 1e-3, "q1": 1.1e-3, "median": 1.2e-3, "q3": 1.4e-3, "max": 2e-3, "rounds": 3, "iterations": 10}
    return {"fullname": name, "name": name.rpartition("::")[2], "group": None, "stats": {**usual, **stats}}


@pytest.mark.parametrize(
    ("name", "benchmarks"),
    [("pytest_benchmark_2_5_0", 1), ("pytest_benchmark_3_2_2_cut_off", 2), ("pytest_benchmark_3_4_1", 3), ("pytest_benchmark_4_0_0", 4)],
)  # fmt: skip
class TestARealFile:
    def test_is_read_whichever_version_wrote_it(self, name, benchmarks):
        rounds = load(DATA / f"{name}.json").rounds
        assert rounds["case_id"].nunique() == benchmarks
        assert rounds["wall_s"].gt(0).all()

    def test_has_the_medians_that_it_tells_once_a_round_is_divided_by_its_calls(self, name, benchmarks):
        rounds = load(DATA / f"{name}.json").rounds
        told = {one["fullname"]: one["stats"] for one in json.loads((DATA / f"{name}.json").read_text())["benchmarks"]}
        for row in rounds.to_dict("records"):
            assert row["tasks"] == told[row["workload"]]["iterations"]
            assert row["wall_s"] / row["tasks"] == pytest.approx(told[row["workload"]]["median"])

    def test_leaves_null_what_it_does_not_hold(self, name, benchmarks):
        rounds = load(DATA / f"{name}.json").rounds
        assert rounds[["machine_id", "backend", "workers", "work_units", "canary_s", "startup_s", "round"]].isna().all(axis=None)


class TestRawData:
    def test_become_rounds_of_one_launch_each_of_all_its_calls(self, tmp_path):
        rounds = load(write(tmp_path, benchmark(data=[1e-3, 1.2e-3, 2e-3]))).rounds
        assert rounds["wall_s"].tolist() == pytest.approx([0.01, 0.012, 0.02])
        assert rounds["tasks"].tolist() == [10, 10, 10]
        assert rounds["round"].tolist() == [0, 1, 2]
        assert rounds["block"].unique().tolist() == [0]

    def test_cut_off_by_a_text_are_left_alone_and_a_finding_says_where(self):
        result = load(DATA / "pytest_benchmark_3_2_2_cut_off.json")
        assert len(result.rounds) == 2  # the summaries: not the four rounds that were left
        assert [finding["code"] for finding in result.findings] == ["SB130", "SB130"]
        assert "38523 rounds were measured, but data[4] is '... omitted" in result.findings[0]["text"]

    def test_with_rounds_missing_are_left_alone_too(self, tmp_path):
        result = load(write(tmp_path, benchmark(data=[1e-3, 1.2e-3])))
        assert result.rounds["wall_s"].tolist() == pytest.approx([0.012])
        assert "data ends after 2" in result.findings[0]["text"]

    @pytest.mark.parametrize("value", [0, -1e-3, math.nan, math.inf, True, [1e-3]])
    def test_with_a_time_that_is_none_are_refused(self, tmp_path, value):
        with pytest.raises(ResultsError, match=r"session\.json: benchmarks\[0\] \(bench\.py::test_a\): stats\.data\[1\]"):
            load(write(tmp_path, benchmark(data=[1e-3, value, 2e-3])))


class TestASummary:
    def test_is_one_row_that_says_so_with_the_quartiles_beside_it(self, tmp_path):
        result = load(write(tmp_path, benchmark()))
        assert result.rounds["message"].tolist() == ["a summary: the median of 3 rounds"]
        kept = result.about["summaries"][result.rounds["case_id"].iloc[0]]
        assert (kept["q1"], kept["q3"], kept["rounds"]) == (1.1e-3, 1.4e-3, 3)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("median", -1.0),
            ("median", math.nan),
            ("median", None),
            ("median", "fast"),
            ("q1", 0.0),
            ("rounds", 0),
            ("iterations", 1.5),
        ],
    )
    def test_with_a_bad_figure_is_refused_by_field(self, tmp_path, field, value):
        with pytest.raises(ResultsError, match=rf"session\.json: benchmarks\[0\].*stats\.{field}"):
            load(write(tmp_path, benchmark(**{field: value})))


def test_the_session_tells_machine_versions_and_commit_but_no_host_name():
    about = load(DATA / "pytest_benchmark_4_0_0.json").about
    assert about["machine"]["cpu"] == "Intel(R) Xeon(R) Platinum 8171M CPU @ 2.60GHz"
    assert about["machine"]["python"] == "CPython 3.11.2"
    assert about["git_commit"].startswith("2f235c94515378")
    assert "fv-az564-461" not in json.dumps(about)


def test_a_moment_without_a_time_zone_is_not_told():
    assert load(DATA / "pytest_benchmark_4_0_0.json").about["started_at"] is None
    assert load(DATA / "pytest_benchmark_2_5_0.json").about["started_at"] == "2015-08-15T00:01:46.250433+00:00"


def test_the_machine_is_told_in_our_words_and_what_it_does_not_say_is_null(tmp_path):
    machine = {"node": "host", "machine": "x86_64", "system": "Linux", "release": "6.1", "python_implementation": "PyPy",
               "python_version": "3.11.2", "cpu": {"brand": "Old", "count": 8}}  # fmt: skip
    commit = {"id": "00ff", "dirty": True}
    about = load(write(tmp_path, benchmark(), machine_info=machine, commit_info=commit)).about
    assert about["machine"] == {
        "cpu": "Old",
        "architecture": "x86_64",
        "logical_cpus": 8,
        "system": "Linux 6.1",
        "python": "PyPy 3.11.2",
    }
    assert (about["tool"], about["tool_version"], about["git_commit"]) == ("pytest-benchmark", "5.3.1", "00ff, and changes")
    assert about["started_at"] == "2026-01-31T12:00:00+00:00"
    empty = load(write(tmp_path, benchmark(), machine_info={}, commit_info={})).about
    assert set(empty["machine"].values()) == {None}
    assert empty["git_commit"] is None


@pytest.mark.parametrize("name", ["machine_info", "commit_info"])
def test_what_is_no_table_of_facts_is_refused_by_name(tmp_path, name):
    with pytest.raises(ResultsError, match=rf"session\.json: {name}"):
        load(write(tmp_path, benchmark(), **{name: 5}))


def test_the_group_of_a_benchmark_is_its_suite_and_the_tool_is_its_study(tmp_path):
    rounds = load(write(tmp_path, benchmark("a"), {**benchmark("b"), "group": "io"})).rounds
    assert rounds["suite"].tolist() == ["pytest-benchmark", "io"]
    assert rounds["study"].tolist() == ["pytest-benchmark"] * 2


def test_a_benchmark_without_a_full_name_goes_by_its_name(tmp_path):
    short = {**benchmark("bench.py::test_a"), "fullname": None}
    assert load(write(tmp_path, short)).rounds["workload"].tolist() == ["test_a"]


@pytest.mark.parametrize("data", [{}, {"data": [1e-3, 1.2e-3, 2e-3]}], ids=["a summary", "raw data"])
def test_two_benchmarks_of_one_name_are_refused(tmp_path, data):
    with pytest.raises(ResultsError, match=r"benchmarks\[1\] is a second 'bench.py::test_a'"):
        load(write(tmp_path, benchmark(**data), benchmark(**data)))


@pytest.mark.parametrize("benchmarks", [[], None, 5, [None], [{}], [{"name": "a"}], [{"name": "a", "stats": []}]])
def test_a_file_that_lost_its_shape_is_refused_by_name(tmp_path, benchmarks):
    with pytest.raises(ResultsError, match=r"session\.json"):
        load(write(tmp_path, benchmarks=benchmarks))


def test_the_same_content_is_the_same_run_wherever_it_lies(tmp_path):
    (tmp_path / "copy.json").write_bytes((DATA / "pytest_benchmark_4_0_0.json").read_bytes())
    assert load(tmp_path / "copy.json").about["run_id"] == load(DATA / "pytest_benchmark_4_0_0.json").about["run_id"]
    assert load(write(tmp_path, benchmark())).about["run_id"] != load(DATA / "pytest_benchmark_4_0_0.json").about["run_id"]


def test_half_a_surrogate_pair_in_a_file_is_read_as_a_question_mark_and_a_whole_one_as_its_character(tmp_path):
    rounds = load(write(tmp_path, benchmark("a\ud800"), benchmark("b\ud83d\ude00"), benchmark("c ü"))).rounds
    assert rounds["workload"].tolist() == ["a?", "b\U0001f600", "c ü"]


def test_a_name_of_a_megabyte_makes_no_message_of_one(tmp_path):
    with pytest.raises(ResultsError) as raised:
        load(write(tmp_path, *[benchmark("x" * 2**20)] * 2))
    assert str(raised.value).startswith(str(tmp_path))
    assert str(raised.value).endswith("which one to compare can't be known")
    assert len(str(raised.value)) < 2_100
