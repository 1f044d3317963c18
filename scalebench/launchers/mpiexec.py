"""``mpiexec``: hosts start on machines that are named, or on those of the allocation that this runs in.

MPI ranks go to as many of them as ``nodes`` says, the first ones of the list, equally many to each. A plain process (the serial
baseline, a pool of processes) starts on the first one, by the same mpiexec, so that all of a run is measured there. A program is
started from here: its command has an mpiexec of its own.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.errors import BackendUnavailableError, LauncherError, StudyError
from scalebench.launchers import marked, nodes
from scalebench.launchers.base import Launcher, host_command, ranks
from scalebench.launchers.local import start as start_here
from scalebench.launchers.mpi import MPI, find_mpi
from scalebench.launchers.process import Elsewhere, HostProcess
from scalebench.launchers.slurm_commands import run_command
from scalebench.variants import HERE, Start

_ANSWER_S = 60.0  # for all hosts to tell what they are
_ONE_ANSWERS_S = 20.0  # for one of them, to find the one that does not
_STILL_THERE_S = 10.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, and how many ranks it shall have at most; None: as many as are asked for."""

    name: str
    slots: int | None = None


class Mpiexec(Launcher):
    """On hosts, by the mpiexec of mpi4py's MPI."""

    name: ClassVar[str] = "mpiexec"
    summary: ClassVar[str] = "on hosts that are named, or of an allocation, by mpiexec"
    options: ClassVar[Mapping[str, str]] = {
        "hosts": "names, by commas; node1:4 has 4 slots. Left out: those of the allocation of Slurm or PBS",
        "hostfile": "a file of them, one a line: node1, node1:4 or node1 slots=4",
        "arguments": "more arguments of mpiexec, as '-bind-to core'",
    }

    def __init__(self, options: Mapping[str, str]) -> None:
        self._arguments = words_of("arguments", options)
        if "hosts" in options and "hostfile" in options:
            raise StudyError("launcher_options.hostfile", options["hostfile"], "and hosts are given", "Give one of the two")
        self._hosts: list[Host] = []
        if "hosts" in options:
            self._hosts = read_hosts("hosts", options["hosts"].split(","), options["hosts"])
        elif "hostfile" in options:
            self._hosts = _read_file(options["hostfile"])
        self._found: dict[str, dict[str, Any]] = {}  #: what the hosts told of themselves
        self._machine: dict[str, Any] | None = None
        self._lost: tuple[MPI, Sequence[Host]] | None = None  #: the hosts of a launch, one of which did not answer any more

    def prepare(self, cases: Sequence[Case]) -> None:
        self._hosts = self._hosts or allocated()
        most = max(case.nodes for case in cases)
        if most > len(self._hosts):
            raise StudyError(
                "nodes", most, f"there are {len(self._hosts)} hosts: {self._listed(self._hosts)}", "Name more of them"
            )
        for case in cases:
            self._check_slots(case)
        try:
            mpi = find_mpi()
        except BackendUnavailableError as error:
            raise StudyError("launcher", self.name, str(error), "Or give --launcher local") from None
        used = self._hosts[:most]
        try:
            self._found = self._ask(mpi, used, _ANSWER_S)
        except nodes.NodesError as error:
            raise StudyError(
                "launcher_options.hosts", self._listed(used), self._who_fails(mpi, used, str(error)), _WAY_OUT
            ) from None
        self._machine = nodes.same(self._found)

    def machine(self) -> dict[str, Any] | None:
        return self._machine

    def cpus(self, count: int) -> int | None:
        return nodes.cpus(self._found, count)

    def planned(self, cases: Sequence[Case]) -> list[str]:
        return [f"launcher {self.name}: {self._listed(self._hosts or allocated())}"]

    def wait(self, ends: Callable[[], bool]) -> None:
        """A host that was lost must answer again: else each further launch would wait for its time limit."""
        if self._lost is None:
            return
        if lost := self.lost(*self._lost, _ONE_ANSWERS_S):
            raise LauncherError(f"{lost}.\nGo on with --resume when it does, or begin on other hosts")

    def start(self, case: Case, place: Start = HERE) -> HostProcess:
        if case.backend == PROGRAM:
            return start_here(case, place)
        mpi = find_mpi(place.python, place.environment)
        arguments, needed = host_command(case, place)
        used = self._hosts[: case.nodes]
        command = [*over(mpi, used, ranks(case) or 1, [*needed, marked.VARIABLE], self._arguments), *arguments]
        return HostProcess(command, {**os.environ, **needed, **mpi.environment()}, elsewhere=_There(self, mpi, used))

    def silent(self, mpi: MPI, hosts: Sequence[Host], timeout: float) -> dict[str, str]:
        """The hosts that can't be reached, or can't run what is asked, with the reason of each."""

        def tried(host: Host) -> tuple[str, str | None]:
            try:
                self._ask(mpi, [host], timeout)
            except nodes.NodesError as error:
                return host.name, str(error)
            return host.name, None

        with ThreadPoolExecutor(16) as pool:
            return {name: why for name, why in pool.map(tried, hosts) if why is not None}

    def lost(self, mpi: MPI, hosts: Sequence[Host], timeout: float) -> str | None:
        """Which of the hosts of a launch don't answer any more, in words; kept for :meth:`wait`. None: all do."""
        silent = self.silent(mpi, hosts, timeout)
        self._lost = (mpi, hosts) if silent else None
        return "; ".join(f"{name} does not answer any more ({why})" for name, why in silent.items()) or None

    def _who_fails(self, mpi: MPI, hosts: Sequence[Host], together: str) -> str:
        alone = self.silent(mpi, hosts, _ONE_ANSWERS_S)
        return "; ".join(f"{name}: {why}" for name, why in alone.items()) or together

    def _ask(self, mpi: MPI, hosts: Sequence[Host], timeout: float) -> dict[str, dict[str, Any]]:
        command = [*over(mpi, hosts, len(hosts), []), HERE.python, "-c", nodes.TELL]
        return nodes.ask(command, {**os.environ, **mpi.environment()}, len(hosts), timeout)

    def _check_slots(self, case: Case) -> None:
        count = ranks(case)
        used = self._hosts[: case.nodes]
        if count is None or any(host.slots is None for host in used):
            return
        slots = sum(host.slots or 0 for host in used)
        if count > slots:
            extra = "" if count == case.workers else f" and {count - case.workers} rank besides them"
            raise StudyError(
                "workers", case.workers, f"{case.backend} starts as many ranks{extra}; {self._listed(used)} have {slots} slots",
                "Give fewer workers, more hosts, or hosts without slots to have more ranks than CPUs",
            )  # fmt: skip

    @staticmethod
    def _listed(hosts: Iterable[Host]) -> str:
        return ",".join(host.name if host.slots is None else f"{host.name}:{host.slots}" for host in hosts)


