"""The how-to pages: what they say is done, in a folder of its own, with fewer blocks and rounds."""

import pytest
from pages import Reader

from scalebench import load

#: of the nearest pyproject.toml: what commands and studies of a page don't say themselves
LESS = "[tool.scalebench]\nblocks = 1\nrounds = 1\n"


@pytest.fixture
def reader(tmp_path):
    """A reader of a page, in an empty folder but for the project's defaults."""

    def open_page(page, **changes):
        (tmp_path / "pyproject.toml").write_text(LESS)
        return Reader(tmp_path, page, **changes)

    return open_page


def runs(folder):
    return [load(path) for path in sorted((folder / "results").iterdir())]


@pytest.mark.long
def test_my_function_is_measured_and_what_to_use_is_told(reader, tmp_path):
    printed = reader(
        "docs/how-to/my-function.md",
        instead={
            "range(1000, 9000, 400)": "range(1000, 2000, 400)", "1..2x": "1,2", "range(1, 20)": "range(1, 4)", "--budget 2m": "--blocks 1",
        },
    ).follow()
    assert all(set(one.rounds["status"]) == {"ok"} for one in runs(tmp_path))
    by_name = {one.about["study"]["workload"].split("(")[0]: one.rounds for one in runs(tmp_path)}
    assert by_name.keys() >= {"primes:primes_below", "work:simulate", "model:predictions"}
    assert set(by_name["model:predictions"]["answers"]) == {"same"}
    assert "launches, about" in next(told for command, told in printed.items() if command.endswith("--dry-run"))
    assert "Next:" in printed["scalebench recommend"]
