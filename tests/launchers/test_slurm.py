"""What the launcher makes of Slurm's answers, given by a list; that Slurm gives them is shown in tests/cluster."""

import subprocess

import pytest

from scalebench.errors import LauncherError
from scalebench.launchers import nodes, slurm, slurm_commands
from scalebench.launchers.base import never


class Answers:
    """In the place of the commands of Slurm: ``squeue`` answers one after the other; all calls are kept."""

    def __init__(self, *states):
        self._states = list(states)
        self.asked = []
        self._jobs = 0

    def __call__(self, command):
        self.asked.append(command)
        done = subprocess.CompletedProcess(command, 0, "", "")
        if command[0] == "sbatch":
            self._jobs += 1
            done.stdout = f"{self._jobs}\n"
        elif "--steps" in command:
            done.stdout = self.steps
        elif command[0] == "squeue":
            state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
            if state is None:
                done.returncode, done.stderr = 1, "slurm_load_jobs error: Unable to contact slurm controller"
            elif state == "forgotten":
                done.returncode, done.stderr = 1, "slurm_load_jobs error: Invalid job id specified"
            else:
                done.stdout = f"{state}|None\n"
        return done

    def times(self, name):
        return [command[1:] for command in self.asked if command[0] == name]


@pytest.fixture
def launcher(monkeypatch):
    """One outside of an allocation, and one in job 7."""
    monkeypatch.setattr(slurm, "_LOOKS_S", (0.0, 0.0))
    monkeypatch.setattr(slurm.guard, "at_end", lambda *_: None)

    def make(*states, inside=False):
        answers = Answers(*states)
        for module in (slurm, slurm_commands):
            monkeypatch.setattr(module, "run_command", answers)
        (monkeypatch.setenv("SLURM_JOB_ID", "7") if inside else monkeypatch.delenv("SLURM_JOB_ID", raising=False))
        return slurm.Slurm({}), answers

    return make


def test_a_question_that_slurm_does_not_answer_is_asked_again_and_costs_no_job(launcher):
    one, answers = launcher("PENDING", None, None, "RUNNING")
    one.wait(never)
    assert len(answers.times("sbatch")) == 1
    assert answers.times("scancel") == []


@pytest.mark.parametrize("state", [None, "RUNNING", "SUSPENDED", "COMPLETING"])
def test_a_launch_is_not_lost_by_a_question_without_an_answer_or_a_job_that_pauses(launcher, state):
    launcher(state)
    assert not slurm._Step("7", "step").lost()


@pytest.mark.parametrize("state", ["TIMEOUT", "CANCELLED", "NODE_FAIL", "forgotten"])
def test_it_is_lost_with_its_job(launcher, state):
    launcher(state)
    assert slurm._Step("7", "step").lost()


def test_a_launch_ends_its_own_steps_and_those_of_no_other_run_in_the_job(launcher):
    _, answers = launcher("RUNNING")
    steps = ["7.0 scalebench-mine-1", "7.1 scalebench-mine-12", "7.2 hydra_pmi_proxy", "7.interactive interactive"]
    answers.steps = "\n".join(steps)
    slurm._Step("7", "scalebench-mine-1").end(well=False)
    assert answers.times("scancel") == [["7.0"]]


def test_a_launch_that_ended_well_has_no_step_to_end(launcher):
    _, answers = launcher("RUNNING")
    slurm._Step("7", "scalebench-mine-1").end(well=True)
    assert answers.asked == []


def test_a_job_that_ended_is_given_back_before_another_is_submitted(launcher):
    one, answers = launcher("BOOT_FAIL", "RUNNING")
    one.wait(never)
    assert answers.times("scancel") == [["1"]]
    assert len(answers.times("sbatch")) == 2


def test_an_allocation_that_has_ended_under_the_controller_ends_the_run_which_can_be_resumed(launcher):
    one, _ = launcher("RUNNING", None, "TIMEOUT", inside=True)
    one.wait(never)
    one.wait(never)  # not answered
    with pytest.raises(LauncherError, match=r"the allocation 7 reached its time limit\.\nGo on in another one, with --resume"):
        one.wait(never)


FACTS = {"cpu": "EPYC", "cpu_budget": 64, "python": "CPython 3.12.1", "memory_gib": 376.4, "packages": {"numpy": "2.1"}}


class TestAJobAfterTheFirst:
    def wait_for_second(self, launcher, monkeypatch, **other):
        one, answers = launcher("RUNNING")
        one._first_nodes, one._looked_at = {"a": FACTS}, "0"
        asked = []
        monkeypatch.setattr(nodes, "ask", lambda *_: asked.append(answers) or {"b": {**FACTS, **other}})
        one.wait(never)
        one.wait(never)
        assert len(asked) == 1  # once a job
        return asked

    @pytest.mark.parametrize(("other", "words"), [
        ({"cpu": "Xeon"}, "cpu EPYC on a, Xeon on b"),
        ({"cpu_budget": 32}, "cpu_budget 64 on a, 32 on b"),
        ({"packages": {"numpy": "2.2"}}, "numpy 2.1 on a, 2.2 on b"),
    ])  # fmt: skip
    def test_on_machines_of_another_kind_ends_the_run_which_can_be_resumed(self, launcher, monkeypatch, other, words):
        with pytest.raises(LauncherError, match=f"job 1 is on other machines than the run so far: {words}"):
            self.wait_for_second(launcher, monkeypatch, **other)

    def test_on_machines_of_the_same_kind_is_used(self, launcher, monkeypatch):
        self.wait_for_second(launcher, monkeypatch, memory_gib=376.5)
