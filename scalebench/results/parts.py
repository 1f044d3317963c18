"""The parts of a run that is being written: a file for each launch and table, ``<launch>.<digest>.<table>.parquet``.

The digest is of the file's content, so that a part which was cut off or changed is known for one, whatever byte it was: parquet
itself says nothing of most. Such a part is named and left out, the others are read. The part of the rounds stands for its launch:
tasks without rounds don't count. Of a run that was resumed all that it had before is one part of each table, without a digest.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

EARLIER = "_earlier"  #: stands for the launches that a run had before it was resumed: its tables, which became parts again
_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """Those of one table: what can be read, and what is damaged."""

    whole: list[Path]
    damaged: list[Path]


def part_name(launch: str, table: str, content: bytes | memoryview) -> str:
    """The file's name; ``launch`` has no dot."""
    return f"{launch}.{_digest(content)}.{table}.parquet"


def launch_of(part: Path) -> str:
    """Which launch a part is of."""
    return part.name.split(".", 1)[0]


def find_parts(folder: Path, table: str) -> Parts:
    """The parts of a table in a folder of parts, in the order of their names; a name without a digest, as of a run's whole table
    that became a part again, is taken as it is."""
    found = Parts([], [])
    for part in sorted(folder.glob(f"[!.]*.{table}.parquet")):
        with contextlib.suppress(FileNotFoundError):  # a run that is being written has just made one file of them
            (found.whole if _is_whole(part) else found.damaged).append(part)
    return found


def _is_whole(part: Path) -> bool:
    told = part.name.split(".")
    return len(told) == 3 or told[1] == _digest(part.read_bytes())


def _digest(content: bytes | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
