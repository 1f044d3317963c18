"""What it takes to measure a run again is on the page, or what lacks is said."""

import json
import tomllib

import pandas as pd
import pytest

from scalebench.report.html.repeat import repeat
from scalebench.results.result import Result
from scalebench.study import Study, described
from scalebench.study_file import read_study


class Own:
    pass


def told(**changes):
    study = Study(workload="math:factorial", workers=[1, 2], backend="processes", **changes)
    told = json.loads(json.dumps(described(study)))
    (again,) = repeat(Result(pd.DataFrame(), pd.DataFrame(), {"run_id": "a", "study": told}))
    return study, again


@pytest.mark.parametrize("items", [range(5, 50, 5), [3, 5, 10], ["a", 'b"\\', "c\n"], [{"n": 1, "x": 2.5}], [(1, 2)]])
def test_the_study_with_its_items_can_be_read_again(items, tmp_path):
    study, again = told(items=items, blocks=3)
    path = tmp_path / "again.toml"
    path.write_text(again.study, encoding="utf-8")
    assert read_study(path).items == items
    assert described(read_study(path)) == described(study)
    assert not any("not kept" in note for note in again.notes)


def test_items_of_a_file_stand_in_the_study_itself(tmp_path):
    (tmp_path / "items.txt").write_text("3\n4\n")
    _, again = told(items_file=str(tmp_path / "items.txt"))
    assert tomllib.loads(again.study)["items"] == "[3, 4]"
    assert "items_file" not in again.study


@pytest.mark.parametrize("items", [[Own()], [0.5] * 5000, ["x" * 5000]])
def test_items_without_a_short_text_are_counted_and_that_is_said(items):
    _, again = told(items=items)
    assert "items" not in tomllib.loads(again.study)
    assert again.notes[0] == f"The items are not kept ({len(items)} items): add them, as items = [...]."
