"""Launchers are entry points, and options are theirs alone."""

import re

import pytest

from scalebench import Study
from scalebench.errors import LauncherError, StudyError
from scalebench.forecast import forecast, sweep_of
from scalebench.launchers import registry
from scalebench.launchers.base import Launcher
from scalebench.launchers.registry import get_launcher, make_launcher, references


class Mine(Launcher):
    name = "mine"
    summary = "another package's"
    options = {"place": "where"}  # noqa: RUF012

    def __init__(self, options):
        self.place = options.get("place")

    def prepare(self, cases):
        raise LauncherError(self.place)


@pytest.fixture
def mine(monkeypatch):
    monkeypatch.setattr(
        registry, "references", lambda: {**references(), "mine": f"{__name__}:Mine", "broken": "no.such.module:Mine"}
    )
    monkeypatch.setattr("scalebench.study.launchers", registry.references)
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(Mine=Mine))


@pytest.mark.parametrize("name", ["local", "mpiexec", "slurm"])
def test_each_says_what_it_is(name):
    launcher = get_launcher(name)
    assert launcher.name == name
    assert launcher.summary
    assert all(launcher.options.values())


@pytest.mark.usefixtures("mine")
def test_another_package_adds_one_by_naming_it():
    sweep = sweep_of(Study(backend="mpi", workers=2, nodes=2, launcher="mine", launcher_options={"place": "far"}))
    assert isinstance(sweep.launcher, Mine)
    assert sweep.launcher.place == "far"
    assert {entry.case.launcher for entry in sweep.entries} == {"mine"}


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("it is far.\nGo there", "it is far.\nGo there"),
        ("it is far.", "it is far.\nMend that, or leave launcher out"),
        ("it is far", "it is far.\nMend that, or leave launcher out"),
    ],
)
def test_one_that_can_not_start_hosts_is_an_error_of_the_study_whether_it_names_a_way_out_or_not(said, told):
    study = Study(backend="serial", workers=1, launcher="mine", launcher_options={"place": said})
    with pytest.raises(StudyError) as raised:
        forecast(study)
    assert str(raised.value) == f"launcher = 'mine': {told}"


@pytest.mark.usefixtures("mine")
def test_one_that_can_not_be_loaded_says_why():
    with pytest.raises(StudyError, match=re.escape("no.such.module:Mine can't be loaded: No module named")):
        make_launcher("broken", {})


@pytest.mark.parametrize(("asked", "words"), [
    ({"launcher": "slrum"}, "Did you mean 'slurm'?"),
    ({"launcher_options": {"partition": "x"}}, "launcher 'local' has no options"),
    ({"launcher": "slurm", "launcher_options": "tim=1:00"}, "Did you mean 'time'?"),
    ({"launcher": "slurm", "launcher_options": "time"}, "must be KEY=VALUE"),
    ({"launcher": "slurm", "launcher_options": {"time": None}}, "must be KEY=VALUE"),
    ({"nodes": "0"}, "must be a whole number, 1 or more"),
])  # fmt: skip
def test_what_no_launcher_has_is_an_error_of_the_study(asked, words):
    with pytest.raises(StudyError, match=re.escape(words)):
        Study(backend="mpi", **asked)


class TestNodes:
    def cases(self, **asked):
        study = Study(workload="math:sqrt", launcher="mpiexec", launcher_options="hosts=a,b", baselines=False, **asked)
        return {(one.case.backend, one.case.workers, one.case.nodes) for one in sweep_of(study).entries}

    def test_are_an_axis_of_what_has_ranks_and_one_for_all_else(self):
        assert self.cases(backend="mpi,processes", workers=2, nodes="1,2") == {("mpi", 2, 1), ("mpi", 2, 2), ("processes", 2, 1)}

    def test_of_which_some_would_have_no_worker_are_left_out(self):
        assert self.cases(backend="mpi", workers="1,2,4", nodes="2") == {("mpi", 2, 2), ("mpi", 4, 2)}

    def test_collapse_to_one_on_this_machine_so_that_the_study_of_a_cluster_runs_on_a_laptop(self):
        study = Study(backend="mpi", workers=2, nodes="1,2", baselines=False)
        assert {one.case.nodes for one in sweep_of(study).entries} == {1}

    def test_are_refused_on_this_machine_where_one_was_not_asked_for(self):
        with pytest.raises(StudyError, match="the launcher 'local' starts hosts on this machine and no other"):
            sweep_of(Study(backend="mpi", workers=2, nodes=2))

    def test_are_one_for_every_baseline(self):
        study = Study(backend="mpi", workers=2, nodes=2, launcher="mpiexec", launcher_options="hosts=a,b")
        assert {one.case.nodes for one in sweep_of(study).entries if one.added} == {1}

    def test_are_an_axis_of_a_command_that_names_them(self):
        study = Study(command="srun -N {nodes} -n {workers} app", workers="1,2", nodes="1,2", launcher="slurm", baselines=False)
        assert {(one.case.workers, one.case.nodes) for one in sweep_of(study).entries} == {(1, 1), (2, 1), (2, 2)}


def test_a_case_has_the_same_id_however_it_is_started():
    here, there = (sweep_of(Study(backend="serial", workers=1, launcher=name)).entries[0].case for name in ("local", "slurm"))
    assert here != there
    assert here.case_id == there.case_id
