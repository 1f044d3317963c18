"""A run on a terminal leaves it as it was, whatever tasks try."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time

import pytest

from scalebench.cli import CASES_FAILED
from scalebench.results.load import load

RUN = ["--items", "range(4)", "--backend", "processes", "--workers", "2", "--blocks", "1", "--rounds", "1", "--no-baselines"]
#: a run of many short launches
MANY = ["--kind", "sleep", "--size", "20", "--tasks", "4", *RUN[2:], "--blocks", "500"]


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
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored where pytest is in the background, SIGHUP where it is below nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_one_that_goes_ends_the_run_as_its_signal_says_and_what_was_measured_is_kept(tmp_path):
    other, own = os.openpty()
    command = [sys.executable, "-m", "scalebench", "run", *MANY, "--results", str(tmp_path)]
    with tempfile.TemporaryFile() as out:
        run = subprocess.Popen(command, stdin=own, stdout=out, stderr=own, preexec_fn=lambda: _take(own))
        os.close(own)
        try:
            while not [*tmp_path.glob("*/parts/[0-9]*.rounds.*")]:
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


@contextlib.contextmanager
def started(own, other, *arguments):
    """A run whose terminal that is, and what is written there; read to its end when it is left."""
    command = [sys.executable, "-m", "scalebench", "run", *arguments]
    run = subprocess.Popen(command, stdin=own, stdout=own, stderr=own, preexec_fn=lambda: _take(own))
    written = bytearray()

    def read():
        while b"the run is over" not in written:
            written.extend(os.read(other, 1 << 16))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield run, written
    finally:
        run.kill()
        run.wait()
        os.write(own, b"the run is over")
        reader.join(60)


def is_as_before(own, settings, written):
    """A cursor that was hidden is shown again, and so on."""
    assert termios.tcgetattr(own) == settings
    assert written.count(b"\x1b[?25l") == written.count(b"\x1b[?25h")
    assert written.count(b"\x1b[?1049h") == written.count(b"\x1b[?1049l")


def test_settings_cursor_and_foreground_are_those_of_before(terminal, tmp_path):
    own, other = terminal
    before = termios.tcgetattr(own)
    with started(own, other, "tasks:spoils_the_terminal_and_dies", *RUN, "--results", tmp_path) as (run, written):
        assert run.wait(120) == CASES_FAILED, bytes(written).decode()
    is_as_before(own, before, written)
    assert b"spoilt" not in written  # what a task writes goes nowhere near it
    (folder,) = tmp_path.iterdir()
    rounds = load(folder).rounds
    assert set(rounds["status"]) == {"crashed", "ok"} or set(rounds["status"]) == {"crashed"}
    assert rounds["message"].str.contains("exit status 3").any()


@pytest.mark.parametrize(
    "sent", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=["Ctrl-C", "twice", "SIGTERM"]
)
def test_they_are_too_where_a_signal_ended_the_run(terminal, tmp_path, sent):
    own, other = terminal
    before = termios.tcgetattr(own)
    with started(own, other, *MANY, "--results", tmp_path) as (run, written):
        while not [*tmp_path.glob("*/parts/[0-9]*.rounds.*")]:
            assert run.poll() is None, bytes(written).decode()
            time.sleep(0.02)
        run.send_signal(sent[0])
        if len(sent) == 2:
            while b"Ctrl-C again" not in written:
                assert run.poll() is None, bytes(written).decode()
                time.sleep(0.02)
            run.send_signal(sent[1])
        assert run.wait(120) == 128 + sent[0]
    assert b"\x1b[?25l" in written  # it had hidden the cursor
    is_as_before(own, before, written)
