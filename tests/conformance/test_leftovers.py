"""Whatever ends a launch, of any backend: no process, no shared memory and no temporary file of it is left."""

import os
import tempfile
from pathlib import Path

import psutil
import pytest
import shared_memory

ITEMS = list(range(4))


@pytest.fixture
def places(monkeypatch):
    """What lies where things are left behind, by place: the temporary folder is one of the test's own."""
    folder = tempfile.mkdtemp(prefix="t")  # short, for sockets
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.setattr(tempfile, "tempdir", None)

    def look():
        children = {one.pid for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE}
        return {"processes": children, "temporary": set(os.listdir(folder))}

    yield look
    Path(folder).rmdir()


@pytest.mark.parametrize("workload", ["leaves_things_and_hangs", "dies"])
def test_nothing_is_left_by(workload, bench, places):
    before, shared_before = places(), shared_memory.look()
    told = bench.launch(workload, ITEMS, timeout=2)  # some pools wait for ever for a worker that died
    assert told.status in ("timeout", "crashed", "failed")
    assert places() == before
    assert shared_memory.left_since(shared_before) == set()
