"""The host as the controller sees it, with real processes."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from scalebench.errors import HostCrashedError, HostTimeoutError
from scalebench.launchers.process import Elsewhere, HostProcess


def start(code):
    return HostProcess([sys.executable, "-c", code], dict(os.environ))


ECHO = """
import sys
from scalebench.host import protocol
protocol.take_descriptors()
requests, replies = protocol.streams()
for line in requests:
    replies.write(protocol.encode(protocol.decode(line)))
"""


def test_a_host_that_answers_is_heard():
    host = start(ECHO)
    assert host.ask({"do": "echo", "number": 7}, 20) == {"do": "echo", "number": 7}
    assert host.end(patience=20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="how much a pipe holds can be set on Linux")
def test_a_host_is_sent_as_much_at_a_time_as_a_pipe_holds():
    host = start("""
import fcntl
from scalebench.host import protocol
protocol.take_descriptors()
requests, replies = protocol.streams()
holds = fcntl.fcntl(requests, fcntl.F_GETPIPE_SZ)
lines = []
for line in requests:
    lines.append(len(line))
    replies.write(protocol.encode({"lines": lines, "holds": holds}))
""")
    told = host.ask({"do": "open", "pickled": bytes(3_000_000)}, 20)
    host.end()
    assert max(told["lines"]) <= told["holds"]
    assert len(told["lines"]) <= 3_000_000 * 4 / 3 / told["holds"] + 3


def test_what_is_printed_before_the_protocol_begins_is_no_reply():
    host = start("print('hello from a start-up file')\n" + ECHO)
    assert host.ask({"do": "echo"}, 20) == {"do": "echo"}
    host.end()


def test_a_host_that_dies_is_a_crash_with_its_exit_status_and_last_words():
    host = start("import sys; sys.stderr.write('cannot open the input'); sys.exit(7)")
    with pytest.raises(HostCrashedError, match=r"ended with exit status 7(.|\n)*cannot open the input") as caught:
        host.ask({"do": "open"}, 20)
    assert caught.value.exit_status == 7
    assert host.end() == 7


def test_a_host_that_is_killed_is_a_crash_that_names_the_signal():
    host = start("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(HostCrashedError, match="killed by SIGSEGV"):
        host.ask({"do": "open"}, 20)
    host.end()


def test_a_host_that_does_not_answer_is_a_timeout_and_can_be_ended():
    host = start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)")
    with pytest.raises(HostTimeoutError, match="no answer to 'open' within"):
        host.ask({"do": "open"}, 0.2)
    assert host.end() == -9


def test_the_end_of_a_host_is_the_end_of_its_children():
    host = start(
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']); time.sleep(1000)"
    )
    while host.count_processes() < 2:
        time.sleep(0.01)
    (child,) = psutil.Process(host._process.pid).children()
    host.end()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_host_that_prints_without_end_is_kept_short():
    host = start("import sys\nfor _ in range(100): sys.stderr.write('x' * 100_000)\n" + ECHO)
    host.ask({"do": "echo"}, 20)
    host.end(patience=20)
    assert 0 < len(host.printed) <= 4000


def test_an_interruption_while_a_host_starts_leaves_no_process(monkeypatch):
    class Interrupted(subprocess.Popen):
        def _execute_child(self, *arguments, **keywords):
            super()._execute_child(*arguments, **keywords)
            signal.raise_signal(signal.SIGINT)

    others = psutil.Process().children()
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where pytest is in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            start("import time; time.sleep(1000)")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert [one for one in psutil.Process().children() if one not in others] == []


class There(Elsewhere):
    """A launch on another machine, as its launcher would see it."""

    def __init__(self):
        self.gone = False
        self.ended = []

    def why(self):
        return "the machine burnt down"

    def lost(self):
        return self.gone

    def end(self, *, well):
        self.ended.append(well)


class TestALaunchElsewhere:
    def start(self, code, there):
        return HostProcess([sys.executable, "-c", code], dict(os.environ), elsewhere=there)

    def test_that_is_lost_is_a_crash_though_its_command_here_goes_on(self, monkeypatch):
        monkeypatch.setattr("scalebench.launchers.process._LOOK_S", 0.1)
        there = There()
        there.gone = True
        host = self.start("import time; time.sleep(1000)", there)
        with pytest.raises(HostCrashedError, match="was left alone during 'round'; the machine burnt down"):
            host.ask({"do": "round"}, 1000)
        host.end()
        assert there.ended == [False]

    def test_that_is_there_is_waited_for(self, monkeypatch):
        monkeypatch.setattr("scalebench.launchers.process._LOOK_S", 0.1)
        there = There()
        host = self.start(ECHO.replace("    replies", "    import time; time.sleep(1)\n    replies"), there)
        assert host.ask({"do": "echo"}, 60) == {"do": "echo"}
        assert host.end(patience=20) == 0
        assert there.ended == [True]

    def test_says_why_where_it_does_not_answer_in_time(self):
        host = self.start("import time; time.sleep(1000)", There())
        with pytest.raises(HostTimeoutError, match="the machine burnt down"):
            host.ask({"do": "round"}, 0.2)
        host.end()

    def test_is_asked_to_end_what_it_has_started_before_it_is_killed(self, tmp_path):
        told = tmp_path / "told"
        code = f"import signal, sys, time\nsignal.signal(15, lambda *_: (open({str(told)!r}, 'w').close(), sys.exit(3)))\nprint('up', flush=True)\ntime.sleep(1000)"
        host = self.start(code, There())
        give_up = time.monotonic() + 60
        while "up" not in host.printed:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        assert host.end() == 3
        assert told.exists()

    def test_has_no_processes_to_count_and_no_folder_for_temporary_files_here(self):
        host = self.start("import os, time; print(os.environ.get('TMPDIR', 'none'), flush=True); time.sleep(1000)", There())
        give_up = time.monotonic() + 60
        while not host.printed:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        assert host.count_processes() is None
        assert host.printed.strip() == os.environ.get("TMPDIR", "none")
        host.end()
