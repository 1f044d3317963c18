"""A run that was interrupted goes on where it ended, or says why it can't."""

import datetime
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

import scalebench
from scalebench import cli, resume
from scalebench.api import run_observed
from scalebench.errors import ResultsError
from scalebench.results.load import load
from scalebench.results.store import Store
from scalebench.study import Study, described

TINY = {"kind": "sleep", "size": 1, "tasks": 2, "backend": ["threads"], "workers": "1,2", "blocks": 3, "rounds": 2}
LAUNCH = ["block", "case_id", "attempt"]


class EnoughError(Exception):
    """Raised by an observer: the controller's own end, without a signal."""


def interrupted(study, results, after, error=EnoughError):
    """The folder of a run that ended after so many launches."""
    told = []

    def stop(*launch):
        told.append(launch)
        if len(told) == after:
            raise error

    with pytest.raises(error):
        run_observed([stop], study, results=results)
    return max(results.iterdir())


def launches(rounds):
    return sorted(map(tuple, rounds[LAUNCH].drop_duplicates().to_numpy().tolist()))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return scalebench.run(Study(**TINY), results=tmp_path_factory.mktemp("undisturbed")).rounds


@pytest.mark.parametrize("after", [5, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 3, 8))])
def test_no_finished_launch_is_repeated_and_the_set_of_launches_is_that_of_an_undisturbed_run(after, undisturbed, tmp_path):
    folder = interrupted(Study(**TINY), tmp_path, after)
    before = load(folder)
    assert len(launches(before.rounds)) == after
    whole = scalebench.run(resume="latest", results=tmp_path)
    assert whole.path == folder
    assert launches(whole.rounds) == launches(undisturbed)
    kept = whole.rounds.merge(before.rounds[LAUNCH].drop_duplicates())
    columns = [*LAUNCH, "round", "warmup"]
    pd.testing.assert_frame_equal(
        kept.sort_values(columns).reset_index(drop=True), before.rounds.sort_values(columns).reset_index(drop=True)
    )
    assert len(whole.tasks) == (~undisturbed["warmup"]).sum() * TINY["tasks"]
    assert whole.about["status"] == "finished"
    assert [one["launches"] for one in whole.about["resumed"]] == [after]


@pytest.mark.long
def test_a_run_may_be_interrupted_and_resumed_again_and_again(undisturbed, tmp_path):
    folder = interrupted(Study(**TINY), tmp_path, 2)
    for _ in range(3):
        with pytest.raises(EnoughError):
            run_observed([_raise], resume=folder.name, results=tmp_path)
    whole = scalebench.run(resume=folder)
    assert launches(whole.rounds) == launches(undisturbed)
    assert [one["launches"] for one in whole.about["resumed"]] == [2, 3, 4, 5]
    assert sorted(one.name for one in folder.iterdir()) == ["rounds.parquet", "run.json", "tasks.parquet"]


def _raise(*_):
    raise EnoughError


def test_what_the_launches_taught_is_known_again(tmp_path):
    study = Study(workload="tasks:fails_in_other_threads", items=[1, 2], backend="threads", workers=1, blocks=3, rounds=1)
    folder = interrupted(study, tmp_path, 2)
    assert list(load(folder).rounds.query("backend == 'threads'")["status"]) == ["failed", "failed"]
    rounds = scalebench.run(resume=folder).rounds.query("backend == 'threads'").sort_values(["block", "attempt"])
    assert list(rounds["status"]) == ["failed", "failed", "skipped", "skipped"]  # given up in the one run, skipped in the other


