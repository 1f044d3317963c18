"""The job that the launcher ``slurm`` starts its steps in: the allocation that this runs in, or one that is submitted for each block.

A job that is submitted only holds its nodes (``sleep``), and is never requeued by Slurm, which would start that twice. It is given back
with the block, with the run, and by the guard where the controller was killed. It has a name of its own (the run's id and a token), by
which also one is found whose number was never told: ``sbatch`` may have submitted it and not have answered in time.
"""

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping

from scalebench.errors import HostCrashedError, LauncherError
from scalebench.interruption import say
from scalebench.launchers import guard, marked
from scalebench.launchers.mpiexec import words_of
from scalebench.launchers.process import interrupted_later
from scalebench.launchers.slurm_commands import NO_ANSWER, SILENT, answer, cancel, nodes_of, run_command, said, state_of

_LOOKS_S = (0.1, 5.0)  # between two looks at a job that waits: the first, the longest
_MOST = 3  # jobs one after the other that ended before they ran, or that were refused: somebody does not want them
#: states of a job that runs, or may run
RUNS = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", SILENT)
_WAITS = ("PENDING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", SILENT)
#: what a state of a job means for a launch in it
ENDED = {
    "CANCELLED": "was cancelled",
    "TIMEOUT": "reached its time limit",
    "DEADLINE": "reached its deadline",
    "NODE_FAIL": "lost a node",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "had to make room for another one",
}
_NOT_SAID = re.compile(r"timed out|no answer within", re.IGNORECASE)  # whether a job was submitted
_LATER = re.compile(r"job submit limit|temporarily unable to accept job|Unable to contact", re.IGNORECASE)
_LIMITS = re.compile(r"\b(?:QOS|Assoc)\w*Limit\b")  # by name, told before the words that are the same for all


class Job:
    """What steps are started in."""

    def __init__(self, number: str | None = None) -> None:
        self.number = number
        self._nodes: list[str] = []

    def look(self) -> None:
        """At the names of its nodes, which it keeps to its end."""
        if not self._nodes and self.number is not None:
            self._nodes = nodes_of(self.number)

    @property
    def nodes(self) -> list[str]:
        """Their names.

        Raises:
            HostCrashedError: Slurm has not said: the job is lost.
        """
        if not self._nodes:
            message = f"job {self.number} of Slurm was lost: it is not said on which nodes it is"
            raise HostCrashedError(message, taken_away=True)
        return self._nodes

    def wait(self, ends: Callable[[], bool]) -> None:
        """Return when it runs: see :meth:`Launcher.wait <scalebench.launchers.base.Launcher.wait>`."""
        raise NotImplementedError

    def begin_run(self, run_id: str) -> None:
        """It is this run's."""

    def give_back(self) -> None:
        """No step will be started in it any more."""


class Allocation(Job):
    """The user's, which this runs in."""

    def wait(self, ends: Callable[[], bool]) -> None:
        """See that it has not ended under a controller that lives elsewhere."""
        state, _ = state_of(self.number)
        if state not in (*RUNS, *_WAITS):
            raise LauncherError(
                f"the allocation {self.number} {ENDED.get(state, 'has ended')}.\nGo on in another one, with --resume"
            )
        self.look()

    def count(self) -> int:
        """How many nodes it has."""
        self._nodes = answer("scontrol", "show", "hostnames", os.environ.get("SLURM_JOB_NODELIST", "")).split()
        return len(self._nodes)


