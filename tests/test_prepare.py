"""Variants as they are started: real interpreters, real working trees; the work that was counted tells which one ran."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_case

import scalebench
from scalebench import Study, prepare
from scalebench.errors import StudyError, WorkloadError
from scalebench.forecast import forecast
from scalebench.launchers import base, local
from scalebench.launchers.mpi import MPI
from scalebench.variants import Start

ONE = {"workers": 1, "blocks": 1, "rounds": 1, "tasks": 2}
MODULE = """
from scalebench import count_work
from helper import UNITS

def work(item):
    count_work(UNITS)
    return item
"""
SLOW = """
import time

def work(item):
    time.sleep(0.1)
    return item
"""


@pytest.fixture(autouse=True)
def left_behind(tmp_path, monkeypatch):
    """The folder that temporary ones are made in."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def git(folder, *arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    told = subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True, text=True)
    return told.stdout


def worktrees(folder):
    return git(folder, "worktree", "list").count("\n")


@pytest.fixture(params=["", "src"], ids=["flat", "in src"])
def repository(request, tmp_path, monkeypatch):
    """Two revisions; the older does twice the work. The working folder is in it, and code is imported from ``request.param``."""
    top = tmp_path / "my repository"
    code = top / request.param
    code.mkdir(parents=True)
    git(top, "init", "--quiet")
    (code / "mine_ab.py").write_text(MODULE)
    for units in (20, 10):
        (code / "helper.py").write_text(f"UNITS = {units}\n")
        git(top, "add", ".")
        git(top, "commit", "--quiet", "--message", f"units {units}")
    monkeypatch.chdir(top)
    if request.param:
        monkeypatch.setenv("PYTHONPATH", f"{code}{os.pathsep}{os.environ['PYTHONPATH']}")
    return top


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A virtual environment with nothing in it."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    return folder


def units(result):
    """Work units of a round, by variant."""
    good = result.rounds[result.rounds["status"].eq("ok")]
    return good.groupby("variant")["work_units"].unique().map(list).to_dict()


@pytest.mark.long
def test_environments_are_measured_in_the_same_blocks(tmp_path):
    study = Study(
        workload="tasks:counts_what_the_environment_says", backend="processes", **{**ONE, "blocks": 3},
        variants=["twice=env:SCALEBENCH_TEST_WORK=20", "once=env:SCALEBENCH_TEST_WORK=10", "plain"],
    )  # fmt: skip
    result = scalebench.run(study, results=tmp_path)
    assert units(result) == {"twice": [40], "once": [20], "plain": [2]}
    assert set(result.rounds["status"]) == {"ok"}
    assert (result.rounds.groupby(["variant", "backend"])["block"].nunique() == 3).all()


def test_variants_have_as_many_rounds_as_each_other(tmp_path):
    """The least of many rounds is less than the least of few, so a faster variant must not have more."""
    study = Study(
        workload="tasks:sleeps_as_the_environment_says", backend="serial", workers=1, blocks=2, tasks=1,
        variants=["short=env:SCALEBENCH_TEST_SLEEP=0.002", "long=env:SCALEBENCH_TEST_SLEEP=0.03"],
    )  # fmt: skip
    rounds = scalebench.run(study, results=tmp_path).rounds
    assert rounds[~rounds["warmup"]].groupby(["variant", "block"]).size().nunique() == 1


@pytest.mark.parametrize("backend", ["processes", "threads", pytest.param("joblib", marks=pytest.mark.long)])
def test_a_revision_is_checked_out_and_its_code_is_what_runs(tmp_path, repository, backend, monkeypatch):
    methods = {"start_method": "spawn"} if backend == "processes" else {}
    study = Study(workload="mine_ab:work", backend=backend, **methods, **ONE, variants={"old": "git:HEAD~1", "new": {}})
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # else there is what Python writes beside a module anywhere
    before = git(repository, "status", "--porcelain")
    result = scalebench.run(study, results=tmp_path)
    assert units(result) == {"old": [40], "new": [20]}
    assert set(result.rounds["status"]) == {"ok"}
    assert git(repository, "status", "--porcelain") == before
    assert worktrees(repository) == 1


@pytest.mark.parametrize("mode", ["world", pytest.param("spawn", marks=pytest.mark.long)])
def test_a_revision_is_what_mpi_ranks_run(tmp_path, repository, mode):
    pytest.importorskip("mpi4py", reason="mpi4py is an extra")
    study = Study(
        workload="mine_ab:work", backend="mpi-pool,mpi", mpi_mode=mode, **ONE, variants={"old": "git:HEAD~1", "new": "env:A=1"}
    )
    result = scalebench.run(study, results=tmp_path)
    assert units(result) == {"old": [40], "new": [20]}
    assert set(result.rounds["status"]) == {"ok"}


