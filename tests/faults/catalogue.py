"""What can go wrong in measured code: each fault as data, and the workload that has it. Imported in hosts and workers.

The workload behaves unless ``SCALEBENCH_TEST_FAULT`` names a fault, so that the reference, which is measured before a test sets
that, has the right answers. A fault happens at one task of the case that has it, and at no task of the healthy case after it.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FAULT = "SCALEBENCH_TEST_FAULT"  #: the name of one
CGROUP = "SCALEBENCH_TEST_CGROUP"  #: where a task writes its process id to be in a cgroup with little memory
PRINTED = "SCALEBENCH_TEST_MEGABYTES"  #: how much those tasks print that print much
FAULTY, HEALTHY = [0, 1, 2, 3], [10, 11, 12, 13]  #: items of the two cases

IN_HOST = ("serial", "threads")  #: workers are the host itself
MPI = ("mpi", "mpi-pool", "mpi-pool spawn")
POOLS = ("processes", "multiprocessing", "multiprocess", "joblib", "dask", "ray")
PROGRAM = ("program",)
TASKS = (*IN_HOST, *POOLS, *MPI)  #: backends of a function's tasks
#: mpiexec does not say how a rank ended that another one has spawned
SPAWNED = (("mpi-pool spawn",), "crashed", "one that it spawned died")
#: the daemon that is the parent of its workers keeps to itself how they end
OF_RAY = (("ray",), "crashed", "ray does not say how it ended")
ALL = (*TASKS, *PROGRAM)
#: one backend of each mechanism: the host itself, a pool of processes, ranks, a program
MECHANISMS = ("serial", "processes", "mpi", "program")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    what: str  #: for the docs: what the task, or the program, does
    do: Callable[[], object]  #: does it; the answer of the task is what this returns, the item where that is None
    on: tuple[str, ...] = ALL  #: backends where it can happen
    status: str = "ok"  #: of the row
    says: str = ""  #: a part of the message, which tells the cause; nothing where the status is ok
    by_interface: bool = False  #: whether what becomes of it is up to the interface, and so another thing on each backend
    hangs: bool = False  #: nothing but a time-out ends it
    #: of some of the backends: which, their status, a part of their message
    instead: tuple[tuple[tuple[str, ...], str, str], ...] = ()

    def expected(self, backend: str) -> tuple[str, str]:
        """The status there, and a part of the message."""
        return next(((status, says) for where, status, says in self.instead if backend in where), (self.status, self.says))


def task(item: int) -> object:
    """The workload: the last item of the faulty case is the fault; the answers of the healthy one tell what it found."""
    if item == FAULTY[-1] and (name := os.environ.get(FAULT)):
        told = BY_NAME[name].do()
        return item if told is None else told
    if item in HEALTHY:
        return item, os.getcwd(), os.environ.get("CHANGED"), str(signal.getsignal(signal.SIGUSR1)), sys.getrecursionlimit()
    return item


class CantBePickledError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)  # it is unpickled with one argument, which is one too few
        self.function = lambda: second


class CantBeUnpickled:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return int, ("no number",)


def _raises() -> None:
    raise ValueError("the input makes no sense")


def _raises_what_cant_be_pickled() -> None:
    raise CantBePickledError("can't travel", "as it is")


def _prints(descriptor: int) -> None:
    line = b"x" * ((1 << 20) - 1) + b"\n"
    for _ in range(int(os.environ[PRINTED])):
        left = memoryview(line)
        while left:
            left = left[os.write(descriptor, left) :]


def _reads() -> object:
    return sys.stdin.read() or os.read(0, 10) or None


def _wants_memory() -> None:
    """More than it may have, by a limit of its own."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + (64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    bytearray(1 << 30)


def _fills_cgroup() -> None:
    with open(os.environ[CGROUP], "w") as file:
        file.write(str(os.getpid()))
    kept = [os.urandom(1 << 20) for _ in range(1024)]
    raise RuntimeError(f"{len(kept)} MiB fit into it")


