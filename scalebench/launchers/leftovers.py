"""What a launch leaves behind when it is killed: temporary files and shared memory. Removed once its processes are gone.

- ``TMPDIR`` of a launch is a folder of its own, below the one that it would have had: sockets of fork servers, sessions of
  MPI and files of tasks go with it.
- Shared memory is named at random by those who make it, so it is told by who had it mapped: what lies in ``/dev/shm``, was
  made since the launch began, and was seen in the memory map of one of its processes; by its inode, since a semaphore is
  mapped under one name and linked to another. What nobody saw mapped stays: it may be somebody else's.
- A resource tracker, of multiprocessing and of loky, removes what it was told of when all others have ended: it goes last.
"""

import contextlib
import os
import platform
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import psutil

_SHARED = "/dev/shm/"  # noqa: S108  not used as a place for files
#: of this machine's controllers, since several may share the folder that theirs are in, and a number of a process is of one machine;
#: short: the path of a socket in there may have 104 characters in all
_PREFIX = f"sb-{zlib.crc32(platform.node().encode()) & 0xFFFF:04x}-"
_TRACKER = "resource_tracker import main"


class SharedMemory:
    """What processes were seen to have mapped of it, made since some moment on the clock of files (s)."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._mapped: set[int] = set()  # inodes

    def look(self, processes: Iterable[psutil.Process]) -> None:
        """Note what they have mapped. Linux alone tells; elsewhere nothing is noted."""
        for one in processes:
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{one.pid}/maps").read_text(encoding="utf-8", errors="replace")
                self._mapped |= {int(line.split(maxsplit=5)[4]) for line in text.splitlines() if _SHARED in line}

    def remove(self) -> None:
        """To be called when none of the processes is left."""
        with contextlib.suppress(OSError), os.scandir(_SHARED) as there:
            for one in there:
                with contextlib.suppress(OSError):
                    found = one.stat(follow_symlinks=False)
                    if found.st_ino in self._mapped and found.st_uid == os.getuid() and found.st_ctime >= self._began:
                        Path(one.path).unlink()


def temporary_folder() -> str:
    """A new one of this controller; where it is killed, the next one removes it."""
    remove_those_of_dead_controllers()
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


class Leftovers:
    """Of one launch."""

    def __init__(self) -> None:
        self.folder = temporary_folder()
        self._shared = SharedMemory(Path(self.folder).stat().st_ctime)

    def look(self, processes: Iterable[psutil.Process]) -> None:
        """Note the shared memory that they have mapped."""
        self._shared.look(processes)

    def remove(self) -> None:
        """To be called when no process of the launch is left."""
        self._shared.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_tracker(process: psutil.Process) -> bool:
    """Whether it is a resource tracker, which ends by itself after the others."""
    with contextlib.suppress(psutil.Error):
        return any(_TRACKER in word for word in process.cmdline())
    return False


def remove_those_of_dead_controllers() -> None:
    """A controller that was killed could not."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and _is_gone(int(pid)) and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
