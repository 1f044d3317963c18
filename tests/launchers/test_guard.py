"""What was launched by a controller that was killed ends, whatever it does; what another has launched does not."""

import contextlib
import os
import subprocess
import sys
import time
import uuid

import psutil
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the guard is made by fork")

CONTROLLER = """
import os, sys
from scalebench.launchers.process import HostProcess
host = HostProcess([sys.executable, "-c", sys.argv[1], sys.argv[1]], dict(os.environ))
sys.stdin.read()
"""
#: a tree that never looks at its controller, ignores a polite signal, and has a part in a session of its own
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 2:
    subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[1], "child"], start_new_session=True)
time.sleep(1000)
"""


class Tree:
    """A controller and all that it started, found by a variable of the environment."""

    def __init__(self):
        self._name = uuid.uuid4().hex
        self.controller = subprocess.Popen(
            [sys.executable, "-c", CONTROLLER, STUBBORN], stdin=subprocess.PIPE, env={**os.environ, "TEST_TREE": self._name}
        )

    def processes(self, word=""):
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if (
                    one.environ().get("TEST_TREE") == self._name
                    and one.status() != psutil.STATUS_ZOMBIE
                    and word in " ".join(one.cmdline())
                ):
                    found.append(one)
        return found

    def wait_until(self, count, word=""):
        give_up = time.monotonic() + 120
        while len(self.processes(word)) != count:
            assert time.monotonic() < give_up, self.processes()
            time.sleep(0.05)

    def clear(self):
        for one in self.processes():
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.controller.communicate()


@pytest.fixture
def tree():
    """Call it for a controller with a launch of two processes; gone afterwards."""
    with contextlib.ExitStack() as stack:

        def start():
            made = Tree()
            stack.callback(made.clear)
            made.wait_until(3, STUBBORN)  # the controller has it among its arguments
            return made

        yield start


def test_a_killed_controllers_launches_end_and_the_guard_with_them_and_no_other_launch(tree):
    killed, other = tree(), tree()
    assert len(killed.processes("launchers.guard")) == len(other.processes("launchers.guard")) == 1
    running = {one.pid for one in other.processes()}
    killed.controller.kill()
    killed.wait_until(0)
    assert {one.pid for one in other.processes()} == running


def test_so_do_those_of_one_that_ended_without_ending_them(tree):
    left = tree()
    left.controller.stdin.close()
    left.wait_until(0)


def test_the_guard_is_no_child_of_the_controller_and_in_no_session_of_its(tree):
    (guard,) = (started := tree()).processes("launchers.guard")
    controller = psutil.Process(started.controller.pid)
    assert guard not in controller.children(recursive=True)
    assert os.getsid(guard.pid) != os.getsid(controller.pid)


@pytest.mark.parametrize(("taken_back", "ran"), [(False, True), (True, False)])
def test_a_command_for_the_end_runs_when_its_controller_is_killed_unless_it_was_taken_back(tmp_path, taken_back, ran):
    marker, other = tmp_path / "marker", tmp_path / "other"
    code = f"""
import sys
from scalebench.launchers import guard
guard.at_end("one", ["touch", {str(marker)!r}])
guard.at_end("two", ["touch", {str(other)!r}])
if {taken_back}:
    guard.at_end("one", None)
print("ready", flush=True)
sys.stdin.read()
"""
    controller = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with controller:
        assert controller.stdout.readline() == b"ready\n"
        controller.kill()
        give_up = time.monotonic() + 60
        while not other.exists():
            assert time.monotonic() < give_up
            time.sleep(0.01)
    assert marker.exists() == ran