def _ignores_and_hangs() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        ctypes.CDLL(None).signal(int(number), ctypes.c_void_p(1))  # SIG_IGN; Python's own would be for the main thread alone
    time.sleep(100_000)


def _leaves_processes() -> None:
    """One below it, one that is nobody's child, one that has another environment; the test knows them by their last argument."""
    sleeps = [sys.executable, "-c", "import time; time.sleep(100_000)", os.environ["SCALEBENCH_TEST"]]
    subprocess.Popen(sleeps)
    subprocess.run(["sh", "-c", 'setsid "$@" >/dev/null 2>&1 &', "sh", *sleeps], check=True)
    subprocess.run(["env", "-i", "sh", "-c", '"$@" >/dev/null 2>&1 &', "sh", *sleeps], check=True)


def _changes_its_process() -> None:
    os.chdir("/")
    os.environ["CHANGED"] = "yes"
    os.environ.pop("PATH", None)
    sys.setrecursionlimit(5_000)
    ctypes.CDLL(None).signal(int(signal.SIGUSR1), ctypes.c_void_p(1))
    os.umask(0o777)
    sys.path.clear()


def _waits_for_a_message() -> None:
    from mpi4py import MPI

    MPI.COMM_WORLD.recv(source=0, tag=12_345)


def _aborts() -> None:
    from mpi4py import MPI

    MPI.COMM_WORLD.Abort(5)
    time.sleep(100_000)  # MPICH may come back from it for a moment, before its launcher ends the ranks


def _interrupts() -> None:
    raise KeyboardInterrupt


def _launched() -> list[tuple[int, int, bytes, bytes]]:
    """All processes of this launch, the oldest first: start, pid, command line, environment."""
    found = []
    mark = b"SCALEBENCH_LAUNCH=" + os.environ["SCALEBENCH_LAUNCH"].encode()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            environment, command, stat = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline", "stat"))
        except OSError:
            continue
        if mark in environment.split(b"\0"):
            found.append((int(stat.rpartition(b")")[2].split()[19]), int(pid), command, environment))
    return sorted(found)


def _pythons() -> list[tuple[int, int, bytes, bytes]]:
    own = os.fsencode(sys.executable)
    return [one for one in _launched() if one[2].startswith(own) and b"resource_tracker" not in one[2]]


def _host() -> int:
    """The oldest Python, and of MPI's ranks the first."""
    return next(
        pid for _, pid, _, environment in _pythons() if b"\0PMI_RANK=" not in environment or b"\0PMI_RANK=0\0" in environment
    )


def _kill_all_workers() -> None:
    others = [pid for _, pid, _, _ in _pythons() if pid not in (_host(), os.getpid())]
    for pid in [*others, os.getpid()]:
        os.kill(pid, signal.SIGKILL)


def _kill_host() -> None:
    os.kill(_host(), signal.SIGKILL)
    time.sleep(100_000)


def _kill_mpiexec() -> None:
    os.kill(next(pid for _, pid, command, _ in _launched() if b"mpiexec" in command.partition(b"\0")[0]), signal.SIGKILL)
    time.sleep(100_000)


