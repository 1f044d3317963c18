"""A scheduler of dask and workers at it, as their commands start them; for tests of an address."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Dasks:
    """All that was started, to be ended with the test. ``on``: what puts a command on another host."""

    def __init__(self, on=lambda _host, *command: list(command)):
        self._on = on
        self._folder = tempfile.TemporaryDirectory(prefix="t")
        self._running = []
        self.address = None

    def scheduler(self, address="127.0.0.1", host=None):
        log = self._start(
            host, "scheduler", "--host", address, "--port", "0", "--no-dashboard", "--dashboard-address", f"{address}:0"
        )
        line = self._wait(log, "Scheduler at:")
        self.address = line.rpartition("at:")[2].strip()

    def worker(self, *options, host=None, threads=1, env=None):
        command = "worker", self.address, "--nthreads", threads, "--no-nanny", "--no-dashboard", *options
        self._wait(self._start(host, *command, env=env), "Registered to:")

    def _start(self, host, *command, env=None):
        log = Path(self._folder.name, f"{len(self._running)}.log")
        with log.open("w") as written:
            self._running.append(subprocess.Popen(
                self._on(host, sys.executable, "-m", "dask", *map(str, command)), stdin=subprocess.DEVNULL, stdout=written,
                stderr=written, env=env, cwd=self._folder.name,
            ))  # fmt: skip
        return log

    def _wait(self, log, words):
        while not (found := [line for line in log.read_text().splitlines() if words in line]):
            assert self._running[-1].poll() is None, log.read_text()
            time.sleep(0.02)
        return found[0]

    def end(self, *, keep=0):
        """All but the first ``keep``."""
        for one in self._running[keep:]:
            one.kill()
            one.wait()
        del self._running[keep:]
        if not keep:
            self._folder.cleanup()

    @property
    def running(self):
        return [one.poll() is None for one in self._running]
