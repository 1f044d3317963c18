"""The wire between controller and host: one line of JSON a message, request and reply in turn.

Lines, because an MPI launcher forwards text in both directions without harm; a mark at the start of each,
because MPI libraries and start-up files may print before our first statement runs. Arrays of numbers travel as
base64 of their bytes. The host never sends a pickle.

A long request goes in parts, each taken before the next is sent: MPICH's mpiexec ends the whole job when a rank reads
its standard input more slowly than it is written, and a write that a pipe can hold never waits.
"""

from __future__ import annotations  # array is generic to the type checker alone before Python 3.12

import base64
import json
import os
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

_MARK = b"\x1escalebench\x1e"
_PART = 16 << 10  # characters of a request that go at a time; a pipe holds 64 KiB
_streams: tuple[BinaryIO, BinaryIO] | None = None


def take_descriptors() -> None:
    """Put descriptors 0 and 1 aside for the protocol; 0 becomes the null device and 1 the error stream."""
    global _streams
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    _streams = os.fdopen(requests, "rb"), os.fdopen(replies, "wb", buffering=0)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_descriptors)


def _close_descriptors() -> None:
    """In a forked worker: it must not hold the pipe open after its host has died."""
    global _streams
    if _streams is not None:
        for stream in _streams:
            # not stream.close(): that could wait for a lock held by a thread of the parent
            os.close(stream.fileno())
        _streams = None


def streams() -> tuple[BinaryIO, BinaryIO]:
    """Where requests are read and replies are written, in the process that took the descriptors."""
    if _streams is None:
        raise RuntimeError("the descriptors were not taken: start the host as 'python -m scalebench.host'")
    return _streams


def encode(message: dict[str, Any]) -> bytes:
    """A message as one marked line."""
    return _MARK + json.dumps(message, separators=(",", ":")).encode() + b"\n"


def in_parts(request: dict[str, Any]) -> Iterator[bytes]:
    """A request as marked lines, all but the last to be answered before the next is sent; made one by one, since items may be large."""
    text = json.dumps(request, separators=(",", ":"))
    if len(text) <= _PART:
        yield encode(request)
        return
    starts = range(0, len(text), _PART)
    for start in starts:
        yield encode({"part": text[start : start + _PART], "last": start == starts[-1]})


def requests(lines: Iterable[bytes], replies: BinaryIO) -> Iterator[dict[str, Any]]:
    """The requests in some lines, whole again; parts of one are answered here."""
    parts: list[str] = []
    for line in lines:
        message = decode(line)
        if message is None:
            continue
        if "part" not in message:
            yield message
            continue
        parts.append(message["part"])
        if message["last"]:
            yield json.loads("".join(parts))
            parts.clear()
        else:
            replies.write(encode({"taken": len(parts)}))


def decode(line: bytes) -> dict[str, Any] | None:
    """The message in a line; None when it holds none. What stands before the mark is someone's print."""
    before, mark, text = line.partition(_MARK)
    if not mark:
        return None
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {text[:80]!r} after {before[:80]!r}")
    return message


def pack(values: array[Any]) -> str:
    """An array of numbers as text."""
    return base64.b64encode(values.tobytes()).decode("ascii")


def unpack(text: str, typecode: str) -> array[Any]:
    """The array of ``typecode`` that :func:`pack` made text of."""
    values = array(typecode)
    values.frombytes(base64.b64decode(text))
    return values
