"""What a killed launch has left in shared memory goes with it, and nothing else does."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scalebench.launchers import leftovers, marked
from scalebench.launchers.leftovers import SharedMemory

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux tells what a process has mapped")

#: as the C library makes a semaphore: mapped under a first name, linked to its own, and the first one unlinked
MAKES = """
import mmap, os, sys, time
first, name = sys.argv[1:]
file = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
os.write(file, bytes(32))
mapped = mmap.mmap(file, 32)
os.close(file)
os.link(first, name)
os.unlink(first)
print("made", flush=True)
time.sleep(600)
"""


@pytest.fixture
def maker():
    """A process that has a semaphore, and the semaphore's path."""
    name = f"/dev/shm/sb-test-{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen([sys.executable, "-c", MAKES, name + "-first", name], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"made\n"
        yield process, Path(name)
    finally:
        process.kill()
        process.communicate()
        Path(name).unlink(missing_ok=True)


def end(process, shared):
    def find():
        return [one for one in [psutil.Process(process.pid)] if marked.runs(one)]

    marked.end_all(find, shared.look)
    process.wait()
    shared.remove()


def test_a_semaphore_that_is_mapped_under_another_name_than_it_has_is_removed(maker):
    process, path = maker
    end(process, SharedMemory(0.0))
    assert not path.exists()


def test_what_is_older_than_the_launch_stays(maker):
    process, path = maker
    end(process, SharedMemory(path.stat().st_ctime + 1))
    assert path.exists()


def test_what_nobody_had_mapped_stays(maker):
    process, path = maker
    other = path.with_name(path.name + "-other")
    other.touch()
    try:
        end(process, SharedMemory(0.0))
        assert other.exists()
    finally:
        other.unlink()


def test_folders_of_controllers_that_are_gone_are_removed_and_those_of_other_machines_stay(tmp_path, monkeypatch):
    """Login nodes may share a folder for such files, and one's live controller has a number that is nobody's on the other."""
    monkeypatch.setattr(leftovers.tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    other = next(name for name in ("sb-0000-", "sb-0001-") if name != leftovers._PREFIX)
    mine, dead, theirs = (
        tmp_path / f"{prefix}{pid}-x"
        for prefix, pid in ((leftovers._PREFIX, os.getpid()), (leftovers._PREFIX, gone.pid), (other, gone.pid))
    )
    for folder in (mine, dead, theirs):
        folder.mkdir()
    made = leftovers.Leftovers()
    assert set(tmp_path.iterdir()) == {mine, theirs, Path(made.folder)}
    made.remove()


def test_a_process_is_stopped_when_it_is_looked_at_and_a_stopped_one_is_ended(maker):
    process, _ = maker
    states = []

    def find():
        return [one for one in [psutil.Process(process.pid)] if marked.runs(one)]

    def look(found):
        for one in found:
            give_up = time.monotonic() + 60
            while one.status() != psutil.STATUS_STOPPED and time.monotonic() < give_up:
                time.sleep(0.001)
            states.append(one.status())

    marked.end_all(find, look)
    assert states == [psutil.STATUS_STOPPED]
    assert process.wait() == -9
