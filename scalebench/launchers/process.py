"""A running host as the controller sees it: ask, wait, end.

Promises: an answer, an error or a time-out, never a hang; after :meth:`HostProcess.end` no process of the launch is
left. The controller sleeps while a round runs: replies are awaited in a thread that blocks on the pipe.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import psutil

if sys.platform == "linux":
    import fcntl

from scalebench.errors import HostCrashedError, HostError, HostFailedError, HostTimeoutError
from scalebench.host import protocol
from scalebench.host.endings import ending
from scalebench.launchers import marked
from scalebench.launchers.guard import new_mark
from scalebench.launchers.leftovers import Leftovers
from scalebench.launchers.mpi import how_ranks_ended

_END_S = 5.0  # for a killed process to be gone
_LOOK_S = 10.0  # between two looks whether a launch elsewhere is still there
_POLITE_S = 5.0  # for a launcher to end what it has started on other machines
_SLOW = {"round": ": a task hangs, or needs a longer --timeout", "open": ": a worker hangs in its set-up"}  # what it may be
_STDERR_KEPT = 16_384  # bytes: the end of what was printed, for messages
#: bytes that a task may print meanwhile without being held up, and that go to a host at a time, where the system lets us say so
_WIDE_PIPE = 1 << 20
_STDERR_REST_S = 0.02  # between two looks, so that a chatty task doesn't wake the controller with each line


class Elsewhere:
    """What a launcher knows of a launch on other machines, and this one can't see."""

    def why(self) -> str | None:
        """Why it ended, where that is known."""
        return None

    def lost(self) -> bool:
        """Whether it can't answer any more, though its command on this machine has not noticed; asked now and then."""
        return False

    def end(self, *, well: bool) -> None:
        """End what may be left of it there; its command on this machine has ended, ``well`` or not."""


