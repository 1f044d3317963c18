"""For all tests: hosts find the workloads of ``tests/tasks.py`` by name; the CPUs that a test wants the machine to have."""

import os
from pathlib import Path

import pytest
from browsers import ABSENT, CHROMIUM
from hypothesis import HealthCheck, Phase, settings

from scalebench import machine

# the same examples in every run; no deadline, since a shared machine may pause anything
settings.register_profile("scalebench", derandomize=True, deadline=None, max_examples=60)
# for each of many mutants: a few examples, no search for the smallest that fails; all are forks of one process that has run the tests
settings.register_profile(
    "mutation", settings.get_profile("scalebench"), max_examples=10, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.differing_executors],
)  # fmt: skip
settings.load_profile("scalebench")


def pytest_collection_modifyitems(items):
    """Pages first: each is one test of minutes, for which the others need not be waited for."""
    items.sort(key=lambda item: "docs" not in item.path.parts)


@pytest.fixture(autouse=True, scope="session")
def _hosts_import_tasks():
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, ABSENT
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def cpus(monkeypatch):
    """Call it to say what the machine has: ``cpus(budget)``, ``cpus(budget, logical, physical)``."""

    def have(budget, logical=None, physical=None):
        monkeypatch.setattr(machine, "cpu_budget", lambda: budget)
        monkeypatch.setattr(machine, "logical_cpus", lambda: logical or budget)
        monkeypatch.setattr(machine, "physical_cores", lambda: physical)

    return have
