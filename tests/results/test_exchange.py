"""One file with a whole run: JSON that loses nothing, CSV for spreadsheets, and other tools' JSON told apart."""

import csv
import io
import json
import math

import pandas as pd
import pytest
from factories import make_result, make_rounds, sweep_rows, write_parquet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalebench.errors import ResultsError
from scalebench.results.exchange import read_json, write_csv, write_json
from scalebench.results.load import load
from scalebench.results.result import Result
from scalebench.results.schema import LARGEST, ROUNDS, SCHEMA_VERSION, TASKS, to_frame

VALUES = {
    "str": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "int": st.none() | st.integers(-(2**63), 2**63 - 1),
    "float": st.none() | st.floats(-LARGEST, LARGEST),
    "bool": st.none() | st.booleans(),
}
#: some columns of each type; the others are null
SOME = {
    ROUNDS: ("run_id", "message", "work_units", "exit_status", "wall_s", "figure_of_merit", "warmup", "gil"),
    TASKS: ("case_id", "task", "start_s", "work_units"),
}
ROWS = {
    columns: st.lists(st.fixed_dictionaries({one.name: VALUES[one.type] for one in columns if one.name in names}), max_size=3)
    for columns, names in SOME.items()
}


@pytest.fixture
def result():
    rows = [*sweep_rows(), {"status": "crashed", "backend": "threads", "message": 'it said "no",\nthen died; ünïcode | <b>'}]
    return make_result(make_rounds(*rows), study={"name": "mine"}, machine={"cpu": None}, estimate_s=0.1)


def content(path):
    return json.loads(path.read_text())


class TestJson:
    def test_written_and_read_is_the_identical_result(self, result, tmp_path):
        path = tmp_path / "mine.json"
        write_json(result, path)
        again = read_json(path)
        pd.testing.assert_frame_equal(again.rounds, result.rounds, check_exact=True)
        pd.testing.assert_frame_equal(again.tasks, result.tasks, check_exact=True)
        assert (again.about, again.path) == (result.about, path)

    @settings(max_examples=25)
    @given(rounds=ROWS[ROUNDS], tasks=ROWS[TASKS])
    def test_loses_no_bit_of_any_value(self, rounds, tasks, tmp_path_factory):
        path = tmp_path_factory.getbasetemp() / "any.json"
        rows = [{**one, "status": "failed", "block": 0} for one in rounds]  # what no row may lack
        result = Result(to_frame(rows, ROUNDS), to_frame(tasks, TASKS), {})
        write_json(result, path)
        again = read_json(path)
        pd.testing.assert_frame_equal(again.rounds, result.rounds, check_exact=True)
        pd.testing.assert_frame_equal(again.tasks, result.tasks, check_exact=True)

    @settings(max_examples=12)
    @given(rounds=ROWS[ROUNDS], tasks=ROWS[TASKS])
    def test_and_a_run_of_any_rows_are_read_as_the_same(self, rounds, tasks, tmp_path_factory):
        folder = tmp_path_factory.mktemp("run")
        rows = [{**one, "status": "failed", "block": 0} for one in rounds]
        for name, values, columns in (("rounds", rows, ROUNDS), ("tasks", tasks, TASKS)):
            write_parquet(to_frame(values, columns), folder / f"{name}.parquet", columns)
        (folder / "run.json").write_text("{}")
        found = load(folder)
        pd.testing.assert_frame_equal(found.rounds, to_frame(rows, ROUNDS), check_exact=True)
        pd.testing.assert_frame_equal(found.tasks, to_frame(tasks, TASKS), check_exact=True)

    def test_is_standard_json_by_columns_with_the_version(self, result, tmp_path):
        path = tmp_path / "mine.json"
        write_json(result, path)
        told = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert list(told) == ["schema_version", "about", "rounds", "tasks"]
        assert told["schema_version"] == SCHEMA_VERSION
        assert list(told["rounds"]) == [one.name for one in ROUNDS]
        assert {len(values) for values in told["rounds"].values()} == {len(result.rounds)}
        assert told["rounds"]["warmup"][0] is False
        assert told["rounds"]["wall_s"][-1] is None

    def test_of_no_rows_is_read_as_none(self, tmp_path):
        path = tmp_path / "empty.json"
        write_json(make_result(make_rounds()), path)
        assert (len(read_json(path).rounds), len(read_json(path).tasks)) == (0, 0)

    @pytest.mark.parametrize("value", [math.inf, -math.inf])
    def test_of_a_figure_without_bound_is_written_or_refused_as_a_result(self, tmp_path, value):
        rounds = make_rounds({"figure_of_merit": value})
        try:
            write_json(make_result(rounds), tmp_path / "mine.json")
        except ResultsError:
            return
        pd.testing.assert_frame_equal(read_json(tmp_path / "mine.json").rounds, rounds)

    def test_that_is_not_whole_is_refused_and_says_what_is_missing(self, result, tmp_path):
        path = tmp_path / "mine.json"
        write_json(result, path)
        for part in ("rounds", "tasks", "about"):
            path.write_text(
                json.dumps({key: value for key, value in content(path).items() if key != part} | {"schema_version": 1})
            )
            with pytest.raises(ResultsError, match=f"not whole: '{part}' is missing"):
                read_json(path)
            write_json(result, path)

    @pytest.mark.parametrize(
        "version", [SCHEMA_VERSION + 1, 0, -1, 1.5, True, None, "new", "²", "1" * 5000, [1], {}], ids=lambda one: repr(one)[:9]
    )
    def test_of_a_version_that_is_not_known_is_refused_with_a_way_out(self, result, tmp_path, version):
        path = tmp_path / "mine.json"
        write_json(result, path)
        path.write_text(json.dumps({**content(path), "schema_version": version}))
        with pytest.raises(ResultsError, match=r"schema version.*\n.*install the one that wrote"):
            read_json(path)

    def test_of_an_older_version_lacks_what_came_later_and_no_more(self, result, tmp_path):
        path = tmp_path / "mine.json"
        write_json(result, path)
        whole = content(path)
        later = [one.name for one in ROUNDS if one.since > 1]
        old = {name: values for name, values in whole["rounds"].items() if name not in later}
        path.write_text(json.dumps({**whole, "rounds": old, "schema_version": 1}))
        read = read_json(path).rounds
        assert read[later].isna().all(axis=None)
        pd.testing.assert_frame_equal(read.drop(columns=later), result.rounds.drop(columns=later))
        path.write_text(json.dumps({**whole, "rounds": old}))
        with pytest.raises(ResultsError, match=f"not whole: '{later[0]}' is missing"):
            read_json(path)

    @pytest.mark.parametrize(
        "rounds",
        [5, "text", [1, 2], [[1]], None, {"workers": ["two"]}, {"workers": [1.5]}, {"workers": [2**63]}, {"wall_s": ["fast"]},
         {"workers": [1], "wall_s": [1.0, 2.0]}, {"workers": 5}, {"warmup": ["maybe"]}, {"workers": [[1]]},
         {"workers": [{"a": 1}]}],
        ids=repr,
    )  # fmt: skip
    def test_whose_rounds_are_no_rounds_is_refused(self, result, tmp_path, rounds):
        path = tmp_path / "mine.json"
        write_json(result, path)
        if isinstance(rounds, dict):  # the fault in one row that is well otherwise
            rounds = {**{name: values[:1] for name, values in content(path)["rounds"].items()}, **rounds}
        path.write_text(json.dumps({**content(path), "rounds": rounds}))
        with pytest.raises(ResultsError, match="not whole"):
            read_json(path)

    @pytest.mark.parametrize("table", ["rounds", "tasks"])
    def test_that_lacks_a_column_is_refused_and_says_which(self, result, tmp_path, table):
        path = tmp_path / "mine.json"
        write_json(result, path)
        whole = content(path)
        del whole[table]["run_id"]
        path.write_text(json.dumps(whole))
        with pytest.raises(ResultsError, match="not whole: 'run_id' is missing"):
            read_json(path)

    @pytest.mark.parametrize("about", [5, "text", [1], None])
    def test_whose_about_is_no_object_is_refused(self, result, tmp_path, about):
        path = tmp_path / "mine.json"
        write_json(result, path)
        path.write_text(json.dumps({**content(path), "about": about}))
        with pytest.raises(ResultsError, match="not whole"):
            read_json(path)

    @pytest.mark.parametrize(
        "text",
        [b"{", b"\xff", b"scalebench", b"[" * 100_000, b'{"schema_version": 1' + b"0" * 5000 + b"}"],
        ids=lambda one: repr(one)[:9],
    )
    def test_that_is_no_json_is_refused_by_name(self, tmp_path, text):
        path = tmp_path / "mine.json"
        path.write_bytes(text)
        with pytest.raises(ResultsError, match=r"mine\.json can't be read as JSON"):
            read_json(path)

    @pytest.mark.parametrize("text", ["[]", "5", "null", "{}", '{"version": "1.0", "benchmarks": []}'])
    def test_of_another_tool_is_refused_with_what_would_be_read(self, tmp_path, text):
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(ResultsError, match=r"another tool.*\n.*scalebench export"):
            read_json(path)