class HostProcess:
    """One launch: the host process, or the mpiexec that it runs below, and all that they start."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, own_folder: bool = True, elsewhere: Elsewhere | None = None
    ) -> None:
        """``own_folder``: whether its ``TMPDIR`` is a folder that goes with it; ``elsewhere``: where it is not on this machine."""
        self._elsewhere = elsewhere
        started = Path(command[0]).name
        self._name = "mpiexec" if started.startswith("mpi") else started if elsewhere else "the host"
        self._killed_before = _killed_for_memory()
        self._replies: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._printed = bytearray()
        self._seen: dict[int, psutil.Process] = {}
        self._sessions: set[int] = set()
        self._line = protocol.LINE
        self._threads: list[threading.Thread] = []
        try:
            with interrupted_later():  # else a folder or a process may have been made that nobody knows
                self.taken_away = False  #: it did not end by itself: its job or its host went
                self._mark = new_mark()
                self._leftovers = Leftovers()
                if own_folder and elsewhere is None:
                    environment = {**environment, "TMPDIR": self._leftovers.folder}
                self.started = time.perf_counter()  #: when the command was begun, on this machine's clock
                self._start(command, {**environment, marked.VARIABLE: self._mark})
        except BaseException as error:
            if hasattr(self, "_process"):
                self.end()
            if hasattr(self, "_leftovers"):
                self._leftovers.remove()
            if isinstance(error, OSError):  # no room for its folder, no process to be had, no such Python any more
                raise HostError(f"{self._name} can't be started: {error}") from None
            raise

    def _start(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",
        )  # fmt: skip
        self._began = psutil.Process(self._process.pid).create_time()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pipes = self._process.stdout, self._process.stderr
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipes[1], fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
                if self._name == "the host":  # mpiexec has a pipe of its own to the host
                    self._line = fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
        self._threads = [
            threading.Thread(target=self._listen, args=(pipes[0],), daemon=True),
            threading.Thread(target=self._drain, args=(pipes[1],), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a request, wait for the reply. Of a long one each part has the time that is allowed.

        Raises:
            HostFailedError: The host answered with an error.
            HostCrashedError: It died, or it says that its workers did.
            HostTimeoutError: No reply within ``timeout`` seconds.
        """
        reply: dict[str, Any] = {}
        for line in protocol.in_parts(request, self._line):
            with contextlib.suppress(OSError):  # it is dead: no reply says so
                assert self._process.stdin is not None
                self._process.stdin.write(line)
                self._process.stdin.flush()
            try:
                told = self._next_reply(request["do"], time.monotonic() + timeout)
            except queue.Empty:
                what = request["do"]
                message = f"no answer to {what!r} within {timeout:g} s{_SLOW.get(what, '')}"
                raise HostTimeoutError(self.explain(message), what, timeout) from None
            if told is None:
                raise self._crashed(request["do"])
            reply = told
        if "error" in reply:
            message = str(reply["error"])
            if reply.get("status") == "crashed":
                raise HostCrashedError(self.explain(message))
            raise HostFailedError(message, reply.get("brief"), reply.get("task"))
        return reply

    def _next_reply(self, request: str, give_up: float) -> dict[str, Any] | None:
        while True:
            left = max(0.0, give_up - time.monotonic())
            try:
                return self._replies.get(timeout=left if self._elsewhere is None else min(left, _LOOK_S))
            except queue.Empty:
                if left <= _LOOK_S or self._elsewhere is None:
                    raise
            if self._elsewhere.lost():
                raise HostCrashedError(self.explain(f"{self._name} was left alone during {request!r}"))

    def _crashed(self, request: str) -> HostCrashedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._threads[1].join(1)
        status = self._process.returncode
        printed = self.printed.strip()
        how = f"{self._name} " + ("closed its pipe" if status is None else ending(status))
        if self._name == "mpiexec" and status is not None and status > 0:
            how = how_ranks_ended(printed) or how
        told = self.explain(f"{how} during {request!r}") + (f"\nIt printed last:\n{printed}" if printed else "")
        return HostCrashedError(told, status, request=request)

    def explain(self, message: str) -> str:
        """With why it ended, in the first line, where the launcher knows, or Linux: memory that ran out since the launch began."""
        if self._elsewhere is not None:
            why = self._elsewhere.why()
            self.taken_away = why is not None
            return message if why is None else _in_first_line(message, why)
        killed = _killed_for_memory() - self._killed_before
        if killed <= 0:
            return message
        return _in_first_line(message, f"memory ran out: the system killed {killed} of this machine's processes meanwhile")

    @property
    def printed(self) -> str:
        """The end of what the launch printed to its standard output and error."""
        return bytes(self._printed[-_STDERR_KEPT:]).decode("utf-8", "replace")[-4000:]

    @property
    def exit_status(self) -> int | None:
        """Of the host command; negative: the signal; None while it runs."""
        return self._process.poll()

    def count_processes(self) -> int | None:
        """How many processes the launch has now, the command itself included; None where they are on other machines."""
        if self._elsewhere is not None:
            return None
        processes = self._tree()
        self._leftovers.look(processes)  # some may be gone when it ends
        return len(processes)

    def end(self, patience: float = 0.0) -> int | None:
        """Wait ``patience`` seconds for a good end, then kill all that is left; the exit status."""
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired, OSError):
                assert self._process.stdin is not None
                self._process.stdin.close()
                self._process.wait(patience)
        with interrupted_later():  # half an end would leave a folder, or a process
            self._end()
        return self._process.returncode

    def _end(self) -> None:
        if self._elsewhere is not None and self._process.poll() is None:  # what it has started on other machines is for it to end
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_POLITE_S)
        marked.end_all(lambda: [*self._tree(), *self._astray()], self._leftovers.look)
        marked.wait_for(self._tree(), _END_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        if self._elsewhere is not None:
            self._elsewhere.end(well=self._process.returncode == 0)
        for thread in self._threads:
            thread.join(1)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None and not (pipe is self._process.stderr and self._threads[1].is_alive()):
                    pipe.close()
        self._leftovers.remove()

    def _tree(self) -> list[psutil.Process]:
        """All processes of the launch seen so far that still run; one that only waits to be reaped doesn't."""
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._process.pid)
            for one in [root, *root.children(recursive=True)]:
                self._note(one)
        return [one for one in self._seen.values() if marked.runs(one)]

    def _astray(self) -> list[psutil.Process]:
        """Descendants whose parents have ended, found by their session, or by the launch's mark in their environment."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = one.create_time() >= self._began and (
                    _session(one.pid) in self._sessions or marked.mark_of(one) == self._mark
                )
                if ours and marked.runs(one):
                    self._note(one)
                    found.append(one)
        return found

    def _note(self, process: psutil.Process) -> None:
        self._seen[process.pid] = process
        if (session := _session(process.pid)) is not None:
            self._sessions.add(session)

    def _listen(self, pipe: BinaryIO) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in pipe:
                if (message := protocol.decode(line)) is not None:
                    self._replies.put(message)
                else:
                    self._keep(line)  # what a launcher says of a rank that died, say
        self._replies.put(None)

    def _keep(self, printed: bytes) -> None:
        self._printed += printed
        del self._printed[:-_STDERR_KEPT]

    def _drain(self, pipe: BinaryIO) -> None:
        with contextlib.suppress(ValueError, OSError):
            while chunk := pipe.read1(1 << 16):  # type: ignore[attr-defined]
                self._keep(chunk)
                if len(chunk) < 1 << 15:
                    time.sleep(_STDERR_REST_S)


@contextlib.contextmanager
def interrupted_later() -> Iterator[None]:
    """Signals that would raise in here do so at its end."""
    came: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():  # signals reach no other
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            handler = signal.getsignal(getattr(signal, name)) if hasattr(signal, name) else None
            if callable(handler):
                handlers[getattr(signal, name)] = handler
    for sent in handlers:
        signal.signal(sent, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for sent, handler in handlers.items():
            signal.signal(sent, handler)
        for sent, frame in came:
            handlers[sent](sent, frame)


def _killed_for_memory() -> int:
    """How many processes Linux has killed since it was started because memory ran out, of a cgroup or of the machine."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _in_first_line(message: str, why: str) -> str:
    first, *more = message.split("\n", 1)
    return "\n".join([f"{first}; {why}", *more])


def _session(pid: int) -> int | None:
    """The session that a process is in. One below a launch is in a session of the launch: its command begins one."""
    with contextlib.suppress(OSError, AttributeError):
        return os.getsid(pid)
    return None
