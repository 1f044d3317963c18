"""A page of the documentation, followed as a reader follows it: the files that it shows are written, its commands are run.

A fence ```` ```python title="primes.py" ```` is a file. ``sh`` is typed into a shell, command by command; ``python`` without a title
is run as a script of its own. Any other fence is only looked at. What no test types stands in :data:`NOT_RUN`, with the reason.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from scalebench.report.charts.base import MARKS

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_INSTALLED = "what is tested is installed already: each session of nox installs '.[all]', and nox -s package the wheel"
_WRITTEN = "a signature, written from the code and compared with it by tests/docs/test_reference.py"
_CLUSTER = "needs a Slurm, or hosts: run there by tests/cluster/test_page.py"
_HOSTS = "needs hosts: run there by tests/cluster/test_mpiexec.py"
#: page -> beginning of a command, or of a fence -> why no test types it as it stands
NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "python3 -m venv .venv && . .venv": _INSTALLED,
        "nox -s bench": "five minutes of measuring; what it starts is run by tests/test_pytest_plugin.py",
    },
    "docs/index.md": {
        "python3 -m venv": _INSTALLED,
        "scalebench run --profile quick": "run, with fewer workers, by the test of the tutorial",
    },
    "docs/tutorial.md": {"python3 -m venv": _INSTALLED},
    "docs/cluster.md": {
        "module load": "of the reader's cluster",
        "python3 -m venv": _INSTALLED,
        "pip install '.[report]'": _INSTALLED,
        'kind = "sleep"': _CLUSTER,
        "scalebench run study.toml --launcher": _CLUSTER,
        'launcher = "slurm"': "names a partition and an account of the reader's; read by tests/docs/test_examples.py",
        "dask ": _CLUSTER,
        "export ": _CLUSTER,
        "echo ": _CLUSTER,
        "ray start": _CLUSTER,
        "scalebench run study.toml --backend": _CLUSTER,
        "scalebench run --launcher slurm --workers": _CLUSTER,
        "import scalebench": _HOSTS,
        "import pytest": _HOSTS,
    },
    "docs/sixteen-cores.md": {
        "# The reference run": "eight minutes of 16 CPUs; compared with the run by tests/docs/test_examples.py"
    },
    "docs/how-to/add-a-backend.md": {
        '"""``thread-pool``': "written, found and measured by TestTheBackendOfThePage of tests/docs/test_how_to.py",
        "[build-system]": "its entry points are those of that test",
        "python -m pip install": "the test puts the package into the path in the way that an installer does",
        "scalebench backends": "run by that test",
        "scalebench run --backend thread-pool": "run by that test",
        "from importlib.util": "a part of a class; compiled by that file's TestEachPage",
        "pytest tests/conformance": "run by that test",
    },
    "docs/reference/api.md": {
        "scalebench.": _WRITTEN,
        "install(": _WRITTEN,
        "Result.": _WRITTEN,
        ">>> ": "of docstrings: run by tests/docs/test_examples.py",
    },
    "docs/reference/commands.md": {"scalebench ": "names runs that nobody has; parsed by tests/docs/test_examples.py"},
}


@dataclass(frozen=True)
class Fence:
    language: str
    title: str | None
    code: str

    @property
    def commands(self) -> list[str]:
        """Of a shell: one each, also over several lines; without comments."""
        lines = re.sub(r"\\\n\s*", "", self.code).splitlines()
        return [line for line in lines if line.strip() and not line.startswith("#")]


def fences(page: str) -> list[Fence]:
    """Those of a page, by its path in the repository."""
    return [Fence(*found) for found in _FENCE.findall((ROOT / page).read_text(encoding="utf-8"))]


def marks(svg: str) -> list[str | None]:
    """What each mark of data of a picture says of itself."""
    (group,) = [one for one in ElementTree.fromstring(svg).iter() if MARKS in (one.get("class") or "").split()]
    return [one.get("aria-label") for one in group]


class Reader:
    """Someone who does what a page says, in a folder, in the environment of these tests.

    Args:
        instead: Text of the page -> what the reader takes for it, so that it is quick; each must be in the page.
        statuses: Part of a command -> the exit statuses that it may have; else 0.
    """

    def __init__(
        self, folder: Path, page: str, *, instead: Mapping[str, str] | None = None, statuses: Mapping[str, set[int]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.page = page
        self.instead = dict(instead or {})
        self.statuses = dict(statuses or {})
        self.environment = {
            # no variable by which a pytest of the page would take itself for a part of the one that this is
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
            **(environment or {}),
        }
        self.printed: dict[str, str] = {}  #: command -> what it wrote
        self._left = {*self.instead, *self.statuses}

    def follow(self) -> dict[str, str]:
        """From the top to the bottom of the page."""
        for fence in fences(self.page):
            code = self._smaller(fence.code)
            if fence.title:
                path = self.folder / fence.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(code, encoding="utf-8")
            elif fence.language == "sh":
                for command in Fence("sh", None, code).commands:
                    if not command.startswith(tuple(NOT_RUN.get(self.page, ()))):
                        self.type(command)
            elif fence.language == "python":
                self._run([sys.executable, "-c", code], code)
        assert not self._left, f"{self.page} does not have {self._left}"
        return self.printed

    def type(self, command: str) -> None:
        """One line, in a shell."""
        self._run(["bash", "-c", command], command)

    def _run(self, arguments: list[str], text: str) -> None:
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        told = done.stdout + done.stderr
        assert done.returncode in set(self._allowed(text)), f"{text}\nended with {done.returncode}:\n{told}"
        self.printed[text] = told

    def _allowed(self, text: str) -> Iterator[int]:
        mine = [part for part in self.statuses if part in text]
        for part in mine:
            self._left.discard(part)
            yield from self.statuses[part]
        if not mine:
            yield 0

    def _smaller(self, code: str) -> str:
        for old, new in self.instead.items():
            if old in code:
                self._left.discard(old)
                code = code.replace(old, new)
        return code
