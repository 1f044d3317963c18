"""The errors that scalebench raises; each message holds the value, the rule and the way out.

::

    ScalebenchError
    ├── UsageError            wrong use, found before anything is measured (exit status 2)
    │   └── StudyError        a key of a study, a flag or an axis
    ├── WorkloadError         the workload can't be imported, or fails on the serial reference pass
    ├── ResultsError          a results folder or file that can't be read or written
    │   ├── NoneRanWellError      sides of a comparison whose every case failed, where the baseline has some that ran well
    │   └── NotStoredError        in the middle of a run; what was stored until then is intact (exit status 4)
    ├── LauncherError         hosts can't be started any more, in the middle of a run; what was measured is kept (exit status 4)
    ├── BackendUnavailableError   a library or launcher that a backend needs is missing here
    └── HostError             the measured process did not do what it was asked
        ├── HostFailedError        the code under test raised; the host itself is fine
        ├── HostCrashedError       the host, or a worker that it can't do without, died
        └── HostTimeoutError       no answer in time
"""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BackendUnavailableError",
    "HostCrashedError",
    "HostError",
    "HostFailedError",
    "HostTimeoutError",
    "LauncherError",
    "NoneRanWellError",
    "NotStoredError",
    "ResultsError",
    "ScalebenchError",
    "StudyError",
    "UsageError",
    "WorkloadError",
]  # for everybody; the functions are for this package


def brief(message: str | None) -> str:
    """One line of a message: its first, or the last of a traceback, which names the error."""
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()] or [""]
    return lines[-1] if lines[0].startswith("Traceback (") or "RemoteTraceback:" in lines[0] else lines[0]


def printable(text: str) -> str:
    """Text without control characters: it comes from any program or file, and must not steer a terminal, nor be read backwards."""
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)


def shortened(text: str, most: int) -> str:
    """The beginning of a text that is too long, and how long it is.

    >>> shortened("a name of a million characters", 6)
    'a name ... (30 characters)'
    """
    return text if len(text) <= most else f"{text[:most]} ... ({len(text):,} characters)"


def count(how_many: object, what: str) -> str:
    """How many of something, in the singular or the plural; numbers of tables come as any type.

    >>> count(1, "case"), count(2, "case"), count(0, "launch")
    ('1 case', '2 cases', '0 launches')
    """
    return f"{how_many} {what}" + ("" if how_many == 1 else "es" if what.endswith("ch") else "s")


class ScalebenchError(Exception):
    """What every error of this package is."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the message, as the command line prints it, without the frames of this package."""
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", [])]


class UsageError(ScalebenchError):
    """Wrong use, found before anything is measured."""


class StudyError(UsageError):
    """A bad value in a study: has the ``key``, the ``value``, the ``rule`` and the ``way_out``."""

    def __init__(self, key: str, value: object, rule: str, way_out: str) -> None:
        super().__init__(f"{key} = {value!r}: {rule}.\n{way_out}")
        self.key = key
        self.value = value
        self.rule = rule
        self.way_out = way_out


class WorkloadError(ScalebenchError):
    """The workload can't be imported, or it fails when it is run serially."""


class ResultsError(ScalebenchError):
    """A results folder or file that can't be read or written.

    What the message quotes of a file can't steer a terminal, and a value of a megabyte in it does not make the message one.
    """

    _MOST = 2_000  # characters; the way out stands at the end

    def __init__(self, message: str) -> None:
        half = self._MOST // 2
        super().__init__(printable(message if len(message) <= self._MOST else f"{message[:half]} ... {message[-half:]}"))


class NoneRanWellError(ResultsError):
    """Of a comparison: no case ran well on both sides, and some that ran well in the baseline failed."""


class NotStoredError(ResultsError):
    """What was just measured can't be written: the disk is full, the folder has gone. What was written before is intact."""


class LauncherError(ScalebenchError):
    """Hosts can't be started any more, in the middle of a run. What was measured is kept."""


class BackendUnavailableError(ScalebenchError):
    """A library or launcher that a backend needs is missing here; the message says how to get it."""


class HostError(ScalebenchError):
    """The measured process did not do what it was asked. ``status``: what a row says of it."""

    status = "failed"  #: what the row's ``status`` says


class HostFailedError(HostError):
    """The code under test raised; the host itself is fine. ``brief``: the error without its traceback, if told; ``task``: which
    one raised, with its ``item``, ``error``, ``traceback`` and whether the function was ``called``.
    """

    status = "failed"

    def __init__(self, message: str, brief: str | None = None, task: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.brief = brief
        self.task = task


class HostCrashedError(HostError):
    """The host, or a worker that it can't do without, died. ``exit_status``: of the host, if it is known; ``request``: which one it
    did not answer; ``taken_away``: it could not be started, since its job was lost.
    """

    status = "crashed"

    def __init__(
        self, message: str, exit_status: int | None = None, *, request: str | None = None, taken_away: bool = False
    ) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.request = request
        self.taken_away = taken_away


class HostTimeoutError(HostError):
    """No answer to a ``request`` within the ``seconds`` allowed."""

    status = "timeout"

    def __init__(self, message: str, request: str, seconds: float) -> None:
        super().__init__(message)
        self.request = request
        self.seconds = seconds
