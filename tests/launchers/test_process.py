"""The host as the controller sees it, with real processes."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from scalebench.errors import HostCrashedError, HostTimeoutError
from scalebench.launchers.process import HostProcess


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
