"""``slurm``: hosts start as steps of a job, by ``srun``. In an allocation that is the job; outside, one is submitted for each block.

The job that is submitted only holds its nodes (``sleep``). The controller stays where it is and starts one step a launch in it, with
``srun --jobid``: requests and replies go through srun's pipes, so nodes need not see the results folder, no part of a sweep has to be
shipped, and a launch is the same in an allocation and outside. Ways that were weighed against this (``submitit``, ``psij-python``, a
job that runs the sweep itself) are in docs/decisions.md.

A job that ends before its time (cancelled, out of time, a node lost) takes the launch in flight with it, whose row says so; the next
launch waits for another job (``slurm_jobs``).
"""

import math
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
from scalebench.launchers.process import Elsewhere, HostProcess
from scalebench.launchers.slurm_commands import SILENT, answer, environment, run_command, said, state_of
from scalebench.launchers.slurm_jobs import ENDED, RUNS, Allocation, Submitted
from scalebench.variants import HERE, Start

_NODES_S = 120.0  # for all nodes of a job to tell what they are
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
_TIME = re.compile(r"(\d+-)?\d+(:\d\d){0,2}")


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
        "exclusive": "no: share the nodes with other jobs, with the CPUs that the largest case wants on each (default: yes)",
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
        self._job: Allocation | Submitted = Submitted(self._options) if inside is None else Allocation(inside)
        self._nodes = 1
        self._machine: dict[str, Any] | None = None
        self._first_nodes: dict[str, dict[str, Any]] = {}  #: what those of the first job are
        self._looked_at: str | None = None  #: the job whose nodes told what they are

    # --- before anything is measured ------------------------------------------------------------------------------------

    def prepare(self, cases: Sequence[Case]) -> None:
        self._size(cases)
        for program in (
            "srun",
            "squeue",
            "scontrol",
            "scancel",
            *(() if isinstance(self._job, Allocation) else ("sbatch", "sinfo")),
        ):
            if shutil.which(program) is None:
                raise StudyError("launcher", self.name, f"no {program} in PATH", "Run this where Slurm's commands are, or give --launcher local")  # fmt: skip
        if isinstance(self._job, Allocation):
            self._check_allocation(self._job)
        else:
            self._check_partition()
            self._check_submission(self._job)
        self.wait(never)
        try:
            found = self._ask_nodes()
        except nodes.NodesError as error:
            raise StudyError(
                "launcher", self.name, f"the nodes of job {self._job.number} can't run this Python with scalebench: {error}",
                "Install it where they see it, at the same path",
            ) from None  # fmt: skip
        self._machine = nodes.same(found)
        self._first_nodes = found

    def _ask_nodes(self) -> dict[str, dict[str, Any]]:
        """What the nodes of the job are."""
        first = self._srun(self._nodes, self._nodes, "none", "scalebench-nodes")
        command = [*first, "--ntasks-per-node=1", HERE.python, "-c", nodes.TELL]
        found = nodes.ask(command, environment(), self._nodes, _NODES_S)
        self._looked_at = self._job.number
        return found

    def machine(self) -> dict[str, Any] | None:
        return self._machine

    def cpus(self, count: int) -> int | None:
        return nodes.cpus(self._first_nodes, count)  # those of a later job are like one of them

    def planned(self, cases: Sequence[Case]) -> list[str]:
        self._size(cases)
        if isinstance(self._job, Allocation):
            return [f"in the allocation {self._job.number}"]
        return [f"a block: {' '.join(self._job.command())}"]

    def _size(self, cases: Sequence[Case]) -> None:
        """What a job needs, so that any of these cases can be launched in it."""
        self._nodes = max(case.nodes for case in cases)
        if isinstance(self._job, Submitted):
            self._job.size(self._nodes, max(map(_cpus_a_node, cases)))

    def _check_allocation(self, job: Allocation) -> None:
        if self._nodes > (count := job.count()):
            way_out = "Ask for a larger allocation, or for fewer nodes"
            raise StudyError("nodes", self._nodes, f"the allocation {job.number} has {count}", way_out)

    def _check_partition(self) -> None:
        told = answer("sinfo", "--all", "--noheader", "--format=%P %D").splitlines()
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

    def _check_submission(self, job: Submitted) -> None:
        """Let Slurm itself judge what would be submitted, and submit nothing."""
        told = run_command(job.command("--test-only"))
        if told.returncode:
            raise StudyError("launcher_options", self._options, f"Slurm refuses such a job: {said(told)}", "Change the options; 'sinfo' shows the partitions")  # fmt: skip

    # --- jobs -----------------------------------------------------------------------------------------------------------

    def begin_run(self, run_id: str) -> None:
        self._job.begin_run(run_id)

    def wait(self, ends: Callable[[], bool]) -> None:
        self._job.wait(ends)
        if isinstance(self._job, Submitted):
            self._compare_nodes()

    def _compare_nodes(self) -> None:
        """That a job after the first one is on machines like those of the first: all rows of a run are of one.

        Raises:
            LauncherError: It is not.
        """
        if not self._first_nodes or self._looked_at == self._job.number:
            return
        try:
            found = self._ask_nodes()
        except nodes.NodesError:  # the launch itself tells why, as a row
            return
        for name, facts in found.items():
            differ = [nodes.differences(before, facts, other, name) for other, before in self._first_nodes.items()]
            if all(differ):
                raise LauncherError(
                    f"job {self._job.number} is on other machines than the run so far: {'; '.join(differ[0])}.\n"
                    "Name nodes of one kind (--launcher-option constraint=FEATURE or sbatch=--nodelist=NAMES) and go on with --resume"
                )

    def block_ended(self) -> None:
        self._job.give_back()

    def close(self) -> None:
        self._job.give_back()

    # --- launches -------------------------------------------------------------------------------------------------------

    def start(self, case: Case, place: Start = HERE) -> HostProcess:
        arguments, needed = host_command(case, place)
        count = ranks(case)
        starter = "none" if count is None else self._starter(case, place)
        job, names = str(self._job.number), self._job.nodes
        # of this launch alone, by which it is ended: other runs may have steps in the same job
        step = "-".join(["scalebench", re.sub(r"[^\w.-]+", "-", case.label)[:50], secrets.token_hex(6)])
        if starter == _BY_MPIEXEC:
            mpi = find_mpi(place.python, place.environment)
            used = [Host(name) for name in names[: case.nodes]]
            own, named, exported = words_of("arguments", self._options), f"--job-name={step}", [*needed, marked.VARIABLE]
            needed |= {**mpi.environment(), **_OF_SRUN, "SLURM_JOB_ID": job, "SLURM_JOBID": job}
            if mpi.open_mpi:  # it looks at what a job has before it looks at the hosts that are named
                listed = ",".join(host.name for host in used)
                shared = {"SLURM_TASKS_PER_NODE": f"{count}(x{len(used)})", "SLURM_NNODES": str(len(used))}
                needed |= {"SLURM_NODELIST": listed, "SLURM_JOB_NODELIST": listed, **shared}
                theirs = () if "plm_slurm_args" in own else ("--prtemca", "plm_slurm_args", named)
                own = ["--prtemca", "plm", "slurm", *theirs, *own]
            else:
                needed |= {name: f"{os.environ.get(name, '')} {named}".strip() for name in _MORE_OF_SRUN}
                own = ["-launcher", "slurm", *own]
            command = [*over(mpi, used, count or 1, exported, own), *arguments]
        else:
            own = words_of("srun", self._options) if count is not None else []
            command = [*self._srun(case.nodes, count or 1, starter, step), *own]
            command += [*(self._as_of_the_job(names) if case.backend == PROGRAM else ()), *arguments]
        return HostProcess(command, {**environment(), **needed}, elsewhere=_Step(job, step, names))

    @staticmethod
    def _as_of_the_job(names: Sequence[str]) -> list[str]:
        """What makes a step's environment that of the whole job, so that a command in it may start steps of its own on all nodes."""
        job = {"SLURM_JOB_NODELIST": ",".join(names), "SLURM_NODELIST": ",".join(names)}
        job |= dict.fromkeys(("SLURM_NNODES", "SLURM_JOB_NUM_NODES"), str(len(names)))
        gone = [word for name in _OF_A_STEP for word in ("-u", f"SLURM_{name}")]
        return ["env", *gone, *(f"{name}={value}" for name, value in job.items())]

    def _srun(self, count_nodes: int, count: int, starter: str, step: str) -> list[str]:
        return [
            "srun", f"--jobid={self._job.number}", f"--job-name={step}", f"--nodes={count_nodes}", f"--ntasks={count}", "--overcommit",
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


def _cpus_a_node(case: Case) -> int:
    """CPUs that a case wants on each of its nodes."""
    return math.ceil(max(ranks(case) or 1, case.workers) * (case.blas_threads or 1) / case.nodes)


class _Step(Elsewhere):
    """A launch in a job."""

    def __init__(self, job: str, step: str, names: Sequence[str]) -> None:
        self._job, self._step, self._nodes = job, step, names
        guard.at_end(step, [sys.executable, "-m", slurm_commands.__name__, job, step])

    def lost(self) -> bool:
        return state_of(self._job)[0] not in RUNS

    def why(self) -> str | None:
        give_up = time.monotonic() + _TOLD_S
        while True:
            state, _ = state_of(self._job)
            undecided = state in ("COMPLETING", SILENT) or (state == "RUNNING" and not self._nodes_answer())
            if not undecided or time.monotonic() > give_up:
                break
            time.sleep(0.5)
        return f"job {self._job} of Slurm {ENDED[state]}" if state in ENDED else None

    def _nodes_answer(self) -> bool:
        """Whether Slurm takes all nodes of the job to be well: else it is about to say what became of the job."""
        told = run_command(["sinfo", "--all", "--noheader", f"--nodes={','.join(self._nodes)}", "--format=%T"])
        return not any("*" in state or "down" in state for state in told.stdout.split())

    def end(self, *, well: bool) -> None:
        if not well:
            slurm_commands.end_step(self._job, self._step)
        guard.at_end(self._step, None)