def test_a_run_says_what_each_variant_was_and_names_no_path(tmp_path, repository):
    study = Study(
        workload="mine_ab:work", backend="serial", **ONE,
        variants={"old": {"revision": "HEAD~1", "python": sys.executable}, "new": "env:WHERE=/a/b"},
    )  # fmt: skip
    result = scalebench.run(study, results=tmp_path)
    told = result.about["variants"]
    assert told["old"]["commit"] == git(repository, "rev-parse", "HEAD~1").strip()
    assert told["old"]["python"].split()[1] == sys.version.split()[0]
    assert told["new"]["packages"]["numpy"]
    assert told["new"]["env"] == {"WHERE": "(a path)"}
    assert str(tmp_path) not in str(told) + str(result.about["study"])
    assert sys.prefix not in str(told) + str(result.about["study"])


def test_the_first_variant_gives_the_answers_that_the_others_must_have(tmp_path):
    study = Study(
        workload="tasks:answers_what_the_environment_says", backend="serial", **ONE,
        variants=["first=env:SCALEBENCH_TEST_WORK=1", "second=env:SCALEBENCH_TEST_WORK=2", "third=env:SCALEBENCH_TEST_WORK=1"],
    )  # fmt: skip
    rounds = scalebench.run(study, results=tmp_path).rounds
    assert rounds.groupby("variant")["answers"].first().to_dict() == {"first": "same", "second": "differ", "third": "same"}
    assert "first variant; this is 'second'" in rounds.loc[rounds["variant"].eq("second"), "message"].iloc[0]


class TestAnInterpreterWithoutScalebench:
    def test_needs_only_the_host_and_sees_no_package_of_the_controller(self, tmp_path, bare):
        study = Study(
            workload="tasks:counts_two_where_pandas_could_be_imported", backend="processes,threads", **ONE,
            variants={"own": {}, "bare": str(bare)},
        )  # fmt: skip
        result = scalebench.run(study, results=tmp_path)
        assert units(result) == {"own": [4], "bare": [2]}
        assert set(result.rounds["status"]) == {"ok"}
        assert "numpy" not in result.about["variants"]["bare"]["packages"]

    def test_lacks_backends_in_its_own_rows_only(self, tmp_path, bare):
        pytest.importorskip("joblib", reason="joblib is an extra")
        study = Study(
            workload="tasks:square", backend="joblib", **ONE, variants={"own": {}, "bare": str(bare / "bin" / "python")}
        )
        rounds = scalebench.run(study, results=tmp_path).rounds
        statuses = rounds[rounds["backend"].eq("joblib")].groupby("variant")["status"].unique().map(list).to_dict()
        assert statuses == {"own": ["ok"], "bare": ["unavailable"]}
        assert "variant 'bare': joblib is not installed" in rounds.loc[rounds["status"].ne("ok"), "message"].iloc[0]

    def test_lacks_mpi_where_its_own_mpi4py_is_missing(self, tmp_path, bare):
        study = Study(workload="tasks:square", backend="mpi", **ONE, variants={"bare": str(bare)})
        rounds = scalebench.run(study, results=tmp_path).rounds
        assert set(rounds.loc[rounds["backend"].eq("mpi"), "status"]) == {"unavailable"}

    def test_counts_blas_threads_without_threadpoolctl(self, tmp_path, bare):
        """The copied host brings one, for a BLAS that the interpreter finds elsewhere."""
        numpy = pytest.importorskip("numpy")
        beside = tmp_path / "beside"
        beside.mkdir()
        for part in Path(numpy.__file__).parents[1].glob("numpy*"):
            (beside / part.name).symlink_to(part)
        study = Study(
            workload="tasks:multiplies", backend="processes", blas_threads=1, **ONE,
            variants={"bare": {"python": str(bare), "env": {"PYTHONPATH": f"{beside}{os.pathsep}{Path(__file__).parent}"}}},
        )  # fmt: skip
        rounds = scalebench.run(study, results=tmp_path).rounds
        assert set(rounds["status"]) == {"ok"}
        assert set(rounds["blas_found_max"]) == {1}

    def test_cannot_be_sent_a_function_by_value_if_it_is_another_python(self, monkeypatch):
        told = {"version": [3, 99], "failures": []}
        monkeypatch.setattr(prepare, "_ask", lambda *_: told)
        with pytest.raises(StudyError, match=r"sent by value(.|\n)*Put the function into a module"):
            forecast(Study(workload=lambda item: item, backend="serial", **ONE, variants=["a"]))


def script(folder, text):
    path = folder / "python"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


