"""Each fault on each backend, in a real sweep: a row that tells the cause, a clean next case, nothing left behind or changed."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import shared_memory
from faults import page
from faults.catalogue import CGROUP, FAULT, FAULTS, FAULTY, HEALTHY, MECHANISMS, PRINTED

from scalebench import runner
from scalebench.errors import brief
from scalebench.forecast import forecast
from scalebench.launchers import base
from scalebench.results.load import load
from scalebench.runner import Runner
from scalebench.study import Study
from scalebench.sweep import shuffled

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="processes and shared memory are looked up in /proc and /dev/shm"),
]

UPDATE = os.environ.get("SCALEBENCH_UPDATE") == "docs/reliability.md"
ALL_OF_THEM = "SCALEBENCH_FAULTS" in os.environ
TIMEOUT_S = 1.0  # of a round that has no end
MUCH_MB = 64  # that a task prints: more than any buffer between it and the controller
WHOLE_MB = 1024  # on one backend, and under ``nox -s faults`` on each
MOST_KEPT = 256 << 20  # bytes by which the controller may grow meanwhile

_forecasts = {}


@pytest.fixture
def backend(request):
    """What one is called in the table; fails rather than skips where CI must run it."""
    name = request.param.removesuffix(" spawn")
    if name != "program" and (reason := base.unavailable(name)) is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name}: {reason}")
    return request.param


@pytest.fixture
def ahead(backend):
    """Two cases, the faulty one first; measured once for each backend is what the right answers are."""
    if backend not in _forecasts:
        name, _, mode = backend.partition(" ")
        if name == "program":
            study = Study(command="{python} -m faults.catalogue {workers}", workers="2,1", blocks=1, rounds=1, baselines=False)
        else:
            suites = {"faulty": {"items": FAULTY}, "healthy": {"items": HEALTHY}}
            study = Study(workload="faults.catalogue:task", backend=name, mpi_mode=mode or None, workers=2, suites=suites, blocks=1,
                          rounds=1, baselines=False)  # fmt: skip
        ahead = forecast(study)
        ahead.sweep.entries.sort(key=lambda entry: -entry.case.workers)  # of a program, with two workers it is the faulty one
        seed = next(seed for seed in range(100) if shuffled(ahead.sweep.entries, seed, 0) == ahead.sweep.entries)
        _forecasts[backend] = replace(study, seed=seed), ahead
    return _forecasts[backend]


PAIRS = [(fault, backend) for fault in FAULTS for backend in fault.on]
SLOW = ("ray",)  #: it takes 20 s for two launches
#: those that are tried: all under ``nox -s faults``; else, for the time that they take, each on one backend of a kind
TRIED = [one for one in PAIRS if ALL_OF_THEM or one[1] in MECHANISMS or (one[0].by_interface and one[1] not in SLOW)]


@pytest.mark.parametrize(("fault", "backend"), TRIED, indirect=["backend"], ids=[f"{fault.name}-{on}" for fault, on in TRIED])
def test_a_fault_is_a_row_that_tells_its_cause_and_the_next_case_is_clean(
    fault, backend, ahead, surroundings, tmp_path, monkeypatch, request
):
    monkeypatch.setattr(runner, "_ATTEMPTS", 1)  # the second one is no other
    monkeypatch.setenv(FAULT, fault.name)
    if fault.name.endswith("much"):
        monkeypatch.setenv(PRINTED, str(WHOLE_MB if ALL_OF_THEM or backend == "processes" else MUCH_MB))
    if fault.name == "fills its cgroup":
        monkeypatch.setenv(CGROUP, request.getfixturevalue("small_cgroup"))
    study, cases = ahead
    before, shared_before, held = surroundings(), shared_memory.look(), psutil.Process().memory_info().rss
    sweep = Runner(replace(study, timeout=TIMEOUT_S if fault.hangs else None), cases, tmp_path)

    def then(_entry, _block, _told):
        sweep.study = study  # what is healthy may take its time: the machine may be busy

    sweep.run(then)
    rounds = load(sweep.finish()).rounds

    faulty, healthy = (rounds[rounds["case_id"] == entry.case.case_id] for entry in cases.sweep.entries)
    assert len(faulty) + len(healthy) == len(rounds)
    status, says = fault.expected(backend)
    told = faulty.fillna({"message": ""}).iloc[-1]
    assert (told["status"], told["message"]) == (status, told["message"])  # shows the message, where it is another status
    assert says in told["message"]
    assert healthy["status"].tolist() == ["ok", "ok"]  # the warm-up and the round
    assert set(healthy["answers"]) == {"unchecked" if backend == "program" else "same"}
    assert surroundings() == before
    assert shared_memory.left_since(shared_before) == set()
    assert psutil.Process().memory_info().rss - held < MOST_KEPT
    compare(fault, backend, (status, page.in_general(brief(told["message"]))))


def compare(fault, backend, outcome):
    """With the page; or put it there."""
    cells = page.read()
    if UPDATE:
        page.write({**cells, (fault.name, backend): outcome})
    else:
        assert cells[fault.name, backend] == outcome


def test_the_page_has_each_fault_on_each_backend_and_no_other():
    cells = page.read()
    assert set(cells) == {(fault.name, backend) for fault, backend in PAIRS}
    assert page.render(cells) in page.PAGE.read_text(encoding="utf-8")


@pytest.fixture
def small_cgroup():
    """Where a process writes its id to be in a cgroup that holds 64 MiB; skips where none can be made."""
    for folder, limit, swap in (
        ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),  # version 2, else 1
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness"),
    ):
        group = Path(folder) / f"scalebench-test-{os.getpid()}"
        if not (group.parent / "cgroup.procs").exists() or not os.access(group.parent, os.W_OK):
            continue
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                (group / limit).write_text(str(64 << 20))
                if (group / swap).exists():
                    (group / swap).write_text("0")
                yield str(group / "cgroup.procs")
                return
        finally:
            group.rmdir()
    (pytest.fail if os.environ.get("CI") else pytest.skip)("no cgroup with a memory limit can be made here")
