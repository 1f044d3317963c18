"""What the launcher makes of Slurm's answers, given by a list; that Slurm gives them is shown in tests/cluster."""

import subprocess

import pytest
from factories import make_case

from scalebench.errors import HostCrashedError, LauncherError
from scalebench.launchers import nodes, slurm, slurm_commands, slurm_jobs
from scalebench.launchers.base import never
from scalebench.launchers.mpi import MPI


class Answers:
    """In the place of the commands of Slurm: ``squeue`` answers one after the other; all calls are kept."""

    def __init__(self, *states):
        self._states = list(states)
        self.asked = []
        self.nodes = "a b"  #: of a job; empty: squeue does not say
        self.refusals = []  #: of sbatch and scancel: name, exit status, words; each once
        self._jobs = 0

    def __call__(self, command, variables=None):
        self.asked.append(command)
        done = subprocess.CompletedProcess(command, 0, "", "")
        if self.refusals and self.refusals[0][0] == command[0]:
            _, done.returncode, done.stderr = self.refusals.pop(0)
        elif command[0] == "sbatch":
            self._jobs += 1
            done.stdout = f"{self._jobs}\n"
        elif "--format=%N" in command or command[:2] == ["scontrol", "show"]:
            done.stdout = self.nodes
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
def guarded():
    """Name -> what the guard does when the controller is gone; None: nothing any more."""
    return {}


@pytest.fixture
def launcher(monkeypatch, guarded):
    """One outside of an allocation, and one in job 7."""
    monkeypatch.setattr(slurm_jobs, "_LOOKS_S", (0.0, 0.0))
    monkeypatch.setattr(slurm_commands, "_TRIES_S", (0.0, 0.0))
    monkeypatch.setattr(slurm.guard, "at_end", lambda key, command: guarded.update({key: command}))

    def make(*states, inside=False, **options):
        answers = Answers(*states)
        for module in (slurm, slurm_commands, slurm_jobs):
            monkeypatch.setattr(module, "run_command", answers)
        (monkeypatch.setenv("SLURM_JOB_ID", "7") if inside else monkeypatch.delenv("SLURM_JOB_ID", raising=False))
        return slurm.Slurm(options), answers

    return make


def test_a_question_that_slurm_does_not_answer_is_asked_again_and_costs_no_job(launcher):
    one, answers = launcher("PENDING", None, None, "RUNNING")
    one.wait(never)
    assert len(answers.times("sbatch")) == 1
    assert answers.times("scancel") == []


@pytest.mark.parametrize("state", [None, "RUNNING", "SUSPENDED", "COMPLETING"])
def test_a_launch_is_not_lost_by_a_question_without_an_answer_or_a_job_that_pauses(launcher, state):
    launcher(state)
    assert not slurm._Step("7", "step", ["a"]).lost()


@pytest.mark.parametrize("state", ["TIMEOUT", "CANCELLED", "NODE_FAIL", "forgotten"])
def test_it_is_lost_with_its_job(launcher, state):
    launcher(state)
    assert slurm._Step("7", "step", ["a"]).lost()


def test_a_launch_ends_its_own_steps_and_those_of_no_other_run_in_the_job(launcher):
    _, answers = launcher("RUNNING")
    steps = ["7.0 scalebench-mine-1", "7.1 scalebench-mine-12", "7.2 hydra_pmi_proxy", "7.interactive interactive"]
    answers.steps = "\n".join(steps)
    slurm._Step("7", "scalebench-mine-1", ["a"]).end(well=False)
    assert answers.times("scancel") == [["7.0"]]


def test_a_launch_that_ended_well_has_no_step_to_end(launcher):
    _, answers = launcher("RUNNING")
    slurm._Step("7", "scalebench-mine-1", ["a"]).end(well=True)
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


def test_a_partition_that_is_hidden_is_there(launcher, monkeypatch):
    one, _ = launcher("RUNNING", partition="hidden")
    shown = {True: "test* 3\nhidden 1\n", False: "test* 3\n"}
    monkeypatch.setattr(slurm, "answer", lambda *command: shown["--all" in command])
    one._check_partition()


@pytest.fixture
def started(monkeypatch):
    """The commands of launches, which are not begun."""
    commands = []
    monkeypatch.setattr(slurm, "HostProcess", lambda command, *_, **__: commands.append(command))
    monkeypatch.setattr(slurm, "find_mpi", lambda *_: MPI("MPICH", "mpiexec", open_mpi=False))
    return commands


