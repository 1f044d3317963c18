"""An end that is asked for from outside, by a signal.

SIGINT, as of Ctrl-C, lets the round in flight finish; a second one ends it. SIGTERM and SIGHUP come from a batch system or a
terminal that goes: they end it at once. What was measured is saved either way. A signal that is ignored, as below nohup, stays so.

A signal may come while something is imported, and the initialisation of an extension makes another exception of it:
``interruption_of`` looks for it below that. It may come where an exception is dropped, as in a finaliser or in a library that can do
without what it imports: ``asked`` raises it once more, so that it counts before the next launch at the latest.
"""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TextIO


class Ended(KeyboardInterrupt):
    """A signal ended the command; ``status`` is what a shell would call its exit."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def interruption_of(error: BaseException) -> KeyboardInterrupt | None:
    """The interruption that an exception was made of, if one was."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen


@contextlib.contextmanager
def whoever_reads(stream: TextIO) -> Iterator[None]:
    """What is written to ``stream`` in here is lost where its reader or its terminal has gone: that ends no measurement."""
    try:
        yield
        stream.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        with contextlib.suppress(OSError, ValueError):  # what is held back is written nowhere too
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def say(text: str) -> None:
    """A line on the error stream, for whoever reads it."""
    with whoever_reads(sys.stderr):
        print(text, file=sys.stderr)


class Interruption:
    """Handles the signals while it is entered. Only the main thread is told of them: elsewhere it does nothing.

    An interruption that leaves it has a note: what there is to say of it, or nothing where the command has said it.
    """

    def __init__(self, told: str = "interrupted") -> None:
        self.told = told  #: what there is to say; empty: it was said
        self.patient = False  #: whether something is in flight that a first SIGINT shall let finish
        self._asked = False
        self._ended: Ended | None = None
        self._held: Ended | None = None
        self._holds = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if error is not None and (ended := interruption_of(error)) is not None:
            ended.add_note(self.told)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What is done in here is done to its end: a signal that comes meanwhile counts afterwards, a second one at once."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
        if self._held is not None:
            raise self._held

    def asked(self) -> bool:
        """Whether nothing more shall be begun.

        Raises:
            Ended: An end at once was asked for, and what was raised for it did not get through.
        """
        if self._ended is not None:
            raise self._ended
        return self._asked

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.patient and not self._asked:
            self._asked = True
            say("\nscalebench: ends after the round in flight; Ctrl-C again: now")
            return
        if self._holds and self._held is None:
            self._held = Ended(number)
            return
        self._ended = Ended(number)
        raise self._ended
