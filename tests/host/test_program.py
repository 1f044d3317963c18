"""What the host tells of a command that it runs, whatever the command does."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from scalebench.errors import HostFailedError, HostTimeoutError
from scalebench.launchers.process import HostProcess

HOST = [sys.executable, "-m", "scalebench.host", "-m", "scalebench.host.program"]


@pytest.fixture
def run():
    """Call it with what ``python -c`` is given: what the host tells of one round, or of several."""

    def once(code, rounds=1, environment=None, figure_of_merit=None, prepare=None, timeout=60, arguments=None):
        def of(text):
            return {"path": sys.executable, "arguments": [sys.executable, "-c", text]}

        host = HostProcess(HOST, dict(os.environ))
        command = of(code) if arguments is None else {"path": arguments[0], "arguments": arguments}
        request = {**command, "prepare": None if prepare is None else of(prepare), "environment": environment or {}}
        host.ask({"do": "open", "program": {**request, "figure_of_merit": figure_of_merit}}, 60)
        try:
            told = [host.ask({"do": "round"}, timeout) for _ in range(rounds)]
            told[-1]["host_rss"] = psutil.Process(host._process.pid).memory_info().rss
        finally:
            host.end()
        return told[0] if rounds == 1 else told

    return once


def running(mark):
    return [one for one in psutil.process_iter(["cmdline", "status"]) if mark in str(one.info["cmdline"]) and one.is_running()]


def test_wall_and_cpu_time_are_those_of_the_command(run):
    slept = run("import time; time.sleep(0.5)")
    assert slept["wall_s"] >= 0.5
    assert slept["cpu_tree_s"] < 0.5
    worked = run("import time\nwhile time.process_time() < 0.5: pass")
    assert 0.5 <= worked["cpu_tree_s"] < 1.0  # once, not twice


def test_cpu_time_is_that_of_the_whole_tree_waited_for_or_not(run):
    work = "import time\\nwhile time.process_time() < 0.3: pass"
    child = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', \"{work}\"])"
    assert run(f"{child}; p.wait()")["cpu_tree_s"] >= 0.3
    if sys.platform == "linux":
        # its parent ends while it still runs, and does not wait: what it has worked until then is counted
        work += "\\nprint(flush=True); time.sleep(1000)"
        child = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', \"{work}\"], stdout=subprocess.PIPE)"
        assert run(f"{child}; p.stdout.readline(); import os; os._exit(0)")["cpu_tree_s"] >= 0.3


def test_what_a_round_leaves_running_is_counted_once(run):
    spins = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    first, second = run(spins, rounds=2)
    assert second["cpu_tree_s"] < 2 * first["cpu_tree_s"] + 0.1


def test_peak_memory_is_that_of_the_largest_process_below_and_null_below_the_hosts_own(run):
    assert 200 * 2**20 < run("x = bytearray(200 * 2**20)")["rss_peak_bytes"] < 300 * 2**20
    below = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(200 * 2**20)'])"
    assert 200 * 2**20 < run(below)["rss_peak_bytes"] < 300 * 2**20
    assert run("", arguments=["/bin/true"])["rss_peak_bytes"] is None


def test_the_exit_status_and_the_last_lines_of_the_error_stream_are_told(run):
    told = run("import sys; print('out'); print('first', file=sys.stderr); sys.exit('the cause')")
    assert told["exit_status"] == 1
    assert told["message"].splitlines() == ["exit status 1: the cause", "It printed last:", "first", "the cause"]


def test_of_a_command_that_complains_on_its_standard_output_that_is_told(run):
    assert run("import sys; print('the cause'); sys.exit(3)")["message"] == "exit status 3: the cause"
    assert run("import sys; sys.exit(3)")["message"] == "exit status 3; it printed nothing"


def test_a_command_that_a_signal_ends_has_its_negative_number(run):
    told = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert told["exit_status"] == -signal.SIGSEGV
    assert told["message"].startswith("killed by SIGSEGV")


def test_a_command_that_ends_its_process_group_does_not_end_the_host(run):
    first, second = run("import os, signal; os.killpg(0, signal.SIGKILL)", rounds=2)
    assert first["exit_status"] == second["exit_status"] == -signal.SIGKILL


def test_a_command_reads_the_null_device(run):
    assert run("import sys; sys.exit(len(sys.stdin.read()))")["exit_status"] == 0


def test_signals_that_python_ignores_are_not_ignored_by_the_command(run):
    assert run("", arguments=["/bin/sh", "-c", "kill -PIPE $$; exit 0"])["exit_status"] == -signal.SIGPIPE


def test_hundreds_of_megabytes_of_output_hold_up_neither_the_command_nor_the_memory_of_the_host(run):
    code = "import os\nfor _ in range(3000): os.write(1, b'x' * 65536); os.write(2, b'y' * 65536)\nos.write(1, b'\\nn 17\\n')"
    first, second = run(code, figure_of_merit=r"^n (\d+)", rounds=2)
    assert first["exit_status"] == second["exit_status"] == 0
    assert first["figure_of_merit"] == second["figure_of_merit"] == 17
    assert second["host_rss"] < 64 * 2**20 < 3000 * 65536


def test_a_command_that_closes_its_output_is_still_waited_for(run):
    assert run("import os, time; os.close(1); os.close(2); time.sleep(0.3)")["wall_s"] >= 0.3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to the host")
def test_cpu_time_of_a_process_that_outlives_a_round_is_counted_once(run, tmp_path):
    """It works in the first round, and ends in the second one, which only waits for that."""
    work = f"import os, time; from pathlib import Path; place = Path({str(tmp_path)!r})\n"
    work += "while time.process_time() < 0.5: pass\n"
    work += "(place / 'pid').write_text(str(os.getpid())); (place / 'pid').rename(place / 'worked')\n"
    work += "while not (place / 'end').exists(): time.sleep(0.01)"
    code = "import os, subprocess, sys, time; from pathlib import Path\n"
    code += f"place = Path({str(tmp_path)!r})\n"
    code += "first = not (place / 'worked').exists()\n"
    code += f"first and subprocess.Popen([sys.executable, '-c', {work!r}])\n"
    code += "while not (place / 'worked').exists(): time.sleep(0.01)\n"
    code += "first or (place / 'end').touch()\n"
    code += "state = lambda: Path('/proc', (place / 'worked').read_text(), 'stat').read_text().rpartition(')')[2].split()[0]\n"
    code += "while not first and state() != 'Z': time.sleep(0.01)\n"
    code += "os._exit(0)"
    first, second = run(code, rounds=2)
    assert first["cpu_tree_s"] >= 0.5
    assert second["cpu_tree_s"] < 0.5


def test_output_that_a_process_left_behind_holds_open_is_not_waited_for(run):
    told = run("import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])")
    assert told["exit_status"] == 0  # before the time-out of the test's round, of a minute


@pytest.mark.parametrize(
    ("printed", "pattern", "figure"),
    [
        ("rate: 1.5\\nrate: 2.5e3", r"rate: (\S+)", 2500.0),
        ("rate: 1.5D+03", r"rate: (\S+)", 1500.0),
        ("a 1 b 2", r"(a|b) (?P<figure_of_merit>\d)", 2.0),
        ("rate: -3", r"^rate: (.*)$", -3.0),
    ],
)
def test_the_figure_of_merit_is_the_last_match(run, printed, pattern, figure):
    assert run(f"print('{printed}')", figure_of_merit=pattern)["figure_of_merit"] == figure
    assert run(f"import sys; print('{printed}', file=sys.stderr)", figure_of_merit=pattern)["figure_of_merit"] == figure


@pytest.mark.parametrize(
    ("printed", "rule"), [("rate: fast", "'fast' is no number"), ("rate: nan", "no number"), ("x", "nothing that")]
)
def test_a_figure_that_is_none_is_said_and_not_made_up(run, printed, rule):
    told = run(f"print('{printed}')", figure_of_merit=r"rate: (\S+)")
    assert told["figure_of_merit"] is None
    assert rule in told["no_figure"]


def test_what_prepares_a_round_is_not_in_its_time(run, tmp_path):
    path = tmp_path / "made"
    made = f"import time; time.sleep(1.5); open({str(path)!r}, 'a').write('x')"
    fast = run(f"assert open({str(path)!r}).read()", prepare=made, rounds=2)
    assert path.read_text() == "xx"
    assert [one["exit_status"] for one in fast] == [0, 0]
    assert min(one["wall_s"] for one in fast) < 1.5
    with pytest.raises(HostFailedError, match="prepare: exit status 1: no"):
        run("0", prepare="import sys; sys.exit('no')")


def test_a_variants_variables_are_the_commands_and_not_the_hosts(run):
    code = "import os, sys; sys.exit(os.environ['FOO'] != 'x, y' or 'LD_PRELOAD' not in os.environ)"
    assert run(code, environment={"FOO": "x, y", "LD_PRELOAD": ""})["exit_status"] == 0


def test_a_time_out_leaves_nothing_of_the_tree(run):
    mark = f"time.sleep(987)  # {os.getpid()}"
    tree = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; {mark}'], start_new_session=True); {mark}"
    with pytest.raises(HostTimeoutError):
        run(tree, timeout=1)
    assert running(mark) == []


def test_nothing_is_left_when_the_controller_is_gone(tmp_path):
    """As after SIGKILL: its end of the pipe closes while the command runs."""
    mark = f"time.sleep(986)  # {os.getpid()}"
    script = tmp_path / "controller.py"
    script.write_text(f"""
import os, sys
from scalebench.launchers.process import HostProcess
host = HostProcess({HOST!r}, dict(os.environ))
code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; {mark}']); {mark}"
arguments = [sys.executable, "-c", code]
host.ask({{"do": "open", "program": {{"path": sys.executable, "arguments": arguments, "prepare": None, "environment": {{}},
         "figure_of_merit": None}}}}, 60)
try:
    host.ask({{"do": "round"}}, 2)
finally:
    os._exit(0)
""")
    import subprocess

    subprocess.run([sys.executable, str(script)], check=True)
    give_up = time.monotonic() + 60
    while (left := running(mark)) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert left == []


def test_a_file_that_is_no_program_is_an_error_and_not_a_crash(tmp_path):
    path = Path(tmp_path / "broken")
    path.write_text("no interpreter line, no binary")
    path.chmod(0o755)
    host = HostProcess(HOST, dict(os.environ))
    try:
        asked = {"path": str(path), "arguments": ["broken"], "prepare": None, "environment": {}, "figure_of_merit": None}
        host.ask({"do": "open", "program": asked}, 60)
        with pytest.raises(HostFailedError, match=r"can't be started: .*Exec format"):
            host.ask({"do": "round"}, 60)
    finally:
        host.end()
