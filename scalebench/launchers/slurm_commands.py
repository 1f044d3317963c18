"""Slurm's own commands: asked, with an answer in bounded time. ``python -m scalebench.launchers.slurm_commands JOB NAME`` ends a step."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from scalebench.errors import StudyError

_COMMAND_S = 60.0  # for a command of Slurm to answer: a busy controller may take its time
_TRIES_S = (2.0, 5.0)  # between two tries to cancel a job
#: exit status of a command that did not answer: whether it has done something is not known
NO_ANSWER = 124
#: what ``squeue`` was asked, and did not say: nothing is known of the job
SILENT = "SILENT"


def state_of(job: str | None) -> tuple[str, str]:
    """Of a job, with Slurm's reason; ``UNKNOWN`` where it has forgotten it, or there is none; :data:`SILENT` without an answer."""
    told = run_command(["squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T|%r"]) if job else None
    if told is not None and told.returncode and "Invalid job id" not in told.stderr:
        return SILENT, said(told)
    if told is None or not told.stdout.strip():
        return "UNKNOWN", "none"
    state, _, reason = told.stdout.strip().splitlines()[0].partition("|")
    return state, reason


def nodes_of(job: str) -> list[str]:
    """The names of a job's nodes."""
    listed = run_command(["squeue", "--noheader", f"--jobs={job}", "--format=%N"]).stdout.strip()
    return run_command(["scontrol", "show", "hostnames", listed]).stdout.split() if listed else []


def end_step(job: str, name: str) -> None:
    """End the step of that name in a job, where there is one."""
    told = run_command(["squeue", "--noheader", "--steps", f"--jobs={job}", "--format=%i %j"])
    for line in told.stdout.splitlines():
        number, _, found = line.strip().partition(" ")
        if found == name:
            run_command(["scancel", number])


def cancel(*which: str) -> str | None:
    """End jobs, by number or by name, in some tries; why they may still be there. None: they are not, or were unknown."""
    for pause in (*_TRIES_S, None):
        told = run_command(["scancel", *which])
        if told.returncode == 0 or "Invalid job id" in told.stderr:
            return None
        if pause is None or told.returncode == NO_ANSWER:  # which has taken long enough
            break
        time.sleep(pause)
    return said(told)


def environment() -> dict[str, str]:
    """The controller's without what Slurm told it of its own job and step: srun would take that for what is asked."""
    own = ("SLURM_", "SRUN_", "PMI")
    return {name: value for name, value in os.environ.items() if name == "SLURM_CONF" or not name.startswith(own)}


def run_command(command: Sequence[str], variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command of Slurm, to its end; one that does not answer has failed, with :data:`NO_ANSWER`."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL,
            env={**environment(), **(variables or {})},
            start_new_session=True,  # Ctrl-C is for the controller, which may be in the middle of giving back a job
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(list(command), NO_ANSWER, "", f"{command[0]}: no answer within {_COMMAND_S:g} s")


def answer(*command: str) -> str:
    """What a command of Slurm prints.

    Raises:
        StudyError: It fails: Slurm is not here, or does not answer.
    """
    told = run_command(command)
    if told.returncode:
        raise StudyError("launcher", "slurm", f"{command[0]} fails: {said(told)}", "Is Slurm's controller up? Try 'sinfo'")
    return told.stdout


def said(told: subprocess.CompletedProcess[str]) -> str:
    """Why a command of Slurm failed, in its own words."""
    lines = [line.strip() for line in (told.stderr or told.stdout).splitlines() if line.strip()]
    return "; ".join(lines[-2:]) or f"exit status {told.returncode}"


if __name__ == "__main__":
    end_step(*sys.argv[1:])