ON_TWO = {"backend": "mpi", "workers": 2, "nodes": 2}


class TestTheNodesOfAJob:
    def test_are_kept_from_when_it_was_seen_to_run(self, launcher, started):
        one, answers = launcher("RUNNING")
        one.wait(never)
        answers.nodes = ""  # squeue does not answer any more
        one.wait(never)
        one.start(make_case(**ON_TWO))
        assert started[0][started[0].index("-hosts") + 1] == "a:1,b:1"

    def test_that_are_not_told_are_a_job_that_was_lost_until_they_are(self, launcher, started):
        one, answers = launcher("RUNNING")
        answers.nodes = ""
        one.wait(never)
        with pytest.raises(HostCrashedError, match="job 1 of Slurm was lost") as caught:
            one.start(make_case(**ON_TWO))
        assert caught.value.taken_away
        answers.nodes = "a b"
        one.wait(never)
        one.start(make_case(**ON_TWO))
        assert len(started) == 1

    def test_are_those_of_the_next_one_after_it(self, launcher, started):
        one, answers = launcher("RUNNING")
        one.wait(never)
        one.block_ended()
        answers.nodes = "c d"
        one.wait(never)
        one.start(make_case(**ON_TWO))
        assert "c:1,d:1" in started[0]


def test_arguments_of_srun_go_where_it_starts_ranks_and_nowhere_else(launcher, started, monkeypatch):
    one, _ = launcher("RUNNING", srun="--cpu-bind=cores", mpi="pmi2")
    monkeypatch.setattr(one, "_starter", lambda *_: "pmi2")
    one.wait(never)
    for case in (make_case(**ON_TWO), make_case(backend="serial"), make_case(backend="threads", workers=2)):
        one.start(case)
    assert ["--cpu-bind=cores" in command for command in started] == [True, False, False]


@pytest.mark.parametrize(
    ("case", "cpus"),
    [
        ({"backend": "processes", "workers": 4, "blas_threads": 2, "start_method": "fork"}, 8),
        ({"backend": "mpi", "workers": 5, "nodes": 2}, 3),
        ({"backend": "program", "workers": 8, "nodes": 4, "kind": None}, 2),
        ({"backend": "serial"}, 1),
    ],
)
def test_a_job_that_shares_its_nodes_asks_on_each_for_the_cpus_that_any_case_wants_there(launcher, case, cpus):
    one, _ = launcher("RUNNING", exclusive="no")
    (line,) = one.planned([make_case(backend="serial"), make_case(**case)])
    assert f" --nodes={case.get('nodes', 1)} --ntasks-per-node={cpus} " in line


LIMIT = "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


class TestASubmissionThatIsRefused:
    @pytest.mark.parametrize("words", [
        LIMIT,
        LIMIT.replace("QOSMaxSubmitJobPerUserLimit", "AssocMaxSubmitJobLimit"),
        LIMIT.splitlines()[-1],
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
    ])  # fmt: skip
    def test_since_there_is_no_room_now_is_waited_for_and_told_once(self, launcher, capsys, words):
        one, answers = launcher("RUNNING")
        answers.refusals = [("sbatch", 1, words)] * 9
        one.wait(never)
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1
        assert told[0].startswith("scalebench: waits for a place in the queue: ")
        assert len(answers.times("sbatch")) == 10
        assert answers.times("scancel") == []

    @pytest.mark.parametrize("words", ["Invalid account", LIMIT.replace("MaxSubmitJobPerUser", "MaxWallDurationPerJob")])
    def test_for_another_reason_three_times_ends_the_run_in_slurms_words(self, launcher, words):
        one, answers = launcher("RUNNING")
        answers.refusals = [("sbatch", 1, words)] * 3
        with pytest.raises(LauncherError) as caught:
            one.wait(never)
        assert str(caught.value).startswith("Slurm refuses the job, 3 times one after the other: ")
        assert words.splitlines()[-1] in str(caught.value)
        assert "--resume" in str(caught.value)

    def test_is_no_reason_to_end_when_it_goes_through_the_next_time(self, launcher):
        one, answers = launcher("RUNNING")
        answers.refusals = [("sbatch", 1, "Invalid account")] * 2
        one.wait(never)
        one.block_ended()
        answers.refusals = [("sbatch", 1, "Invalid account")] * 2
        one.wait(never)


