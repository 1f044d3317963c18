"""The columns of a result: each once, with type and meaning, and frames that hold exactly them."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from factories import make_rounds, make_row

from scalebench.case import Case
from scalebench.results.schema import (
    ASKED,
    BAD_STATUSES,
    FACTS,
    FOUND,
    ROUNDS,
    SCHEMA_VERSION,
    STATUSES,
    TASKS,
    TIMES,
    WHICH,
    Column,
    _columns,
    arrow_schema,
    to_frame,
    to_table,
)

PANDAS = {"str": "string", "int": "Int64", "float": "float64", "bool": "boolean"}
tables = pytest.mark.parametrize("columns", [ROUNDS, TASKS], ids=["rounds", "tasks"])


class TestColumns:
    @tables
    def test_are_named_once_and_say_what_they_mean(self, columns):
        assert len({one.name for one in columns}) == len(columns)
        assert {one.type for one in columns} <= set(PANDAS)
        assert [one.name for one in columns if not one.meaning] == []

    def test_of_rounds_are_all_groups_in_order(self):
        assert ROUNDS == WHICH + ASKED + FOUND + TIMES + FACTS

    def test_of_what_was_asked_are_the_fields_of_a_case(self):
        assert [one.name for one in ASKED] == [one.name for one in fields(Case)]

    @tables
    def test_in_seconds_say_so_in_name_and_unit(self, columns):
        seconds = {one.name for one in columns if one.type == "float" and one.unit.split(" ")[0] == "s"}
        assert seconds == {one.name for one in columns if one.name.endswith("_s")}

    @tables
    def test_of_one_name_have_one_type_in_both_tables(self, columns):
        types = {one.name: one.type for one in ROUNDS}
        assert [one.name for one in columns if types.get(one.name, one.type) != one.type] == []

    def test_of_a_status_take_only_known_ones(self):
        assert set(BAD_STATUSES) < set(STATUSES)
        assert "ok" not in BAD_STATUSES


class TestParquet:
    @tables
    def test_has_a_type_for_each_column_and_the_version(self, columns):
        schema = arrow_schema(columns)
        assert schema.names == [one.name for one in columns]
        assert schema.metadata[b"scalebench.schema_version"] == str(SCHEMA_VERSION).encode()
        arrow = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
        assert schema.types == [arrow[one.type] for one in columns]


class TestFrames:
    @tables
    @pytest.mark.parametrize("rows", [None, [], {}], ids=repr)
    def test_of_nothing_have_all_columns_with_their_types(self, columns, rows):
        frame = to_frame(rows, columns)
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == {one.name: PANDAS[one.type] for one in columns}
        assert frame.empty

    def test_have_null_for_what_a_row_lacks_and_lack_what_is_no_column(self):
        frame = to_frame([{"workers": 2, "unknown": 1}, {"wall_s": 0.5}], ROUNDS)
        assert list(frame.columns) == [one.name for one in ROUNDS]
        assert frame["workers"].isna().tolist() == [False, True]
        assert frame["wall_s"].isna().tolist() == [True, False]
        assert frame["run_id"].isna().all()

    def test_tell_zero_from_null(self):
        frame = to_frame([{"ctx_involuntary": 0, "warmup": False, "cpu_wait_s": 0.0, "message": ""}, {}], ROUNDS)
        assert frame[["ctx_involuntary", "warmup", "cpu_wait_s", "message"]].isna().to_numpy().tolist() == [
            [False] * 4,
            [True] * 4,
        ]

    def test_keep_whole_numbers_beside_nulls_exactly(self):
        numbers = [2**53 + 1, None, 2**63 - 1, -(2**63)]
        frame = to_frame([{"work_units": number} for number in numbers], ROUNDS)
        assert [None if pd.isna(one) else int(one) for one in frame["work_units"]] == numbers

    @pytest.mark.parametrize(
        ("name", "value"),
        [("workers", 1.5), ("workers", "two"), ("wall_s", "fast"), ("workers", [1]), ("warmup", "maybe"), ("wall_s", {})],
    )
    def test_refuse_a_value_that_its_column_cannot_hold(self, name, value):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            to_frame([{name: value}], ROUNDS)

    @pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**40])
    def test_refuse_a_count_beyond_64_bits(self, value):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            to_frame([{"work_units": value}, {"work_units": 1}], ROUNDS)

    def test_take_columns_as_well_as_rows_and_numpy_values(self):
        rows = to_frame([{"workers": 1, "wall_s": 0.5}, {"workers": 2, "wall_s": 1.5}], ROUNDS)
        columns = to_frame({"workers": np.array([1, 2]), "wall_s": np.array([0.5, 1.5])}, ROUNDS)
        pd.testing.assert_frame_equal(rows, columns)

    def test_made_again_are_the_same(self):
        frame = make_rounds({}, {"status": "crashed"})
        pd.testing.assert_frame_equal(to_frame(frame, ROUNDS), frame)


class TestTables:
    """The same rows as Arrow holds them."""

    def whole(self, table):
        table.validate(full=True)
        assert table.schema.equals(arrow_schema(ROUNDS), check_metadata=True)
        assert [column.type for column in table.columns] == table.schema.types
        return table

    def test_of_rows_hold_what_a_frame_of_them_does(self):
        rows = [make_row(), make_row(status="crashed", wall_s=None)]
        table = self.whole(to_table(rows, ROUNDS))
        pd.testing.assert_frame_equal(to_frame(table.to_pandas(types_mapper={pa.string(): pd.StringDtype()}.get), ROUNDS), to_frame(rows, ROUNDS))  # fmt: skip

    def test_of_columns_repeat_a_single_value_and_hold_null_for_nan(self):
        table = self.whole(to_table({"workers": np.array([1, 2]), "wall_s": np.array([0.5, np.nan]), "study": "mine"}, ROUNDS))
        found = table.select(["workers", "wall_s", "study", "message"]).to_pydict()
        assert found == {"workers": [1, 2], "wall_s": [0.5, None], "study": ["mine"] * 2, "message": [None] * 2}

    @pytest.mark.parametrize("rows", [[], {}, {"study": "mine"}], ids=repr)
    def test_of_no_rows_have_all_columns(self, rows):
        assert len(self.whole(to_table(rows, ROUNDS))) == 0

    @pytest.mark.parametrize(("name", "value"), [("workers", "two"), ("workers", 2**63), ("wall_s", "fast"), ("run_id", 1)])
    def test_refuse_a_value_that_its_column_cannot_hold(self, name, value):
        column = np.array([value], dtype=object)
        for rows in ([{name: value}], {name: column}, {name: value, "block": np.array([0])}):
            with pytest.raises((ValueError, TypeError, OverflowError)):
                to_table(rows, ROUNDS)


def test_a_table_of_columns_is_made_of_their_rows():
    assert _columns(("a", "str", "a name"), ("b", "int", "a count", "count")) == (
        Column("a", "str", "a name"),
        Column("b", "int", "a count", "count"),
    )


def test_a_row_of_the_factories_has_no_column_that_the_schema_lacks():
    assert set(make_row()) <= {one.name for one in ROUNDS}