def test_a_run_that_was_killed_has_its_parts_and_goes_on(tmp_path, undisturbed, monkeypatch):
    monkeypatch.setattr(Store, "compact", Store._disown)
    folder = interrupted(Study(**TINY), tmp_path, 4)
    monkeypatch.undo()
    assert not (folder / "rounds.parquet").exists()
    whole = scalebench.run(resume=folder)
    assert launches(whole.rounds) == launches(undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("left", ["tasks written", "parts not removed", "tasks moved"])
def test_a_run_that_was_killed_while_its_files_were_made_goes_on(left, tmp_path, undisturbed, monkeypatch):
    folder = interrupted(Study(**TINY), tmp_path, 4)
    kept = launches(load(folder).rounds)
    parts = folder / "parts"
    parts.mkdir()
    if left == "tasks written":
        shutil.move(folder / "rounds.parquet", parts / "0000-x-0.rounds.parquet")
        shutil.copy(folder / "tasks.parquet", parts / "0000-x-0.tasks.parquet")
    elif left == "parts not removed":
        shutil.copy(folder / "rounds.parquet", parts / "0000-x-0.rounds.parquet")
        shutil.copy(folder / "tasks.parquet", parts / "0000-x-0.tasks.parquet")
    else:
        shutil.move(folder / "tasks.parquet", parts / "_earlier.tasks.parquet")
    assert launches(load(folder).rounds) == kept
    whole = scalebench.run(resume=folder)
    assert launches(whole.rounds) == launches(undisturbed)
    assert len(whole.tasks) == (~undisturbed["warmup"]).sum() * TINY["tasks"]


def test_a_study_with_items_arguments_variants_and_suites_is_read_back(tmp_path):
    study = Study(
        workload="tasks:square", items=[3, 5], backend="serial", workers=1, blocks=2, rounds=1, baselines=False,
        variants={"here": {}, "there": {"env": {"A": "b"}}}, suites={"one": {"tasks": 4}, "two": {"items": range(3)}},
    )  # fmt: skip
    folder = interrupted(study, tmp_path, 3)
    assert described(resume.read_earlier(folder).study()) == described(study)
    assert len(launches(scalebench.run(resume=folder).rounds)) == 8


@pytest.mark.parametrize(
    "kwargs", [{"base": 7}, {"base": 7, "others": [1, {"a": 2}]}, {"others": (1, None)}], ids=["numbers", "a list", "a tuple"]
)
def test_a_study_with_arguments_is_read_back(kwargs, tmp_path):
    study = Study(workload="tasks:in_base", items=[3, 5], kwargs=kwargs, backend="serial", workers=1, blocks=3, rounds=1)
    folder = interrupted(study, tmp_path, 2)
    assert resume.read_earlier(folder).study().kwargs == kwargs
    assert len(launches(scalebench.run(resume=folder).rounds)) == 3


def test_a_study_of_a_program_is_read_back_and_what_it_runs_is_named(tmp_path, capsys):
    study = Study(command="sh -c 'exit 0' {workers}", prepare="true", workers=[1, 2], blocks=2, rounds=1)
    folder = interrupted(study, tmp_path, 2)
    assert cli.main(["run", "--resume", str(folder)]) == 0
    assert f"runs what {folder}/run.json names: sh -c 'exit 0' {{workers}}, true\n" in capsys.readouterr().err
    assert len(launches(load(folder).rounds)) == 4


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        ({"command": "sh -c 'exit 0'"}, {"workload": "sh -c 'exit 0'", "backend": ["program"], "kind": ["crunch"], "kwargs": {}}),
        (
            {"workload": "tasks:in_base", "backend": "serial", "kwargs": {"base": 7, "others": [1]}},
            {"workload": "tasks:in_base(base=7, others=[1])", "kwargs": {"base": 7, "others": "[1]"}},
        ),
        (
            {"suites": {"one": {"workload": "tasks:in_base", "kwargs": {"others": [1]}}}, "backend": "serial", "tasks": 2},
            {"suites": {"one": {"workload": "tasks:in_base(others=[1])", "kwargs": {"others": "[1]"}}}},
        ),
    ],
    ids=["a command", "arguments", "a suite"],
)
def test_a_run_that_was_begun_before_the_release_goes_on_with_the_same_study(asked, before, tmp_path):
    """Its ``workload`` held the arguments too, or the command."""
    study = Study(**asked, workers=1, blocks=2, rounds=1)
    folder = interrupted(study, tmp_path, 1)
    change(folder, study={**load(folder).about["study"], **before})
    assert scalebench.run(study, resume=folder).about["status"] == "finished"


def test_what_is_left_is_told_without_measuring_it(tmp_path, capsys):
    folder = interrupted(Study(**TINY), tmp_path, 2)
    before = sorted(folder.rglob("*"))
    told = []
    for more in ([], ["--json"]):
        assert cli.main(["run", "--resume", str(folder), "--dry-run", *more]) == 0
        told.append(capsys.readouterr().out)
    assert "3 cases x 3 blocks = 9 launches, of which 2 are there: 7 left, about " in told[0]
    plan = json.loads(told[1])
    assert (plan["stored"], len(plan["cases"]) * plan["blocks"]) == (2, 9)
    assert sorted(folder.rglob("*")) == before


def change(folder, **entries):
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.fixture
def folder(tmp_path):
    return interrupted(Study(**TINY), tmp_path, 2)


class TestOptionsOfTheLauncher:
    @pytest.fixture
    def submitted(self, folder):
        """As if it were a run of Slurm."""
        study = {**load(folder).about["study"], "launcher": "slurm", "launcher_options": {"partition": "a", "time": "10:00"}}
        change(folder, study=study)
        return folder

    def test_are_replaced_by_those_that_are_given_and_the_others_stay(self, submitted, capsys):
        options = ["--launcher-option", "time=20:00", "--launcher-option", "constraint=one"]
        assert cli.main(["run", "--resume", str(submitted), "--launcher", "slurm", *options, "--dry-run", "--json"]) == 0
        plan = json.loads(capsys.readouterr().out)
        assert plan["study"]["launcher_options"] == {"partition": "a", "time": "20:00", "constraint": "one"}
        assert "--time=20:00" in str(plan["submitted"])

    def test_are_refused_where_the_launcher_has_none_such(self, folder, capsys):
        assert cli.main(["run", "--resume", str(folder), "--launcher-option", "time=20:00", "--dry-run"]) == 2
        assert "launcher 'local' has no options" in capsys.readouterr().err

    def test_of_another_launcher_are_refused_with_it(self, submitted, capsys):
        assert cli.main(["run", "--resume", str(submitted), "--launcher", "mpiexec", "--launcher-option", "hosts=a"]) == 2
        assert capsys.readouterr().err.endswith(
            f"launcher = 'mpiexec': {submitted} was begun with 'slurm', and a run is of one launcher.\n"
            "Leave --launcher out, or begin another run\n"
        )


