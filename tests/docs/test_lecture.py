"""The lecture's notebook: it runs, it shows something, and it promises no figure that was not measured."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [pytest.mark.long, pytest.mark.alone]  # alone: side by side each process would run the notebook
LECTURE = Path(__file__).parents[2] / "docs" / "lecture.ipynb"


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(LECTURE, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with its outputs, run with fewer blocks and rounds in a folder of its own; a cell that raises fails here."""
    lecture = nbformat.read(LECTURE, as_version=4)
    assert sum(cell.source.count("blocks=3") for cell in lecture.cells) == 5  # each study
    for cell in lecture.cells:
        cell.source = cell.source.replace("blocks=3", "blocks=2, rounds=2")
    folder = str(tmp_path_factory.mktemp("lecture"))
    NotebookClient(lecture, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return lecture


def outputs(notebook, code, kind):
    """What the cells with ``code`` in them gave back of one kind of content."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and code in cell.source]
    assert cells
    return [output["data"][kind] for cell in cells for output in cell.outputs if kind in output.get("data", {})]


def test_it_is_stored_without_outputs(stored):
    assert nbformat.validate(stored) is None
    assert all(cell.outputs == [] and cell.execution_count is None for cell in stored.cells if cell.cell_type == "code")


def test_its_words_name_no_time_and_no_speedup(stored):
    words = "\n".join(cell.source for cell in stored.cells if cell.cell_type == "markdown")
    assert re.findall(r"\d(?:\.\d+)? ?(?:ms|us|s|seconds|times|-fold)\b", words) == []


@pytest.mark.parametrize("name", ["computing", "waiting", "matrices", "sizes", "mine"])
def test_each_of_its_studies_runs_whole_and_shows_its_tables(executed, name):
    (*_, shown) = outputs(executed, f"\n{name}", "text/html")
    assert "<table>" in shown
    assert "failed" not in shown
    text = outputs(executed, f"\n{name}", "text/plain")[-1]
    assert "Results: results/" in text


def test_matrices_with_more_blas_threads_than_cpus_are_marked(executed):
    text = outputs(executed, "\nmatrices", "text/plain")[-1]
    assert "SB104" in text


def test_what_to_use_is_told_in_words(executed):
    assert len(outputs(executed, ".recommend()", "text/html")) == 2


def test_the_pool_gave_the_answers_of_the_serial_loop(executed):
    printed = "".join(output["text"] for cell in executed.cells for output in cell.get("outputs", []) if "text" in output)
    assert re.search(r"serial: \d+\.\d+ s", printed)
    assert re.search(r"pool: \d+\.\d+ s", printed)
