"""``slurm``: hosts start as steps of a job, by ``srun``. In an allocation that is the job; outside, one is submitted for each block.

The job that is submitted only holds its nodes (``sleep``). The controller stays where it is and starts one step a launch in it, with
``srun --jobid``: requests and replies go through srun's pipes, so nodes need not see the results folder, no part of a sweep has to be
shipped, and a launch is the same in an allocation and outside. Ways that were weighed against this (``submitit``, ``psij-python``, a
job that runs the sweep itself) are in docs/decisions.md.

A job that ends before its time (cancelled, out of time, a node lost) takes the launch in flight with it, whose row says so; the next
launch waits for another job. Jobs are never requeued by Slurm, which would start what holds the nodes twice. They end with the block,
with the run, and with a controller that was killed (``guard``).
"""

import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import BackendUnavailableError, LauncherError, StudyError
from scalebench.launchers import guard, marked, nodes, slurm_commands
from scalebench.launchers.base import Launcher, host_command, never, ranks
from scalebench.launchers.mpi import find_mpi
from scalebench.launchers.mpiexec import Host, over, words_of
from scalebench.launchers.process import Elsewhere, HostProcess, interrupted_later
from scalebench.launchers.slurm_commands import SILENT, answer, environment, nodes_of, run_command, said, state_of
from scalebench.variants import HERE, Start

_NODES_S = 120.0  # for all nodes of a job to tell what they are
_LOOKS_S = (0.1, 5.0)  # between two looks at a job that waits: the first, the longest
_TOLD_S = 20.0  # for Slurm to notice why a step ended: a lost node takes its SlurmdTimeout
_BY_MPIEXEC = "mpiexec"
#: variables with more arguments for the srun by which MPICH's mpiexec, or that of its kin, starts its proxies; Open MPI's takes none
_MORE_OF_SRUN = ("HYDRA_LAUNCHER_EXTRA_ARGS", "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS")
#: what srun is to do where an mpiexec calls it
_OF_SRUN = {"SLURM_OVERLAP": "1", "SLURM_OVERCOMMIT": "1", "SLURM_CPU_BIND": "none", "SLURM_MEM_PER_NODE": "0"}
#: variables that tell a process of the step that it is in, each after SLURM_
_OF_A_STEP = ("STEP_ID", "STEPID", "STEP_NODELIST", "STEP_NUM_NODES", "STEP_NUM_TASKS", "STEP_TASKS_PER_NODE", "STEP_LAUNCHER_PORT", "NTASKS",
              "NPROCS", "TASKS_PER_NODE", "PROCID", "LOCALID", "GTIDS", "NODEID", "SRUN_COMM_HOST", "SRUN_COMM_PORT", "LAUNCH_NODE_IPADDR",
              "CPUS_ON_NODE", "TASK_PID", "JOB_CPUS_PER_NODE_PACK_GROUP_0", "MEM_PER_NODE", "CPU_BIND", "DISTRIBUTION")  # fmt: skip
_LOST = 3  # jobs one after the other that ended before they ran: somebody does not want them
_TIME = re.compile(r"(\d+-)?\d+(:\d\d){0,2}")
_RUNS = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", SILENT)
_WAITS = ("PENDING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", SILENT)
#: what a state of a job means for a launch in it
_ENDED = {
    "CANCELLED": "was cancelled",
    "TIMEOUT": "reached its time limit",
    "DEADLINE": "reached its deadline",
    "NODE_FAIL": "lost a node",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "had to make room for another one",
}


