"""For all tests: hosts find the workloads of ``tests/tasks.py`` by name."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _hosts_import_tasks():
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
