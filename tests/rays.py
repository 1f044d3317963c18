"""A cluster of ray over hosts, as its commands start it: the head on ``login`` has no CPU to give, each node some."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil


class Rays:
    """Whatever has its token is ended with :meth:`end`. ``on``: what puts a command on a host."""

    def __init__(self, on):
        self._on = on
        self._folder = tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True)  # short, for sockets
        self._token = secrets.token_hex(32)
        self.environment = {
            **os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token, "RAY_TMPDIR": self._folder.name,
        }  # fmt: skip
        self.address = None

    def head(self, address):
        self.start("login", *self.as_written("--head --num-cpus=0 --include-dashboard=false", address))

    def node(self, host, cpus):
        self.start(host, f"--address={self.address}", f"--num-cpus={cpus}")

    def as_written(self, arguments, address):
        """The arguments of a page, with the address of its machine here, and few CPUs a node."""
        self.address = f"{address}:6379"
        arguments = arguments.replace("LOGIN:6379", self.address).replace("--num-cpus=16", "--num-cpus=2").split()
        return [*arguments, f"--node-ip-address={address}"] if "--head" in arguments else arguments

    def start(self, host, *arguments):
        command = self._on(host, Path(sys.executable).with_name("ray"), "start", "--object-store-memory=100000000", *arguments)
        told = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        assert told.returncode == 0, told.stderr + told.stdout

    def end(self):
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.pid != os.getpid() and one.environ().get("RAY_AUTH_TOKEN") == self._token:
                    one.kill()
        self._folder.cleanup()