class Submitted(Job):
    """One after the other, each as large as the largest case needs."""

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__()
        self._options = options
        self._token = secrets.token_hex(4)
        self._names = [f"scalebench-{self._token}"]  #: that its jobs have had; the last one is that of the next
        self._count, self._cpus = 1, 1
        self._astray = False  #: a job of these names may be there whose number is not known
        self._ended_early = 0
        self._refused = 0

    def size(self, count: int, cpus: int) -> None:
        """Of the next one: nodes, and CPUs on each where it shares them with other jobs."""
        self._count, self._cpus = count, cpus

    def command(self, *more: str) -> list[str]:
        """What submits it."""
        named = [
            f"--{key}={self._options[key]}"
            for key in ("partition", "account", "qos", "time", "constraint")
            if key in self._options
        ]
        alone = self._options.get("exclusive", "yes") in ("yes", "true")
        room = ["--exclusive", "--mem=0"] if alone else [f"--ntasks-per-node={self._cpus}"]
        return [
            "sbatch", *more, "--parsable", f"--job-name={self._names[-1]}", f"--nodes={self._count}", *room, *named, "--no-requeue",
            "--output=/dev/null", "--chdir=/", *words_of("sbatch", self._options), "--wrap=exec sleep infinity",
        ]  # fmt: skip

    def begin_run(self, run_id: str) -> None:
        self._names.append(f"scalebench-{run_id}-{self._token}")
        if self.number is not None:
            self._guard()
            run_command(["scontrol", "update", f"JobId={self.number}", f"JobName={self._names[-1]}"])

    def _guard(self) -> None:
        guard.at_end(self._names[-1], ["scancel", f"--name={self._names[-1]}"])

    def wait(self, ends: Callable[[], bool]) -> None:
        shown = None
        pause, longest = _LOOKS_S
        while True:
            if ends():
                raise KeyboardInterrupt
            refused = self._submit() if self.number is None else None
            if refused is not None:
                shown = _show(f"a place in the queue: {refused}", shown)
                time.sleep(longest)
                continue
            state, reason = state_of(self.number)
            if state == "RUNNING":
                self._ended_early = 0
                self.look()
                return
            if state not in _WAITS:
                self._ended_early += 1
                lost = self.number
                self.give_back()
                if self._ended_early >= _MOST:
                    raise LauncherError(
                        f"{_MOST} jobs one after the other ended before they ran; the last one, {lost}, {ENDED.get(state, state)}.\n"
                        f"Ask with 'scontrol show job {lost}' why"
                    )
                continue
            shown = _show(f"job {self.number}: {state} ({reason})", shown)
            time.sleep(pause)
            pause = min(pause * 1.5, longest)

    def _submit(self) -> str | None:
        """Submit one; why there is none yet, where the queue takes none now.

        Raises:
            LauncherError: It will not take one.
        """
        if self._astray and (why := self._cancel_by_name()) is not None:
            return why
        with interrupted_later():  # else a job may be there that nobody knows
            self._guard()  # before there is one: what is killed meanwhile can't tell its number
            # marked, so that the guard ends what is about to submit one, too
            told = run_command(self.command(), {marked.VARIABLE: guard.new_mark()})
            if told.returncode == 0:
                self._refused = 0
                self.number = told.stdout.split(";")[0].strip()
                return None
            if told.returncode == NO_ANSWER or _NOT_SAID.search(told.stderr):
                self._astray = True
                return said(told)
        limits = _LIMITS.findall(told.stderr)
        if all("SubmitJob" in one for one in limits) if limits else _LATER.search(told.stderr):
            self._refused = 0
            return said(told)
        self._refused += 1
        if self._refused >= _MOST:
            raise LauncherError(
                f"Slurm refuses the job, {_MOST} times one after the other: {said(told)}.\n"
                "Change the launcher's options, or what it objects to, and go on with --resume"
            )
        return said(told)

    def _cancel_by_name(self) -> str | None:
        return next((why for name in self._names if (why := cancel(f"--name={name}")) is not None), None)

    def give_back(self) -> None:
        job, self.number, self._nodes = self.number, None, []
        if job is None and not self._astray:
            return
        why = None if job is None else cancel(job)
        if self._astray:  # one that was submitted late is found now
            why = self._cancel_by_name() or why
        if why is None:
            for name in self._names:
                guard.at_end(name, None)
            return
        self._astray = True
        left = f"job {job}" if job is not None else "a job that may have been submitted"
        say(f"scalebench: {left} could not be given back ({why}); this is tried again. If it is still there afterwards: "
            f"scancel --name={self._names[-1]}")  # fmt: skip


def _show(waits_for: str, shown: str | None) -> str:
    """Tell the user what is waited for, unless it was told last."""
    if waits_for != shown:
        say(f"scalebench: waits for {waits_for}")
    return waits_for