class TestRefused:
    def test_is_what_is_not_there(self, folder):
        with pytest.raises(ResultsError, match=f"no run at 'nothing'.\nIn .* the last ones are: {folder.name}"):
            scalebench.run(resume="nothing", results=folder.parent)

    def test_is_a_finished_run(self, folder):
        scalebench.run(resume=folder)
        with pytest.raises(ResultsError, match="is finished: there is nothing to go on with"):
            scalebench.run(resume=folder)

    def test_is_a_finished_run_beside_one_that_is_not_which_is_named(self, folder):
        scalebench.run(Study(**TINY), results=folder.parent)
        with pytest.raises(ResultsError, match=f"nothing to go on with.\nNot finished: {folder}"):
            scalebench.run(resume="latest", results=folder.parent)

    def test_is_another_study(self, folder):
        with pytest.raises(ResultsError, match=r"is of another study: blocks, seed\.\nLeave the study out"):
            scalebench.run(Study(**{**TINY, "blocks": 4, "seed": 3}), resume=folder)
        assert scalebench.run(Study(**TINY), resume=folder).about["status"] == "finished"

    def test_is_another_machine_or_other_versions(self, folder):
        machine = load(folder).about["machine"]
        change(folder, machine={**machine, "machine_id": "else", "packages": {**machine["packages"], "numpy": "1.0"}})
        with pytest.raises(ResultsError, match=r"under other conditions: machine_id, numpy 1.0 -> \d"):
            scalebench.run(resume=folder)

    def test_is_what_another_scalebench_began(self, folder):
        change(folder, scalebench="0.0.1")
        with pytest.raises(ResultsError, match=f"under other conditions: scalebench 0.0.1 -> {scalebench.__version__}"):
            scalebench.run(resume=folder)

    def test_is_another_state_of_the_code(self, folder):
        change(folder, git_commit="0" * 40)
        with pytest.raises(ResultsError, match="git commit 0000"):
            scalebench.run(resume=folder)

    def test_is_a_function_that_no_name_reaches(self, tmp_path):
        study = Study(workload=lambda item: item, items=[1, 2], backend="serial", workers=1, blocks=2, rounds=1)
        folder = interrupted(study, tmp_path, 1)
        with pytest.raises(ResultsError, match="Give the same study again, and --resume"):
            scalebench.run(resume=folder)
        assert scalebench.run(study, resume=folder).about["status"] == "finished"

    def test_are_items_that_were_only_counted(self, tmp_path):
        study = Study(workload="tasks:square", items=[0.5] * 3000, backend="serial", workers=1, blocks=2, rounds=1)
        folder = interrupted(study, tmp_path, 1)
        with pytest.raises(ResultsError, match=r"does not tell all of its study \(items\)"):
            scalebench.run(resume=folder)
        assert scalebench.run(study, resume=folder).about["status"] == "finished"

    @pytest.mark.parametrize(
        ("asked", "lacks"),
        [
            ({"kwargs": {"base": 7, "others": datetime.date(2026, 1, 2)}}, "kwargs"),
            ({"variants": {"a": {"env": {"A": "/a"}}}}, r"variants\.a\.env\.A"),
        ],
        ids=["an object", "a path"],
    )
    def test_is_what_has_only_words_in_the_run(self, asked, lacks, tmp_path):
        """Else the run would go on with them."""
        study = Study(workload="tasks:in_base", items=[3, 5], backend="serial", workers=1, blocks=2, rounds=1, **asked)
        folder = interrupted(study, tmp_path, 1)
        with pytest.raises(ResultsError, match=rf"does not tell all of its study \({lacks}\)"):
            scalebench.run(resume=folder)
        assert scalebench.run(study, resume=folder).about["status"] == "finished"

    def test_are_as_many_other_items(self, tmp_path):
        study = Study(workload="tasks:square", items=[0.5] * 3000, backend="serial", workers=1, blocks=2, rounds=1)
        folder = interrupted(study, tmp_path, 1)
        with pytest.raises(ResultsError, match="under other conditions: items"):
            scalebench.run(replace(study, items=[0.25] * 3000), resume=folder)

    def test_is_a_run_that_another_process_writes(self, folder):
        hold = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_EX); print('held', flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", hold, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(ResultsError, match="is being written by another process"):
                scalebench.run(resume=folder)
            other.communicate(b"\n")
        assert scalebench.run(resume=folder).about["status"] == "finished"
