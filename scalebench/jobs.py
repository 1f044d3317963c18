"""Workers in jobs of a queue, for a backend whose ``jobs`` name a module that starts them: ``--scheduler slurm``.

That module runs in a process beside the controller, which asks it before each launch how many workers are up, so a queue is waited
for outside of any time limit of a launch. Jobs are of one block. They are given back with it, with the run, and by the guard where
the controller was killed.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import IO, Any, cast

from scalebench.errors import LauncherError, StudyError
from scalebench.interruption import say
from scalebench.launchers import guard
from scalebench.launchers.slurm_commands import cancel, run_command

_END_S = 40.0  # for the jobs to be given back
_LOOKS_S = (0.2, 5.0)  # between two looks at jobs that wait: the first, the longest
_COMES_S = 120.0  # for the worker of a job that runs to come up: its Python may be on a file system that many use
_MISSED_S = 20.0  # for a job that is gone to be missed
_ANSWER_S = 60.0  # for the process that starts them
_LOST = 3  # times that all jobs ended before their workers came up


class Jobs:
    """As many workers as the largest case needs, each in a job."""

    def __init__(self, name: str, module: str, count: int) -> None:
        """Look whether there can be some.

        Args:
            name: Of the queue: ``slurm``.
            module: What starts workers there.
            count: How many.
        Raises:
            StudyError: Something that this needs is not here.
        """
        if find_spec("dask_jobqueue") is None:
            raise StudyError("scheduler", name, "dask-jobqueue is not installed", "python -m pip install dask-jobqueue")
        for program in ("sbatch", "squeue", "scancel", "sinfo"):
            if shutil.which(program) is None:
                raise StudyError(
                    "scheduler", name, f"no {program} in PATH", "Run this where Slurm's commands are, or give an address"
                )
        self._name, self._module, self._count = name, module, count
        self._mark = f"scalebench-{secrets.token_hex(6)}"
        self._process: subprocess.Popen[str] | None = None
        self._printed: Any = None
        self._lost = 0

    def wait(self, ends: Callable[[], bool]) -> str:
        """Return the address when all workers are up.

        Raises:
            KeyboardInterrupt: ``ends`` said so.
            LauncherError: They don't come up.
        """
        shown, pause, missing_since = None, _LOOKS_S[0], time.monotonic()
        while True:
            if ends():
                raise KeyboardInterrupt
            told = self._ask()
            if told["up"] >= self._count:
                self._lost = 0
                return str(told["address"])
            if (states := self._states()) is None:  # nothing is known of them
                missing_since = time.monotonic()
                time.sleep(pause)
                continue
            whole = len(states) >= told["jobs"]
            if whole and not all(one.startswith("RUNNING") for one in states):
                missing_since = time.monotonic()
            elif time.monotonic() - missing_since > (_COMES_S if whole else _MISSED_S):
                self._give_up_once(told["up"])
                missing_since = time.monotonic()
            waits = f"{told['up']} of {self._count} are up; {', '.join(sorted(set(states)))}"
            if states and waits != shown:
                say(f"scalebench: waits for workers in jobs of {self._name}: {waits}")
                shown = waits
            time.sleep(pause)
            pause = min(pause * 1.5, _LOOKS_S[1])

    def _give_up_once(self, up: int) -> None:
        """Begin again with other jobs, some times."""
        self._lost += 1
        self.close()
        if self._lost >= _LOST:
            raise LauncherError(
                f"{up} of {self._count} workers came up in jobs of {self._name}, {self._lost} times.\n"
                "Do the nodes see this Python, and reach this machine? Say where their output goes to read why: "
                "DASK_JOBQUEUE__SLURM__LOG_DIRECTORY=FOLDER"
            )

    def _ask(self) -> dict[str, Any]:
        if self._process is None:
            self._start()
        process = cast("subprocess.Popen[str]", self._process)
        stdin, stdout = _pipes(process)
        try:
            stdin.write("\n")
            stdin.flush()
            line = stdout.readline() if select.select([stdout], [], [], _ANSWER_S)[0] else ""
        except OSError:
            line = ""
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            self._printed.seek(0)
            said = [one.strip() for one in self._printed.read().splitlines() if one.strip()]
            self.close()
            raise LauncherError(f"no workers in jobs of {self._name}: {' '.join(said[-2:])[-400:] or f'no answer within {_ANSWER_S:g} s'}.\n"
                                "What a job asks for is the configuration of dask-jobqueue: jobqueue.slurm")  # fmt: skip
        return dict(json.loads(line))

    def _start(self) -> None:
        self._printed = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - it is closed with the jobs
        guard.at_end(self._mark, ["scancel", "--name", self._mark])
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, str(self._count), self._mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._printed, text=True, start_new_session=True,  # Ctrl-C is for the controller
        )  # fmt: skip

    def _states(self) -> list[str] | None:
        """Of the jobs that have not ended, with Slurm's reason where one waits; None where it does not answer."""
        told = run_command(["squeue", "--noheader", "--name", self._mark, "--format=%T %r"])
        if told.returncode:
            return None
        return [line.strip().removesuffix(" None") for line in told.stdout.splitlines() if line.strip()]

    def close(self) -> None:
        """Give the jobs back; others can be waited for afterwards."""
        if self._process is None:
            return
        process, self._process = self._process, None
        stdin, stdout = _pipes(process)
        with contextlib.suppress(BrokenPipeError):  # it has ended, and a question was not written
            stdin.close()
        try:
            process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and what it waits for
            process.wait()
        stdout.close()
        self._printed.close()
        if (why := cancel(f"--name={self._mark}")) is None:  # what the process could not
            guard.at_end(self._mark, None)
            return
        say(f"scalebench: jobs could not be given back ({why}); this is tried again when this ends. If they are still there afterwards: "
            f"scancel --name={self._mark}")  # fmt: skip


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    return cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
