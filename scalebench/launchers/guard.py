"""A process beside the controller that ends its launches when it is gone: killed, it can't do that itself.

A host that waits for a request sees the controller's end of the pipe close, and ends; one in the middle of a round does
not look, and a task without end would hold CPUs for ever. The guard sleeps on a pipe that only the controller holds open.
When that closes it looks for processes with a launch's mark of this controller, ends them, and ends itself; after a good end
there are none. It is no child of the controller, has no terminal, and is in no measured process's way. POSIX only.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

_guarded: tuple[int, str, int] | None = None  # this process, what all its marks begin with, what it tells the guard by


def new_mark() -> str:
    """A mark for a launch of this process; the first call starts the guard."""
    global _guarded
    if _guarded is None or _guarded[0] != os.getpid():
        begins = secrets.token_hex(8)
        _guarded = os.getpid(), begins, _start(begins) if os.name == "posix" else -1
    return f"{_guarded[1]}-{secrets.token_hex(4)}"


def at_end(key: str, command: Sequence[str] | None) -> None:
    """Let the guard run a command when this process is gone, under a name; None takes it back."""
    new_mark()
    assert _guarded is not None
    if _guarded[2] >= 0:
        with contextlib.suppress(OSError):
            os.write(_guarded[2], json.dumps([key, command]).encode() + b"\n")


def _start(begins: str) -> int:
    """Start the guard; the descriptor that it sleeps on the other end of."""
    seen, held = os.pipe()  # 'held' stays open as long as this process lives, and no other inherits it
    code = f"import os; os.fork() and os._exit(0); from {__name__} import main; main({begins!r}, {tempfile.gettempdir()!r})"
    with contextlib.suppress(OSError):
        subprocess.run(
            [sys.executable, "-c", code], stdin=seen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(one) for one in sys.path)},  # noqa: PTH100
            start_new_session=True, check=False,
        )  # fmt: skip
    os.close(seen)
    return held


def main(begins: str, temporary: str) -> None:
    """Wait for the end of the controller, then end what is left of its launches; ``temporary``: its folder of such files."""
    import psutil

    from scalebench.launchers.leftovers import SharedMemory, remove_those_of_dead_controllers
    from scalebench.launchers.marked import end_all, mark_of, runs

    tempfile.tempdir = temporary  # else one is looked for by writing to it, when the controller has long ended
    shared = SharedMemory(time.time())
    told = b""
    while part := os.read(0, 1 << 16):
        told += part
    commands = dict(map(json.loads, told.splitlines()))
    end_all(lambda: [one for one in psutil.process_iter() if mark_of(one).startswith(begins) and runs(one)], shared.look)
    for command in commands.values():
        if command is not None:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(command, check=False, timeout=60, stdin=subprocess.DEVNULL, capture_output=True)
    shared.remove()
    remove_those_of_dead_controllers()
