"""The committed runs of results/reference/ are whole and small, nothing in them failed, and they name no place."""

import json

import pytest
from pages import ROOT

from scalebench import load

RUNS = sorted(path for path in (ROOT / "results" / "reference").iterdir() if path.is_dir())
MOST_BYTES = 1_600_000
CUT_SHORT = ("many-most-intel-r-xeon-2cpu",)  #: by its measurer, when a launch had timed out: that it does is what it shows


def strings(value):
    """All keys and texts in a JSON value."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else [value] * isinstance(value, str)


@pytest.mark.parametrize("run", RUNS, ids=lambda one: one.name)
def test_a_run_is_whole_and_small_and_names_no_place(run):
    result = load(run)
    assert result.about["status"] == ("interrupted" if run.name in CUT_SHORT else "finished")
    assert run.name.endswith(result.about["machine"]["machine_id"].split("-")[-2])
    assert set(result.rounds["status"]) == ({"ok", "timeout"} if run.name in CUT_SHORT else {"ok"})
    assert set(result.rounds["answers"].dropna()) <= {"same", "unchecked"}
    assert sum(path.stat().st_size for path in run.iterdir()) < MOST_BYTES
    told = strings(json.loads((run / "run.json").read_text(encoding="utf-8")))
    assert [text for text in told if text.startswith("/") or "host" in text] == []
