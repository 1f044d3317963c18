"""``python -m scalebench.host -m scalebench.host.program``: run a command once a round: when it began and ended, what it used,
what it printed. Standard library and POSIX only.

Promises: the clock runs from just before the start until its end is noticed; it reads the null device; its output is read
while it runs, and no more of it is kept than ``_KEPT``; should the controller go away, the command and all that it started
are ended.

What is counted: CPU time and context switches of the command and of all processes below it that ended and were waited for
by their parents, as ``wait4`` has them. Where the system lets this process adopt orphans (Linux), those whose parents ended
first too, and what still runs when the command has ended, up to that moment. The peak resident set is that of the largest
one of the processes that were waited for; a process inherits the peak of the one that started it, so that one below this
host's own is unknown. So this is a server of its own, that imports as little as it can.
"""

import contextlib
import fcntl
import math
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scalebench.host import endings, probe, protocol

_KEPT = 1 << 20  # bytes of each output that are kept, the last ones
_PIPE = 1 << 20  # bytes that it may print before it is held up, where the system lets us say so
_CHUNK = 1 << 16
_SHOWN_LINES, _SHOWN_CHARACTERS = 20, 3000
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2) there and here
_IGNORED_HERE = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)]  # by Python


class Program:
    """A command that is run again and again.

    Args:
        asked: ``path`` and ``arguments``; ``prepare``: the same of a command to be run before each round, or null;
            ``environment``: on top of this process's; ``figure_of_merit``: a regular expression, or null.
    """

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._environment = {**os.environ, **asked["environment"]}
        figure = asked["figure_of_merit"]
        self._figure = None if figure is None else re.compile(figure, re.MULTILINE)
        self._left_cpu_s: dict[int, float] = {}  #: pid -> CPU time of what an earlier round left running
        _adopt_orphans()
        self._ended, wake = os.pipe()
        for end in (self._ended, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, else there is no wake-up
        self._null = os.open(os.devnull, os.O_RDONLY)

    def round(self) -> dict[str, Any]:
        """Run it once; ``exit_status`` is negative for the signal that ended it."""
        try:
            if self._asked["prepare"] is not None:
                told = self._run(self._asked["prepare"])
                if told["exit_status"]:
                    return {"error": f"prepare: {told['message']}", "status": "failed"}
            told = self._run(self._asked)
        except OSError as error:
            return {"error": f"can't be started: {error.strerror}: {error.filename}", "status": "failed"}
        return told

    def _run(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        outputs = [os.pipe() for _ in range(2)]
        for end, _ in outputs:
            os.set_blocking(end, False)
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _PIPE)
        ends = [(os.POSIX_SPAWN_DUP2, self._null, 0)]
        ends += [(os.POSIX_SPAWN_DUP2, end, number) for number, (_, end) in enumerate(outputs, 1)]
        kept = {end: bytearray() for end, _ in outputs}
        try:
            start = time.perf_counter()
            pid = os.posix_spawn(
                asked["path"], asked["arguments"], self._environment, file_actions=ends, setpgroup=0, setsigdef=_IGNORED_HERE
            )
            for _, end in outputs:
                os.close(end)
            outputs = [(end, -1) for end, _ in outputs]
            stop, status, used = self._wait(pid, kept)
            for end, text in kept.items():
                _read(end, text)
        finally:
            for pair in outputs:
                for end in pair:
                    if end >= 0:
                        os.close(end)
        exit_status = os.waitstatus_to_exitcode(status)
        printed, complained = (text.decode("utf-8", "replace") for text in kept.values())
        return {
            "wall_s": stop - start,
            "exit_status": exit_status,
            **self._used(used),
            **({} if self._figure is None else _find_figure(self._figure, (printed, complained))),
            "message": _describe(exit_status, complained if complained.strip() else printed) if exit_status else None,
        }

    def _wait(self, pid: int, kept: Mapping[int, bytearray]) -> tuple[float, int, resource.struct_rusage]:
        """Read what it prints until it ends; when that was, how, and what it used."""
        requests = protocol.streams()[0].fileno()
        poll = select.poll()
        poll.register(requests, 0)  # only its hang-up: the controller has gone
        poll.register(self._ended, select.POLLIN)
        for end in kept:
            poll.register(end, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            stop = time.perf_counter()
            if self._ended in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._ended, 4096)
                found, status, used = os.wait4(pid, os.WNOHANG)
                if found:
                    return stop, status, used
            if requests in ready:
                _end_all()
            for end in kept.keys() & ready.keys():
                if not _read(end, kept[end]):
                    poll.unregister(end)  # closed by the command; its end is told by the signal

    def _used(self, used: resource.struct_rusage) -> dict[str, Any]:
        """Of the command, of orphans that ended since, and of what still runs."""
        orphans = dict(_reap_orphans())
        all_used = [used, *orphans.values()]
        left = {pid: seconds for pid in _descendants(os.getpid()) if (seconds := probe.cpu_seconds(pid)) is not None}
        cpu = sum(one.ru_utime + one.ru_stime for one in all_used)
        cpu += sum(left.values()) - sum(self._left_cpu_s.get(pid, 0.0) for pid in {*left, *orphans})  # told of rounds before
        self._left_cpu_s = left
        peak = max(one.ru_maxrss for one in all_used) * _MAXRSS_UNIT
        own = probe.peak_resident_bytes(os.getpid()) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
        return {
            "cpu_tree_s": cpu,
            "ctx_involuntary": sum(one.ru_nivcsw for one in all_used),
            "rss_peak_bytes": peak if peak > own else None,
        }


def serve() -> None:
    """Answer requests until the controller closes or goes away."""
    lines, replies = protocol.streams()
    program: Program | None = None
    for request in protocol.requests(lines, replies):
        try:
            if request["do"] == "open":
                program = Program(request["program"])
                reply: dict[str, Any] = {"cpus": probe.allowed_cpus()}
            else:
                assert program is not None
                reply = program.round()
        except BaseException:  # noqa: BLE001 - every failure is a row
            reply = {"error": traceback.format_exc(), "status": "failed"}
        replies.write(protocol.encode(reply))


def _read(end: int, text: bytearray) -> bool:
    """Take what a pipe holds now; False once nobody can write to it any more."""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(end, _CHUNK):
            text += chunk
            del text[:-_KEPT]
        return False
    return True


def _describe(exit_status: int, printed: str) -> str:
    """How it ended and what it printed last; the first line tells the most."""
    how = f"killed by {endings.signal_name(-exit_status)}" if exit_status < 0 else f"exit status {exit_status}"
    lines = [line.rstrip() for line in printed.splitlines() if line.strip()][-_SHOWN_LINES:]
    if not lines:
        return f"{how}; it printed nothing"
    last = "\n".join(lines)[-_SHOWN_CHARACTERS:]
    return f"{how}: {lines[-1].strip()[:200]}" + (f"\nIt printed last:\n{last}" if len(lines) > 1 else "")


def _find_figure(pattern: re.Pattern[str], outputs: Sequence[str]) -> dict[str, Any]:
    """The last match, in what went to the standard output, else to the standard error."""
    for printed in outputs:
        last = None
        for last in pattern.finditer(printed):  # noqa: B007 - the last one is what is wanted
            pass
        if last is None:
            continue
        text = last["figure_of_merit" if "figure_of_merit" in pattern.groupindex else 1]
        try:
            value = float((text or "").replace("D", "E").replace("d", "e"))  # Fortran's 1.5D+03
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return {"figure_of_merit": value}
        return {"figure_of_merit": None, "no_figure": f"figure_of_merit: {text!r} is no number"}
    told = f"figure_of_merit: nothing that it printed matches {pattern.pattern!r}"
    ending = [line for line in outputs[0].splitlines() if line.strip()][-5:]
    return {"figure_of_merit": None, "no_figure": "\n".join([told, *(["The output ended with:", *ending] if ending else [])])}


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans() -> Iterator[tuple[int, resource.struct_rusage]]:
    """What was adopted and has ended, by its process."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            yield ended[0], ended[2]


def _descendants(pid: int) -> list[int]:
    """What runs below a process now; nothing where the system doesn't list children."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as children:
                below = [int(child) for child in children.read().split()]
            for child in below:
                found += [child, *_descendants(child)]
    return found


def _end_all() -> None:
    """Nobody is left to tell: end what was started, and this process."""
    while below := _descendants(os.getpid()):
        for pid in below:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.wait4(-1, 0)
    os._exit(1)


if __name__ == "__main__":
    serve()
