"""Every registered backend, with every value of its own axes: a new backend is tested by being registered.

On this machine; elsewhere where the environment says so, which ``tests/cluster/test_conformance.py`` does:
``SCALEBENCH_TEST_HOSTS=node1,node2`` has ranks on two hosts, started by the launcher ``mpiexec``, and
``SCALEBENCH_TEST_SCHEDULER=ADDRESS`` the workers of a dask or a ray that somebody has started; with their machines, by commas, in
``SCALEBENCH_TEST_MACHINES``.
"""

import itertools
import multiprocessing
import os
import platform
from pathlib import Path

import pytest

from scalebench.backends.registry import get_backend, references
from scalebench.case import Case
from scalebench.launch import launch
from scalebench.launchers import base
from scalebench.launchers.registry import make_launcher
from scalebench.plan import Reference, open_request
from scalebench.study import Study
from scalebench.sweep import expand

HOSTS = os.environ.get("SCALEBENCH_TEST_HOSTS")
SCHEDULER = os.environ.get("SCALEBENCH_TEST_SCHEDULER")
MACHINES = os.environ.get("SCALEBENCH_TEST_MACHINES", platform.node()).split(",")

#: values to try of the axes that a backend may have; of others its default alone
VALUES = {
    "start_method": multiprocessing.get_all_start_methods(),
    "mpi_mode": ["world", "spawn"],
    "distribution": ["block", "cyclic"],
}

#: backends whose pools take seconds to start. Of dask is tried in any case all that looks at one launch, and these; the rest is long
SLOW = ("dask",)
FIRST = (
    "test_of_a_task_carry_the_remote_traceback_and_leave_the_pool_open_for_a_next_request",
    "test_nothing_is_left_by",
)
#: of ray, all that looks at one launch, these, and what workers at an address can't show is long; the rest is rare here, where each test
#: starts a cluster of its own: tests/cluster has one for all of them
OF_OWN_WORKERS = (
    "test_are_set_up_once_each_and_that_counts_as_start_up",
    "test_have_the_blas_threads_that_were_asked_for",
    "test_without_task_timing_fail_as_the_interface_tells_it",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if not item.path.is_relative_to(Path(__file__).parent) or not hasattr(item, "callspec"):
            continue
        backend = item.callspec.params.get("backend", {}).get("backend")
        first = item.originalname in FIRST or {"life", "squared"} & set(item.fixturenames)
        if backend == "ray" and SCHEDULER is None:
            item.add_marker("long" if first or item.originalname in OF_OWN_WORKERS else "rare")
        elif (backend in SLOW and not first) or item.callspec.params["backend"] != usual(backend):
            item.add_marker("long")


def usual(backend):
    """The first values of a backend's own axes: what is tried in any case, the others being long."""
    return next(one for one in configurations(first_only=True) if one["backend"] == backend)


def configurations(*, first_only):
    for name in references():
        axes = {axis: VALUES.get(axis, defaults) for axis, defaults in get_backend(name).axes.items()}
        each = itertools.product(*axes.values())
        for values in itertools.islice(each, 1 if first_only else None):
            yield {"backend": name, **dict(zip(axes, values, strict=True))}


def pytest_generate_tests(metafunc):
    """Tests meet every configuration; those with the mark ``interface``, where how workers start makes no difference, one of each backend."""
    if "backend" in metafunc.fixturenames:
        found = list(configurations(first_only=metafunc.definition.get_closest_marker("interface") is not None))
        metafunc.parametrize(
            "backend",
            found,
            ids=lambda one: "-".join(str(value) for value in one.values() if value),
            indirect=True,
            scope="module",
        )


@pytest.fixture(scope="module")
def backend(request):
    """The axes of a case that name a backend; fails rather than skips where CI must run it."""
    reason = base.unavailable(request.param["backend"])
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{request.param['backend']}: {reason}")
    return request.param


@pytest.fixture(scope="module")
def workers(backend):
    return 1 if get_backend(backend["backend"]).only_one_worker else 3


@pytest.fixture
def in_processes(backend):
    """Whether items and answers travel between processes."""
    one = get_backend(backend["backend"])
    return not (one.threads or one.only_one_worker)


class Bench:
    """One workload on one backend: a launch of it, or a host to talk to."""

    def __init__(self, backend, workers):
        self.backend = backend
        self.workers = workers
        self.machines = MACHINES  #: that the workers are on
        self.elsewhere = [platform.node()] != MACHINES
        self.launcher = make_launcher("mpiexec", {"hosts": HOSTS}) if HOSTS else make_launcher("local", {})

    def prepare(self, workload, items, **asked):
        study = Study(workload=f"tasks:{workload}", items=items, timeout=asked.pop("timeout", 60), rounds=2)
        sweep = expand(study)
        sweep.launcher, sweep.address = self.launcher, SCHEDULER
        blas_threads = asked.pop("blas_threads", 1)
        workers = asked.pop("workers", self.workers)
        case = Case(**{
            **sweep.entries[0].case.asked(), "start_method": None, "mpi_mode": None, "distribution": None,
            **self.backend, "workers": workers, "blas_threads": blas_threads, "tasks": len(items),
            "launcher": self.launcher.name, "nodes": min(workers, 2) if HOSTS else 1, **asked,
        })  # fmt: skip
        return case, sweep, study

    def launch(self, workload, items, **asked):
        """The launch; answers are compared with those of ``expected``, digests by item, where given."""
        digests = asked.pop("digests", None)
        task_timing = asked.pop("task_timing", "on")
        reference = None if digests is None else Reference([0.001] * len(items), digests, 0.1)
        case, sweep, study = self.prepare(workload, items, **asked)
        return launch(
            case,
            dict.fromkeys(("run_id", "machine_id", "study", "suite"), "test") | {"block": 0, "attempt": 0},
            sweep,
            study,
            reference,
            None,
            task_timing,
        )

    def host(self, workload, items, **asked):
        """A started host and what opens its pool."""
        case, sweep, _ = self.prepare(workload, items, **asked)
        return self.launcher.start(case), open_request(case, sweep)


@pytest.fixture(scope="module")
def bench(backend, workers):
    return Bench(backend, workers)