class Slurm(Launcher):
    """In a job of Slurm."""

    name: ClassVar[str] = "slurm"
    summary: ClassVar[str] = "in a job of Slurm, one a block, by srun"
    options: ClassVar[Mapping[str, str]] = {
        "partition": "of the job",
        "account": "that pays for it",
        "qos": "quality of service",
        "time": "limit of a job, as 30:00 or 2:00:00",
        "constraint": "features that its nodes must have",
        "exclusive": "no: share the nodes with other jobs (default: yes)",
        "mpi": "what ranks are started by: mpiexec, or srun with pmi2 or pmix (default: mpiexec for MPICH and its kin, else pmix)",
        "sbatch": "more arguments of sbatch",
        "srun": "more arguments of srun, as '--cpu-bind=cores'; where that starts the ranks",
        "arguments": "more arguments of mpiexec, as '-bind-to core'; where that starts the ranks",
    }

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)
        if "time" in options and not _TIME.fullmatch(options["time"]):
            raise StudyError(
                "launcher_options.time", options["time"], "no time limit of Slurm", "For example 30:00 or 1-12:00:00"
            )
        if options.get("exclusive", "yes") not in ("yes", "no", "true", "false"):
            raise StudyError("launcher_options.exclusive", options["exclusive"], "must be yes or no", "Leave it out for yes")
        for key in ("sbatch", "srun", "arguments"):
            words_of(key, options)
        inside = os.environ.get("SLURM_JOB_ID")
        self._inside = inside is not None
        self._job: str | None = inside
        self._run_id: str | None = None
        self._nodes = 1
        self._ranks = 1
        self._machine: dict[str, Any] | None = None
        self._first_nodes: dict[str, dict[str, Any]] = {}  #: what those of the first job are
        self._looked_at: str | None = None  #: the job whose nodes told what they are
        self._lost = 0

    # --- before anything is measured ------------------------------------------------------------------------------------

    def prepare(self, cases: Sequence[Case]) -> None:
        self._size(cases)
        for program in ("srun", "squeue", "scontrol", "scancel", *(() if self._inside else ("sbatch", "sinfo"))):
            if shutil.which(program) is None:
                raise StudyError("launcher", self.name, f"no {program} in PATH", "Run this where Slurm's commands are, or give --launcher local")  # fmt: skip
        if self._inside:
            self._check_allocation()
        else:
            self._check_partition()
            self._check_submission()
        self.wait(never)
        try:
            found = self._ask_nodes()
        except nodes.NodesError as error:
            raise StudyError(
                "launcher", self.name, f"the nodes of job {self._job} can't run this Python with scalebench: {error}",
                "Install it where they see it, at the same path",
            ) from None  # fmt: skip
        self._machine = nodes.same(found)
        self._first_nodes = found

    def _ask_nodes(self) -> dict[str, dict[str, Any]]:
        """What the nodes of the job are."""
        self._looked_at = self._job
        first = self._srun(self._nodes, self._nodes, "none", "scalebench-nodes")
        return nodes.ask([*first, "--ntasks-per-node=1", HERE.python, "-c", nodes.TELL], environment(), self._nodes, _NODES_S)

    def machine(self) -> dict[str, Any] | None:
        return self._machine

    def cpus(self, count: int) -> int | None:
        return nodes.cpus(self._first_nodes, count)  # those of a later job are like one of them

    def planned(self, cases: Sequence[Case]) -> list[str]:
        self._size(cases)
        if self._inside:
            return [f"in the allocation {self._job}"]
        return [f"a block: {' '.join(self._sbatch())}"]

    def _size(self, cases: Sequence[Case]) -> None:
        """What a job needs, so that any of these cases can be launched in it."""
        self._nodes = max(case.nodes for case in cases)
        self._ranks = max(ranks(case) or 1 for case in cases)

    def _check_allocation(self) -> None:
        count = len(answer("scontrol", "show", "hostnames", os.environ.get("SLURM_JOB_NODELIST", "")).split())
        if self._nodes > count:
            way_out = "Ask for a larger allocation, or for fewer nodes"
            raise StudyError("nodes", self._nodes, f"the allocation {self._job} has {count}", way_out)

    def _check_partition(self) -> None:
        told = answer("sinfo", "--noheader", "--format=%P %D").splitlines()
        partitions: dict[str, int] = {}
        usual = None
        for name, count in (line.split() for line in told):
            usual = name.rstrip("*") if name.endswith("*") else usual
            partitions[name.rstrip("*")] = partitions.get(name.rstrip("*"), 0) + int(count)
        asked = self._options.get("partition", usual)
        for name in (asked or "").split(","):
            if name and name not in partitions:
                rule = "no such partition"
                raise StudyError("launcher_options.partition", name, rule, f"There are: {', '.join(partitions)}")
        there = max((partitions[name] for name in (asked or "").split(",") if name), default=0)
        if there and self._nodes > there:
            raise StudyError("nodes", self._nodes, f"partition {asked} has {there}", "Give fewer, or another partition")

    def _check_submission(self) -> None:
        """Let Slurm itself judge what would be submitted, and submit nothing."""
        told = run_command([*self._sbatch()[:1], "--test-only", *self._sbatch()[1:]])
        if told.returncode:
            raise StudyError("launcher_options", self._options, f"Slurm refuses such a job: {said(told)}", "Change the options; 'sinfo' shows the partitions")  # fmt: skip

    # --- jobs -----------------------------------------------------------------------------------------------------------

    def _sbatch(self) -> list[str]:
        named = [
            f"--{key}={self._options[key]}"
            for key in ("partition", "account", "qos", "time", "constraint")
            if key in self._options
        ]
        alone = self._options.get("exclusive", "yes") in ("yes", "true")
        room = ["--exclusive", "--mem=0"] if alone else [f"--ntasks={max(self._ranks, self._nodes)}"]
        return [
            "sbatch", "--parsable", f"--job-name={self._job_name}", f"--nodes={self._nodes}", *room, *named, "--no-requeue",
            "--output=/dev/null", "--chdir=/", *words_of("sbatch", self._options), "--wrap=exec sleep infinity",
        ]  # fmt: skip

    @property
    def _job_name(self) -> str:
        return "scalebench" if self._run_id is None else f"scalebench-{self._run_id}"

    def begin_run(self, run_id: str) -> None:
        self._run_id = run_id
        if self._job is not None and not self._inside:
            run_command(["scontrol", "update", f"JobId={self._job}", f"JobName={self._job_name}"])

    def wait(self, ends: Callable[[], bool]) -> None:
        if self._inside:
            self._check_still_there()
            return
        shown = None
        pause, longest = _LOOKS_S
        while True:
            if ends():
                raise KeyboardInterrupt
            if self._job is None:
                shown = self._submit(shown)
            state, reason = state_of(self._job)
            if state == "RUNNING":
                self._lost = 0
                self._compare_nodes()
                return
            if self._job is not None and state not in _WAITS:
                self._lost += 1
                lost, self._job = self._job, None
                run_command(["scancel", lost])
                guard.at_end(f"slurm-{lost}", None)
                if self._lost >= _LOST:
                    raise LauncherError(f"{self._lost} jobs one after the other ended before they ran; the last one, {lost}, {_ENDED.get(state, state)}.\nAsk with 'scontrol show job {lost}' why")  # fmt: skip
                continue
            if (told := f"job {self._job}: {state} ({reason})") != shown:
                print(f"scalebench: waits for {told}", file=sys.stderr, flush=True)
                shown = told
            time.sleep(pause)
            pause = min(pause * 1.5, longest)

    def _compare_nodes(self) -> None:
        """That a job after the first one is on machines like those of the first: all rows of a run are of one.

        Raises:
            LauncherError: It is not.
        """
        if not self._first_nodes or self._looked_at == self._job:
            return
        try:
            found = self._ask_nodes()
        except nodes.NodesError:  # the launch itself tells why, as a row
            return
        for name, facts in found.items():
            differ = [nodes.differences(before, facts, other, name) for other, before in self._first_nodes.items()]
            if all(differ):
                raise LauncherError(
                    f"job {self._job} is on other machines than the run so far: {'; '.join(differ[0])}.\n"
                    "Name nodes of one kind (--launcher-option constraint=FEATURE or sbatch=--nodelist=NAMES) and go on with --resume"
                )

    def _check_still_there(self) -> None:
        """That the allocation has not ended under a controller that lives elsewhere."""
        state, _ = state_of(self._job)
        if state not in (*_RUNS, *_WAITS):
            raise LauncherError(
                f"the allocation {self._job} {_ENDED.get(state, 'has ended')}.\nGo on in another one, with --resume"
            )

    def _submit(self, shown: str | None) -> str | None:
        """Submit a job, unless the queue takes none now; what was said to the user."""
        with interrupted_later():  # else a job may be there that nobody knows
            told = run_command(self._sbatch())
            if told.returncode == 0:
                self._job = told.stdout.split(";")[0].strip()
                guard.at_end(f"slurm-{self._job}", ["scancel", self._job])
                return shown
        if (refused := f"a place in the queue: {said(told)}") != shown:
            print(f"scalebench: waits for {refused}", file=sys.stderr, flush=True)
        time.sleep(_LOOKS_S[1])
        return refused

    def block_ended(self) -> None:
        if self._job is not None and not self._inside:
            run_command(["scancel", self._job])
            guard.at_end(f"slurm-{self._job}", None)
            self._job = None

    def close(self) -> None:
        self.block_ended()

    # --- launches -------------------------------------------------------------------------------------------------------

    def start(self, case: Case, place: Start = HERE) -> HostProcess:
        arguments, needed = host_command(case, place)
        count = ranks(case)
        starter = "none" if count is None else self._starter(case, place)
        # of this launch alone, by which it is ended: other runs may have steps in the same job
        step = "-".join(["scalebench", re.sub(r"[^\w.-]+", "-", case.label)[:50], secrets.token_hex(6)])
        if starter == _BY_MPIEXEC:
            mpi = find_mpi(place.python, place.environment)
            used = [Host(name) for name in nodes_of(str(self._job))[: case.nodes]]
            own, named, exported = words_of("arguments", self._options), f"--job-name={step}", [*needed, marked.VARIABLE]
            needed |= {**mpi.environment(), **_OF_SRUN, "SLURM_JOB_ID": str(self._job), "SLURM_JOBID": str(self._job)}
            if mpi.open_mpi:  # it looks at what a job has before it looks at the hosts that are named
                names = ",".join(host.name for host in used)
                shared = {"SLURM_TASKS_PER_NODE": f"{count}(x{len(used)})", "SLURM_NNODES": str(len(used))}
                needed |= {"SLURM_NODELIST": names, "SLURM_JOB_NODELIST": names, **shared}
                theirs = () if "plm_slurm_args" in own else ("--prtemca", "plm_slurm_args", named)
                own = ["--prtemca", "plm", "slurm", *theirs, *own]
            else:
                needed |= {name: f"{os.environ.get(name, '')} {named}".strip() for name in _MORE_OF_SRUN}
                own = ["-launcher", "slurm", *own]
            command = [*over(mpi, used, count or 1, exported, own), *arguments]
        else:
            command = [*self._srun(case.nodes, count or 1, starter, step), *words_of("srun", self._options)]
            command += [*(self._as_of_the_job() if case.backend == PROGRAM else ()), *arguments]
        return HostProcess(command, {**environment(), **needed}, elsewhere=_Step(str(self._job), step))

    def _as_of_the_job(self) -> list[str]:
        """What makes a step's environment that of the whole job, so that a command in it may start steps of its own on all nodes."""
        names = nodes_of(str(self._job))
        job = {"SLURM_JOB_NODELIST": ",".join(names), "SLURM_NODELIST": ",".join(names)}
        job |= dict.fromkeys(("SLURM_NNODES", "SLURM_JOB_NUM_NODES"), str(len(names)))
        gone = [word for name in _OF_A_STEP for word in ("-u", f"SLURM_{name}")]
        return ["env", *gone, *(f"{name}={value}" for name, value in job.items())]

    def _srun(self, count_nodes: int, count: int, starter: str, step: str) -> list[str]:
        return [
            "srun", f"--jobid={self._job}", f"--job-name={step}", f"--nodes={count_nodes}", f"--ntasks={count}", "--overcommit",
            "--overlap", "--mem=0", "--cpu-bind=none", "--distribution=cyclic", "--relative=0", f"--mpi={starter}",
            "--kill-on-bad-exit=1", "--input=0", "--quiet",
        ]  # fmt: skip

    def _starter(self, case: Case, place: Start) -> str:
        """How srun tells ranks of each other: the interface that this MPI speaks, if this Slurm does.

        Raises:
            BackendUnavailableError: It does not, or ranks shall be spawned, which srun can't do.
        """
        if case.mpi_mode == "spawn":
            raise BackendUnavailableError(
                "ranks can't be spawned in a job of Slurm: give --mpi-mode world, or --launcher mpiexec in an allocation"
            )
        mpi = find_mpi(place.python, place.environment)
        # not pmi2: it cuts off what MPICH puts there where that is long, as an address of UCX may be
        wanted = self._options.get("mpi", "pmix" if mpi.open_mpi else _BY_MPIEXEC)
        if wanted == _BY_MPIEXEC:
            return wanted
        told = run_command(["srun", "--mpi=list"])
        known = re.findall(r"^\s*(\w+)\s*$", told.stdout + told.stderr, re.MULTILINE)
        if wanted not in known:
            raise BackendUnavailableError(
                f"{mpi.library} needs srun --mpi={wanted}, this Slurm has {', '.join(known)}: "
                "give --launcher-option mpi=NAME, or --launcher mpiexec in an allocation"
            )
        return wanted


class _Step(Elsewhere):
    """A launch in a job."""

    def __init__(self, job: str, step: str) -> None:
        self._job, self._step = job, step
        guard.at_end(step, [sys.executable, "-m", slurm_commands.__name__, job, step])

    def lost(self) -> bool:
        return state_of(self._job)[0] not in _RUNS

    def why(self) -> str | None:
        give_up = time.monotonic() + _TOLD_S
        while True:
            state, _ = state_of(self._job)
            undecided = state in ("COMPLETING", SILENT) or (state == "RUNNING" and not self._nodes_answer())
            if not undecided or time.monotonic() > give_up:
                break
            time.sleep(0.5)
        return f"job {self._job} of Slurm {_ENDED[state]}" if state in _ENDED else None

    def _nodes_answer(self) -> bool:
        """Whether Slurm takes all nodes of the job to be well: else it is about to say what became of the job."""
        names = nodes_of(self._job)
        told = run_command(["sinfo", "--noheader", f"--nodes={','.join(names)}", "--format=%T"]) if names else None
        return told is not None and not any("*" in state or "down" in state for state in told.stdout.split())

    def end(self, *, well: bool) -> None:
        if not well:
            slurm_commands.end_step(self._job, self._step)
        guard.at_end(self._step, None)
