"""What it takes to measure a run again is on the page, or what lacks is said."""

import datetime
import json
import re
import tomllib

import pandas as pd
import pytest

from scalebench.report.html.repeat import repeat
from scalebench.results.result import Result
from scalebench.study import NOT_OF_A_PROGRAM, Study, described, workload_name
from scalebench.study_file import read_study
from scalebench.sweep import expand


class Own:
    pass


def told(**changes):
    return of(Study(**{"workload": "math:factorial", "workers": [1, 2], "backend": "processes", **changes}))


def of(study):
    stored = json.loads(json.dumps(described(study)))
    (again,) = repeat(Result(pd.DataFrame(), pd.DataFrame(), {"run_id": "a", "study": stored}))
    return study, again


def read(again, folder):
    path = folder / "again.toml"
    path.write_text(again.study, encoding="utf-8")
    return read_study(path)


def cases(study):
    return [entry.case for entry in expand(study).entries]


@pytest.mark.parametrize("items", [range(5, 50, 5), [3, 5, 10], ["a", 'b"\\', "c\n"], [{"n": 1, "x": 2.5}], [(1, 2)]])
def test_the_study_with_its_items_can_be_read_again(items, tmp_path):
    study, again = told(items=items, blocks=3)
    assert read(again, tmp_path).items == items
    assert described(read(again, tmp_path)) == described(study)
    assert not any("Not kept" in note for note in again.notes)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"indent": 2, "sort_keys": True, "a": "b\n", "c": 1e300},
        {"separators": [",", ":"], "none": []},
        {"grid": {"z": [1, {"λ": 2.5}], "a": {}}, "n": 1},
        {"default": None, "separators": (",", ":"), "keys": {1: b"2"}},
    ],
)
def test_the_study_with_its_arguments_can_be_read_again(kwargs, tmp_path):
    study, again = told(
        workload="json:dumps", kwargs=kwargs, suites={"one": {"kwargs": {**kwargs, "more": 1}}, "two": {"tasks": 3}}
    )
    assert list(read(again, tmp_path).kwargs.items()) == list(kwargs.items())
    assert cases(read(again, tmp_path)) == cases(study)
    assert again.notes == ["The workload json:dumps must be importable from where the command is typed."]


@pytest.mark.parametrize(
    "asked",
    [
        {"command": "app -t {workers} 'a b'"},
        {"command": ["app", "{size}", 'a "b"'], "size": [1, 2]},
        {"command": "app {variant} | sort", "shell": True, "variants": {"a": {}, "b": {"env": {"A": "b"}}}},
        {"command": "app", "prepare": ["sync"], "figure_of_merit": r"it: (\d+)", "ignore_failure": True},
        {"workers": 1, "suites": {"one": {"command": "app"}, "two": {"command": "other {workers}", "workers": [1, 4]}}},
    ],
)
def test_the_study_of_a_program_can_be_read_again(asked, tmp_path):
    study, again = of(Study(blocks=2, **asked))
    assert cases(read(again, tmp_path)) == cases(study)
    assert described(read(again, tmp_path)) == described(study)
    assert again.notes == []


def test_the_study_of_a_program_says_nothing_of_a_function():
    _, again = of(Study(command="app"))
    assert not tomllib.loads(again.study).keys() & set(NOT_OF_A_PROGRAM)


def test_items_of_a_file_stand_in_the_study_itself(tmp_path):
    (tmp_path / "items.txt").write_text("3\n4\n")
    _, again = told(items_file=str(tmp_path / "items.txt"))
    assert tomllib.loads(again.study)["items"] == "[3, 4]"
    assert "items_file" not in again.study


@pytest.mark.parametrize("items", [[Own()], [0.5] * 5000, ["x" * 5000]])
def test_items_without_a_short_text_are_counted_and_that_is_said(items):
    _, again = told(items=items)
    assert "items" not in tomllib.loads(again.study)
    assert again.notes[0] == f"Not kept, and to be added: items ({len(items)} items)."


def test_what_is_not_kept_is_left_out_and_that_is_said(tmp_path):
    """Objects have no text; addresses and paths are of a machine, and results are mailed."""
    _, again = told(
        workload="json:dumps", kwargs={"indent": 2, "default": datetime.date(2026, 1, 2)}, backend="dask", scheduler="tcp://10.0.0.1:8786",
        variants={"old": {"python": "/opt/old/bin/python3", "env": {"LD_LIBRARY_PATH": "/opt/lib", "A": "b"}}, "new": {}},
        suites={"one": {"items": [0.5] * 3000}},
    )  # fmt: skip
    assert re.sub("#[0-9a-f]{8}", "#", again.notes[0]) == (
        "Not kept, and to be added: kwargs (indent=2, default=date#), scheduler (an address), suites.one.items (3000 items), "
        "variants.old.env.LD_LIBRARY_PATH (a path)."
    )
    assert again.notes[1] == "Of an interpreter the name alone is kept: python3 of old. Give the path where that is another one."
    study = read(again, tmp_path)
    assert (study.kwargs, study.scheduler, study.suites) == ({}, None, {"one": {}})
    assert {name: dict(one.env) for name, one in study.variants.items()} == {"old": {"A": "b"}, "new": {}}


@pytest.mark.parametrize(
    ("stored", "workload", "notes"),
    [
        (
            {"workload": "json:dumps(indent=2)", "kwargs": {"indent": 2}},
            "json:dumps",
            ["Not kept, and to be added: kwargs (indent=2)."],
        ),
        (
            {"workload": "app {workers}", "command": "app {workers}", "backend": ["program"], "kind": ["crunch"]},
            "app {workers}",
            [],
        ),
    ],
)
def test_the_study_of_a_run_that_was_begun_before_the_release_can_be_read_too(stored, workload, notes, tmp_path):
    (again,) = repeat(Result(pd.DataFrame(), pd.DataFrame(), {"run_id": "a", "study": {"workers": [1], **stored}}))
    assert workload_name(read(again, tmp_path)) == workload
    assert [note for note in again.notes if "importable" not in note] == notes
