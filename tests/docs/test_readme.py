"""The README's figures are those of the committed reference run, and that run names no host."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scalebench.report.charts.base import MARKS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def update_readme():
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "docs" / "update_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_figure_in_the_readme_is_of_the_reference_run(update_readme):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert update_readme.updated(text, update_readme.reference()) == text


def marks(svg):
    """What each mark of data says of itself."""
    (group,) = [one for one in ElementTree.fromstring(svg).iter() if MARKS in (one.get("class") or "").split()]
    return [one.get("aria-label") for one in group]


def test_every_picture_is_of_the_reference_run_and_small(update_readme):
    for name, chart in update_readme.pictures(update_readme.reference()).items():
        file = update_readme.IMAGES / f"{name}.svg"
        assert file.stat().st_size < 150_000
        found = marks(file.read_text(encoding="utf-8"))
        assert found == marks(update_readme.svg(chart))
        assert len(found) == chart.marks


def test_the_reference_run_is_whole_and_small(update_readme):
    result = update_readme.reference()
    assert result.about["status"] == "finished"
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["answers"]) == {"same", "unchecked"}
    assert sum(path.stat().st_size for path in result.path.iterdir()) < 1_000_000


def test_the_time_that_the_reference_run_took_is_within_one_and_a_half_of_the_estimate(update_readme):
    about = update_readme.reference().about
    assert 1 / 1.5 < about["actual_s"] / about["estimate_s"] < 1.5


def test_the_suites_of_the_readme_are_those_of_the_default_study(update_readme):
    assert update_readme.reference().about["study"]["name"] == "default"