class TestBeforeAnythingIsMeasured:
    @pytest.mark.parametrize(
        ("variant", "complaint"),
        [
            ("a=/no/such/python", r"variants\.a\.python = '/no/such/python': no such interpreter"),
            ("a=KEY=VALUE", "NAME=env:KEY=VALUE"),
            ("a=/etc/passwd", "no such interpreter"),
            ("a=true", "not a Python that runs"),
            ("a=git:no-such-revision", r"variants\.a\.revision = 'no-such-revision': no commit"),
            ("a=git:--help", "no commit"),
        ],
    )
    def test_what_there_is_not_is_refused(self, repository, variant, complaint):
        with pytest.raises(StudyError, match=complaint):
            forecast(Study(workload="mine_ab:work", backend="serial", **ONE, variants=["fine", variant]))

    def test_an_old_python_is_refused(self, tmp_path):
        with pytest.raises(StudyError, match=r"is Python 3\.9\.18, hosts need 3\.11"):
            forecast(Study(workers=1, backend="serial", variants={"a": script(tmp_path, "echo noise\necho 3.9.18\n")}))

    def test_a_python_that_can_not_run_the_host_is_refused_with_its_words(self, tmp_path):
        says = 'test "$1" = -c && echo 3.12.1 && exit\necho "no module named encodings" >&2\nexit 1\n'
        with pytest.raises(StudyError, match="the host can't run there: no module named encodings"):
            forecast(Study(workers=1, backend="serial", variants={"a": script(tmp_path, says)}))

    def test_a_revision_outside_a_repository_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        (tmp_path / "alone_ab.py").write_text("def work(item): return item\n")
        with pytest.raises(StudyError, match="in a git repository"):
            forecast(Study(workload="alone_ab:work", backend="serial", **ONE, variants=["a=git:HEAD"]))

    def test_a_revision_that_would_change_nothing_is_refused(self, repository):
        with pytest.raises(StudyError, match="it would change nothing"):
            forecast(Study(workload="math:sqrt", backend="serial", **ONE, variants=["a=git:HEAD"]))
        assert worktrees(repository) == 1

    def test_a_revision_without_the_workload_is_refused(self, repository):
        helper = next(repository.glob("**/helper.py"))
        helper.write_text("UNITS = 1\nLATER = 2\n")
        module = helper.with_name("mine_ab.py")
        module.write_text(MODULE + "\n\ndef added(item):\n    return item\n")
        with pytest.raises(WorkloadError, match=r"variants\.old: the workload can't be set up there: AttributeError"):
            forecast(Study(workload="mine_ab:added", backend="serial", **ONE, variants=["old=git:HEAD", "new"]))
        assert worktrees(repository) == 1


@pytest.mark.parametrize("repository", ["src"], indirect=True, ids=["in src"])
@pytest.mark.parametrize(
    "sent", [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.long) for one in (signal.SIGTERM, signal.SIGKILL))]
)
@pytest.mark.parametrize("when", ["references", "launches"])
def test_an_interrupted_run_leaves_no_working_tree(repository, tmp_path, left_behind, sent, when):
    next(repository.glob("**/mine_ab.py")).write_text(SLOW)
    git(repository, "commit", "--quiet", "--all", "--message", "slow")
    tasks = "1000" if when == "references" else "1"
    command = [sys.executable, "-m", "scalebench", "run", "mine_ab:work", "--backend", "serial", "--tasks", tasks, "--rounds", "1",
               "--blocks", "1000", "--variant", "old=git:HEAD", "--variant", "new", "--results", str(tmp_path / "results")]  # fmt: skip
    environment = {**os.environ, "TMPDIR": str(left_behind)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # else ignored where pytest is in the background
    ) as run:  # fmt: skip
        try:
            wanted = (
                (lambda: worktrees(repository) == 2)
                if when == "references"
                else (lambda: list(tmp_path.glob("results/*/parts/*")))
            )
            give_up = time.monotonic() + 60
            while not wanted() and run.poll() is None and time.monotonic() < give_up:
                time.sleep(0.05)
            assert run.poll() is None, run.communicate()[1]
            run.send_signal(sent)
            _, told = run.communicate(timeout=60)
        finally:
            run.kill()
    if sent == signal.SIGKILL:  # the guard does it, once it has ended the host
        while ([*left_behind.iterdir()] or worktrees(repository) > 1) and time.monotonic() < give_up:
            time.sleep(0.05)
        assert [*left_behind.iterdir()] == []
    else:
        assert run.returncode == 128 + sent, told
    assert worktrees(repository) == 1


def test_mpi_is_asked_of_the_variants_interpreter_in_its_environment(monkeypatch):
    asked = []
    monkeypatch.setattr(local, "find_mpi", lambda *what: asked.append(what) or MPI("MPICH", "/opt/bin/mpiexec", open_mpi=False))
    place = Start(python="/other/python", arguments=("-P",), environment=(("A", "1"),))
    arguments, environment = local.command(make_case(backend="mpi", distribution="block", workers=2), place)
    assert asked == [("/other/python", (("A", "1"),))]
    assert arguments[:7] == ["/opt/bin/mpiexec", "-print-all-exitcodes", "-n", "2", "/other/python", "-P", "-m"]
    assert environment["A"] == "1"
    assert base.unavailable("mpi", replace(place, missing={"mpi": "not there"})) == "not there"
