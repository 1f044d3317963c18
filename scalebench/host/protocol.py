"""The wire between controller and host: one line of JSON a message, request and reply in turn.

Lines, because an MPI launcher forwards text in both directions without harm; a mark at the start of each,
because MPI libraries and start-up files may print before our first statement runs. Arrays of numbers travel as
base64 of their bytes. The host never sends a pickle.

A long request goes in parts, each taken before the next is sent, and so do the bytes in it, before it: MPICH's mpiexec ends the
whole job when a rank reads its standard input more slowly than it is written, and a write that a pipe can hold never waits.
"""

from __future__ import annotations  # array is generic to the type checker alone before Python 3.12

import base64
import json
import os
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

_MARK = b"\x1escalebench\x1e"
LINE = 16 << 10  #: bytes that a line may have where nobody knows better; a pipe holds 64 KiB
_ASIDE = "\x1easide"  # stands in a request for bytes that were sent before it
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


def in_parts(request: dict[str, Any], line: int = LINE) -> Iterator[bytes]:
    """A request as marked lines of ``line`` bytes at most, all but the last to be answered before the next is sent.

    It may hold bytes. Lines are made one by one, since items may be large.
    """
    contents: list[bytes] = []

    def aside(content: bytes) -> dict[str, int]:
        contents.append(content)
        return {_ASIDE: len(contents) - 1}

    text = json.dumps(request, separators=(",", ":"), default=aside)
    if not contents and len(text) < line - len(_MARK):
        yield encode(request)
        return
    contents.append(text.encode())
    size = (line - 100) // 4 * 3  # of base64, with what stands around it
    for number, content in enumerate(contents, 1):
        for start in range(0, len(content), size):
            ends = start + size >= len(content)
            part = base64.b64encode(memoryview(content)[start : start + size]).decode("ascii")
            yield encode({"part": part, "ends": ends, "last": ends and number == len(contents)})


def requests(lines: Iterable[bytes], replies: BinaryIO) -> Iterator[dict[str, Any]]:
    """The requests in some lines, whole again; parts of one are answered here."""
    held = [bytearray()]
    for line in lines:
        message = decode(line)
        if message is None:
            continue
        if "part" not in message:
            yield message
            continue
        held[-1] += base64.b64decode(message["part"])
        if message["last"]:
            yield _joined(held)
            continue
        if message["ends"]:
            held.append(bytearray())
        replies.write(encode({"taken": len(held[-1])}))


def _joined(held: list[bytearray]) -> dict[str, Any]:
    """The request that is the last of these, with the bytes that are the others; none of them is kept here."""
    text = held.pop()
    request: dict[str, Any] = json.loads(text, object_hook=lambda one: bytes(held[one[_ASIDE]]) if _ASIDE in one else one)
    held[:] = [bytearray()]
    return request


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