class TestASubmissionThatDoesNotAnswer:
    @pytest.mark.parametrize("refusal", [
        (slurm_commands.NO_ANSWER, "sbatch: no answer within 60 s"),
        (1, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"),
    ])  # fmt: skip
    def test_may_have_been_one_and_is_cancelled_by_name_before_there_is_another(self, launcher, refusal):
        one, answers = launcher("RUNNING")
        answers.refusals = [("sbatch", *refusal)]
        one.begin_run("RUN")
        one.wait(never)
        (name,) = {word for command in answers.times("sbatch") for word in command if word.startswith("--job-name=")}
        assert name.startswith("--job-name=scalebench-RUN-")
        asked = [command for command in answers.asked if command[0] in ("sbatch", "scancel")]
        assert [command[0] for command in asked] == ["sbatch", "scancel", "scancel", "sbatch"]  # by both names that it has had
        assert asked[2] == ["scancel", name.replace("job-name", "name")]
        one.close()  # it may have come late
        assert answers.asked[-1] == asked[2]

    def test_holds_back_another_one_while_it_can_not_be_cancelled(self, launcher):
        one, answers = launcher("RUNNING")
        answers.refusals = [("sbatch", slurm_commands.NO_ANSWER, ""), *[("scancel", 1, "Unable to contact")] * 3]
        one.wait(never)
        assert [command[0] for command in answers.asked if command[0] in ("sbatch", "scancel")] == [
            "sbatch",
            *["scancel"] * 4,
            "sbatch",
        ]


def test_the_guard_knows_a_jobs_name_before_it_is_submitted_and_no_two_runs_share_one(launcher, guarded):
    one, answers = launcher("RUNNING")
    other, _ = launcher("RUNNING")
    names = []
    for run in (one, other):
        run.begin_run("RUN")
        before = set(guarded)
        answers.refusals = [("sbatch", 1, "Invalid account")] * 3
        slurm_jobs.run_command.refusals = answers.refusals
        with pytest.raises(LauncherError):
            run.wait(never)
        (name,) = set(guarded) - before
        assert guarded[name] == ["scancel", f"--name={name}"]
        names.append(name)
    assert len(set(names)) == 2


class TestAJobThatIsGivenBack:
    @pytest.mark.parametrize("refusals", [[], [("scancel", 1, "scancel: error: Kill job error on job id 1: Invalid job id specified")],
                                          [("scancel", 1, "Unable to contact slurm controller")] * 2])  # fmt: skip
    def test_is_forgotten_when_it_is_cancelled_or_unknown(self, launcher, guarded, capsys, refusals):
        one, answers = launcher("RUNNING")
        one.wait(never)
        answers.refusals = refusals
        one.block_ended()
        assert list(guarded.values()) == [None]
        assert capsys.readouterr().err == ""
        assert not answers.refusals

    def test_and_is_not_is_told_and_left_to_the_guard_until_it_is(self, launcher, guarded, capsys):
        one, answers = launcher("RUNNING")
        one.wait(never)
        answers.refusals = [("scancel", 1, "Unable to contact slurm controller")] * 3
        one.block_ended()
        (name,) = guarded
        assert guarded[name] == ["scancel", f"--name={name}"]
        said = capsys.readouterr().err
        assert "job 1 could not be given back (Unable to contact slurm controller)" in said
        assert f"scancel --name={name}" in said
        one.close()
        assert answers.times("scancel")[-1] == [f"--name={name}"]
        assert guarded == {name: None}


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

    def test_whose_nodes_did_not_answer_is_looked_at_again_before_the_next_launch(self, launcher, monkeypatch):
        one, _ = launcher("RUNNING")
        one._first_nodes, one._looked_at = {"a": FACTS}, "0"
        told = [nodes.NodesError("no answer within 120 s"), {"b": {**FACTS, "cpu": "Xeon"}}]

        def ask(*_):
            if isinstance(answer := told.pop(0), Exception):
                raise answer
            return answer

        monkeypatch.setattr(nodes, "ask", ask)
        one.wait(never)
        with pytest.raises(LauncherError, match="other machines"):
            one.wait(never)

    def test_on_machines_of_the_same_kind_is_used(self, launcher, monkeypatch):
        self.wait_for_second(launcher, monkeypatch, memory_gib=376.5)