FAULTS = (
    Fault(name="raises", what="raises an exception", do=_raises, status="failed", says="ValueError: the input makes no sense"),
    Fault(
        name="raises what can't be pickled", what="raises an exception that can't be pickled", do=_raises_what_cant_be_pickled,
        on=TASKS, status="failed", says="CantBePickledError: can't travel",
    ),
    Fault(
        name="answers what can't be pickled", by_interface=True, what="answers something that can't be pickled", do=lambda: (one for one in ()),
        on=TASKS, status="failed", says="pickle", instead=((IN_HOST, "ok", ""),),
    ),
    Fault(
        name="answers what can't be unpickled", by_interface=True, what="answers something that can be pickled, but not read back", do=CantBeUnpickled,
        on=TASKS, status="failed", says="no number",
        instead=((IN_HOST, "ok", ""), (("multiprocessing", "multiprocess"), "failed", "can be pickled, but not unpickled")),
    ),
    Fault(name="exits", by_interface=True, what="ends its process: `os._exit(3)`", do=lambda: os._exit(3), status="crashed", says="exit status 3",
          instead=((PROGRAM, "failed", "exit status 3"), SPAWNED, OF_RAY)),
    Fault(name="sys.exit", what="calls `sys.exit(\"I'm done\")`", do=lambda: sys.exit("I'm done"), status="failed", says="I'm done"),
    Fault(name="KeyboardInterrupt", what="raises KeyboardInterrupt", do=_interrupts, status="failed", says="KeyboardInterrupt",
          instead=((PROGRAM, "crashed", "SIGINT"),)),
    Fault(name="kills itself", by_interface=True, what="is killed, with its worker, by SIGKILL", do=lambda: os.kill(os.getpid(), signal.SIGKILL),
          status="crashed", says="SIGKILL", instead=(OF_RAY,)),
    Fault(name="kills all workers", what="is killed, with all workers, by SIGKILL", do=_kill_all_workers, on=(*POOLS, *MPI),
          status="crashed", says="SIGKILL", instead=(OF_RAY,)),
    Fault(name="kills the host", what="runs while the host is killed by SIGKILL", do=_kill_host, on=(*POOLS, *MPI, *PROGRAM),
          status="crashed", says="killed by SIGKILL"),
    Fault(name="kills mpiexec", what="runs while `mpiexec` is killed by SIGKILL", do=_kill_mpiexec, on=MPI, status="crashed",
          says="mpiexec was killed by SIGKILL"),
    Fault(name="crashes", what="reads from address 0: a segmentation fault", do=lambda: ctypes.string_at(0), status="crashed",
          says="SIGSEGV", instead=(SPAWNED, OF_RAY)),
    Fault(name="hangs", by_interface=True, what="never ends", do=lambda: time.sleep(100_000), status="timeout", says="within", hangs=True),
    Fault(name="ignores signals", what="never ends, and ignores SIGTERM, SIGINT and SIGHUP", do=_ignores_and_hangs,
          status="timeout", says="within", hangs=True),
    Fault(name="stops", what="is stopped by SIGSTOP and never answers again", do=lambda: os.kill(os.getpid(), signal.SIGSTOP),
          status="timeout", says="within", hangs=True),
    Fault(name="waits for a message", what="is an MPI rank that waits for a message that nobody sends", do=_waits_for_a_message,
          on=MPI, status="timeout", says="within", hangs=True),
    Fault(name="MPI_Abort", what="calls MPI_Abort on one rank", do=_aborts, on=MPI, status="crashed", says="MPI_Abort"),
    Fault(name="wants memory", what="wants more memory than its RLIMIT_AS", do=_wants_memory, status="failed", says="MemoryError"),
    Fault(name="fills its cgroup", what="is killed by the system, because the memory of its cgroup is full", do=_fills_cgroup,
          status="crashed", says="memory ran out"),
    Fault(name="prints much", what="writes 1 GB to its standard output", do=lambda: _prints(1)),
    Fault(name="complains much", what="writes 1 GB to its standard error", do=lambda: _prints(2)),
    Fault(name="reads", what="reads its standard input: it ends at once", do=_reads),
    Fault(name="leaves processes", what="starts processes that outlive it", do=_leaves_processes),
    Fault(name="changes its process", do=_changes_its_process, on=TASKS,
          what="changes the working directory, the environment, a signal handler, the recursion limit, the umask, `sys.path`"),
)  # fmt: skip
BY_NAME = {one.name: one for one in FAULTS}

if __name__ == "__main__":  # as a program: ``python -m faults.catalogue WORKERS``; two workers make it the faulty case
    for one in FAULTY if sys.argv[1] == "2" else HEALTHY:
        print(task(one))
