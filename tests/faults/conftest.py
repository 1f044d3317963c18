"""What a fault must leave as it was: the caller's own process, and the machine."""

import os
import signal
import sys
import tempfile
import threading
import uuid
from pathlib import Path

import psutil
import pytest


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """Call it to look at all that a run must leave alone; the temporary folder is one of the test's own, and not that of ``tmp_path``."""
    mark = uuid.uuid4().hex
    folder = tempfile.mkdtemp(prefix="t")  # short, for sockets
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.setenv("SCALEBENCH_TEST", mark)
    monkeypatch.setattr(tempfile, "tempdir", None)

    def look():
        return {
            "processes": _processes(mark),
            "temporary files": set(os.listdir(folder)),
            "folder": os.getcwd(),
            "environment": dict(os.environ),
            "handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
            "recursion limit": sys.getrecursionlimit(),
            "path": list(sys.path),
            "threads": threading.active_count(),
            "descriptors": psutil.Process().num_fds(),
        }

    yield look
    for one in _processes(mark):
        psutil.Process(one).kill()
    Path(folder).rmdir()


def _processes(mark):
    """Those below this one, and any other that has the test's mark in its environment or its arguments."""
    own = psutil.Process()
    found = {one.pid for one in own.children(recursive=True)}
    for one in psutil.process_iter():
        try:
            if one.pid != own.pid and (one.environ().get("SCALEBENCH_TEST") == mark or mark in one.cmdline()):
                found.add(one.pid)
        except (psutil.Error, OSError):
            continue
    return found
