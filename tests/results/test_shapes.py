"""What commands print as JSON can be read by anybody: no figure that JSON lacks, nothing that is not plain."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.results.shapes import ANALYSIS_VERSION, analysis, plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(PLAIN)
def test_what_json_can_hold_stays_as_it_is(value):
    assert plain(value) == value
    assert json.loads(analysis("report", content=value))["content"] == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), pd.NA, pd.NaT, None])
def test_what_is_absent_or_no_figure_is_null(value):
    assert plain(value) is None
    assert plain([{"a": (value, 1.5)}]) == [{"a": [None, 1.5]}]


def test_numbers_arrays_paths_and_tables_become_what_they_hold():
    assert plain(np.int64(3)) == 3
    assert type(plain(np.int64(3))) is int
    assert plain(np.array([[1.5, np.nan]])) == [[1.5, None]]
    assert plain(Path("a") / "b") == "a/b"
    assert plain({1: frozenset([2])}) == {"1": [2]}
    assert plain(ValueError("why")) == "why"
    table = pd.DataFrame({"count": pd.array([1, None], dtype="Int64"), "wall_s": [0.5, math.inf]})
    assert plain({"rows": table}) == {"rows": [{"count": 1, "wall_s": 0.5}, {"count": None, "wall_s": None}]}


def test_an_analysis_says_its_version_its_command_and_what_was_read():
    assert json.loads(analysis("fit", Path("a.csv"), laws=[])) == {
        "analysis_version": ANALYSIS_VERSION, "analysis": "fit", "path": "a.csv", "laws": [],
    }  # fmt: skip
    assert json.loads(analysis("doctor"))["path"] is None
