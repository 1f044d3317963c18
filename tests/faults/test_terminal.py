"""A run on a terminal leaves it as it was, whatever tasks try."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import threading

import pytest

from scalebench.cli import CASES_FAILED
from scalebench.results.load import load

RUN = ["--items", "range(4)", "--backend", "processes", "--workers", "2", "--blocks", "1", "--rounds", "1", "--no-baselines"]


@pytest.fixture
def terminal():
    """Two ends of one: what a run is given, and where what it writes is read."""
    other, own = os.openpty()
    yield own, other
    os.close(own)
    os.close(other)


def _take(terminal):
    """In the run, before it begins: a session of its own, and the terminal is that session's."""
    os.setsid()
    import fcntl

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_one_that_goes_ends_the_run_as_its_signal_says_and_what_was_measured_is_kept(tmp_path):
    other, own = os.openpty()
    asked = ["--kind", "sleep", "--size", "20", "--tasks", "4", *RUN[2:], "--blocks", "500"]
    command = [sys.executable, "-m", "scalebench", "run", *asked, "--results", str(tmp_path)]
    with tempfile.TemporaryFile() as out:
        run = subprocess.Popen(command, stdin=own, stdout=out, stderr=own, preexec_fn=lambda: _take(own))
        os.close(own)
        try:
            while not [*tmp_path.glob("*/parts/*.rounds.*")]:
                assert run.poll() is None
                if select.select([other], [], [], 0.05)[0]:
                    os.read(other, 1 << 16)
            os.close(other)
            assert run.wait(120) == 128 + signal.SIGHUP
        finally:
            run.kill()
            run.wait()
    (folder,) = tmp_path.iterdir()
    assert load(folder).about["status"] == "interrupted"
    assert load(folder).rounds["status"].eq("ok").any()


def test_settings_cursor_and_foreground_are_those_of_before(terminal, tmp_path):
    own, other = terminal
    before = termios.tcgetattr(own)
    command = [sys.executable, "-m", "scalebench", "run", "tasks:spoils_the_terminal_and_dies", *RUN, "--results", str(tmp_path)]
    run = subprocess.Popen(command, stdin=own, stdout=own, stderr=own, preexec_fn=lambda: _take(own))
    written = bytearray()

    def read():
        while chunk := os.read(other, 1 << 16):
            written.extend(chunk)
            if b"the run is over" in written:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert run.wait(120) == CASES_FAILED, bytes(written).decode()
    finally:
        run.kill()
        run.wait()
        os.write(own, b"the run is over")
        reader.join(60)
    assert termios.tcgetattr(own) == before
    assert written.count(b"\x1b[?25l") == written.count(b"\x1b[?25h")  # a cursor that was hidden is shown again
    assert written.count(b"\x1b[?1049h") == written.count(b"\x1b[?1049l")
    assert b"spoilt" not in written  # what a task writes goes nowhere near it
    (folder,) = tmp_path.iterdir()
    rounds = load(folder).rounds
    assert set(rounds["status"]) == {"crashed", "ok"} or set(rounds["status"]) == {"crashed"}
    assert rounds["message"].str.contains("exit status 3").any()