class TestCsv:
    @pytest.fixture
    def rows(self, result, tmp_path):
        write_csv(result, tmp_path / "mine.csv")
        return list(csv.DictReader(io.StringIO((tmp_path / "mine.csv").read_bytes().decode("utf-8"), newline="")))

    def test_has_the_columns_and_a_line_a_round(self, result, rows):
        assert list(rows[0]) == [one.name for one in ROUNDS]
        assert len(rows) == len(result.rounds)

    def test_has_nothing_where_a_value_is_null_and_0_where_it_is_zero(self, rows):
        assert (rows[-1]["wall_s"], rows[-1]["work_units"], rows[-1]["block"]) == ("", "", "0")

    @settings(max_examples=25)
    @given(rounds=ROWS[ROUNDS])
    @example(rounds=[{"message": "one\rtwo"}])
    @example(rounds=[{"message": "\t=HYPERLINK()"}])
    def test_of_any_rows_has_every_number_exactly_text_made_harmless_and_nothing_for_null(self, rounds, tmp_path_factory):
        path = tmp_path_factory.getbasetemp() / "any.csv"
        write_csv(Result(to_frame(rounds, ROUNDS), to_frame(None, TASKS), {}), path)
        lines = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
        assert len(lines) == len(rounds)
        for line, row in zip(lines, rounds, strict=True):
            for name, text in line.items():
                value = row.get(name)
                if isinstance(value, float):
                    assert float(text) == value, name
                elif isinstance(value, str):
                    harmless = "".join(one if one == "\n" or one.isprintable() else " " for one in value)
                    assert (
                        text
                        == "'" * (harmless.lstrip()[:1] in ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
                        + harmless
                    ), name
                else:
                    assert text == ("" if value is None else str(value)), name

    def test_keeps_text_and_numbers_as_they_are(self, result, rows):
        assert rows[-1]["message"] == result.rounds["message"].iloc[-1]
        assert [float(row["wall_s"]) for row in rows[:-1]] == result.rounds["wall_s"].tolist()[:-1]
        assert [int(row["work_units"]) for row in rows[:-1]] == result.rounds["work_units"].tolist()[:-1]