_WAY_OUT = "Each must be reachable without a password ('ssh HOST true'), and have this Python with scalebench at the same path"


class _There(Elsewhere):
    def __init__(self, launcher: Mpiexec, mpi: MPI, hosts: Sequence[Host]) -> None:
        self._launcher, self._mpi, self._hosts = launcher, mpi, hosts

    def why(self) -> str | None:
        return self._launcher.lost(self._mpi, self._hosts, _STILL_THERE_S)


def over(mpi: MPI, hosts: Sequence[Host], count: int, exported: Iterable[str], own: Sequence[str] = ()) -> list[str]:
    """The beginning of a command that starts ``count`` ranks on hosts, with arguments of the user's ``own``."""
    # a host for which there is no rank now may be one for ranks that are spawned
    listed = ",".join(f"{host.name}:{max(1, share)}" for host, share in zip(hosts, shares(hosts, count), strict=True))
    if mpi.open_mpi:
        names = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", *exported)
        forwarded = [word for name in dict.fromkeys(names) for word in ("-x", name)]
        binding = [] if any(word.lstrip("-") == "bind-to" for word in own) else ["--bind-to", "none"]  # it takes one alone
        return [mpi.mpiexec, "--oversubscribe", *binding, "--host", listed, *forwarded, "-n", str(count), *own]
    return [mpi.mpiexec, "-print-all-exitcodes", "-hosts", listed, "-n", str(count), *own]


def shares(hosts: Sequence[Host], count: int) -> list[int]:
    """How many of ``count`` ranks each host gets: equally many, the first ones one more, and none more than its slots.

    >>> shares([Host("a"), Host("b"), Host("c"), Host("d")], 5)
    [2, 1, 1, 1]
    >>> shares([Host("a", 4), Host("b", 1)], 5)
    [4, 1]
    """
    given = [0] * len(hosts)
    for _ in range(count):
        with_room = [one for one, host in enumerate(hosts) if host.slots is None or given[one] < host.slots]
        given[min(with_room or range(len(hosts)), key=given.__getitem__)] += 1
    return given


def words_of(key: str, options: Mapping[str, str]) -> list[str]:
    """The arguments in an option of a launcher, as a shell would take them apart.

    Raises:
        StudyError: A quote is left open.
    """
    try:
        return shlex.split(options.get(key, ""))
    except ValueError as error:
        raise StudyError(f"launcher_options.{key}", options[key], f"can't be taken apart: {error}", "Close the quote") from None


def read_hosts(key: str, words: Iterable[str], value: str) -> list[Host]:
    """Hosts from texts as ``node1`` and ``node1:4``.

    Raises:
        StudyError: One is neither, or one is there twice.
    """
    found: list[Host] = []
    for word in words:
        name, colon, slots = word.strip().partition(":")
        if not _NAME.fullmatch(name) or (colon and not (slots.isdecimal() and int(slots) > 0)):
            rule = f"{word.strip()!r} is neither a host's name nor NAME:SLOTS"
            raise StudyError(f"launcher_options.{key}", value, rule, "For example hosts=node1,node2 or hosts=node1:4,node2:4")
        if name in {host.name for host in found}:
            raise StudyError(f"launcher_options.{key}", value, f"{name} is there twice", "Name each once, with its slots")
        found.append(Host(name, int(slots) if colon else None))
    return found


def _read_file(path: str) -> list[Host]:
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            "launcher_options.hostfile", path, f"can't be read: {error}", "Give the path of a file of hosts"
        ) from None
    words = [text for line in lines if (text := line.partition("#")[0].strip())]
    if not words:
        raise StudyError("launcher_options.hostfile", path, "names no host", "Write one a line: node1, or node1:4 with its slots")
    return read_hosts("hostfile", [re.sub(r"\s+(?:max_)?slots\s*=\s*", ":", word) for word in words], path)


def allocated() -> list[Host]:
    """The hosts of the allocation that this runs in.

    Raises:
        StudyError: It runs in none.
    """
    if (listed := os.environ.get("SLURM_JOB_NODELIST")) is not None and shutil.which("scontrol"):
        names = run_command(["scontrol", "show", "hostnames", listed]).stdout.split()
        if names:
            return [Host(name) for name in names]
    if (file := os.environ.get("PBS_NODEFILE")) is not None and Path(file).is_file():
        return [Host(name) for name in dict.fromkeys(Path(file).read_text(encoding="utf-8").split())]
    raise StudyError(
        "launcher", "mpiexec", "no hosts are named, and this is in no allocation of Slurm or PBS",
        "Give --launcher-option hosts=node1,node2, or --launcher-option hostfile=FILE",
    )  # fmt: skip
