"""A worker of dask ends with the shell of its job."""

import subprocess
import sys
import time

import pytest

WORKER = """
import os, time
import scalebench.backends.dask_worker
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux's kernel does")
def test_what_loads_it_is_gone_once_the_process_that_started_it_is_killed():
    script = '"$0" -c "$1"; exit'  # two commands: else the shell becomes the first
    with subprocess.Popen(["sh", "-c", script, sys.executable, WORKER], stdout=subprocess.PIPE, text=True) as shell:
        worker = int(shell.stdout.readline())
        assert worker != shell.pid
        shell.kill()
    give_up = time.monotonic() + 10
    while _runs(worker):
        assert time.monotonic() < give_up, "it outlives the shell"
        time.sleep(0.01)


def _runs(process):
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
