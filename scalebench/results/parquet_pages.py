"""How large the pages of a parquet file become when they are unpacked, read from their own headers: nothing is unpacked for it.

A page is unpacked whole, into as many bytes as its header says; 12 KB may be 400 MB of one text. What the footer says of that is
somebody's claim, which nothing checks. So the headers are walked, as the reader will walk them. A text may also take its beginning
from the one before (``DELTA_BYTE_ARRAY``): a page of those has no bound, and is refused.

Sources: the format's ``parquet.thrift`` (``PageHeader``), Thrift's compact protocol.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError
from scalebench.results import limits

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_UNPACKED, _PACKED = 2, 3  # fields of a PageHeader: bytes of the page
_ENCODING = {5: 2, 8: 4}  # its field for data pages of either kind, and the encoding in there
_OF_THE_ONE_BEFORE = 7
_DEPTH = 4  # of structs in a header; the format has three


def unpacked_bytes(file: Path, metadata: "pq.FileMetaData", names: Sequence[str]) -> int:
    """Bytes of all pages of some columns.

    Raises:
        ResultsError: A page is too large, or its header can't be read.
    """
    wanted = set(names)
    whole = 0
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            for column in map(group.column, range(group.num_columns)):
                if column.path_in_schema in wanted:
                    # a column without rows has no data page: it starts at 0, where no page can be
                    starts = [start for start in (column.data_page_offset, column.dictionary_page_offset) if start]
                    if not starts and not column.total_compressed_size:
                        continue
                    try:
                        whole += _walk(file, data, min(starts, default=-1), column.total_compressed_size, column.path_in_schema)
                    # AttributeError: a number where a struct is looked for
                    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
                        raise ResultsError(
                            f"{file}: a page of column {column.path_in_schema!r} can't be read.\nIs the file whole?"
                        ) from None
    return whole


def _walk(file: Path, data: mmap.mmap, at: int, length: int, name: str) -> int:
    """Bytes of the pages of a column that lie in a place of the file."""
    whole, end = 0, at + length
    if at < 0:
        raise ValueError(at)
    while at < end:
        header, at = _struct(data, at, _DEPTH)
        unpacked, packed = header[_UNPACKED], header[_PACKED]
        if min(unpacked, packed) < 0:
            raise ValueError(header)
        limits.check(file, unpacked, limits.PAGE_BYTES, f"MiB of column {name!r} in a piece")
        if any(header.get(field, {}).get(inner) == _OF_THE_ONE_BEFORE for field, inner in _ENCODING.items()):
            raise ResultsError(f"{file}: column {name!r} is encoded as DELTA_BYTE_ARRAY, whose size is not known before.\nWrite it with plain texts, or as a dictionary")  # fmt: skip
        whole += unpacked
        at += packed
    return whole


def _struct(data: mmap.mmap, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """The fields of a struct of the compact protocol by their numbers, and where it ends."""
    if not depth:
        raise ValueError("structs in structs")
    fields: dict[int, Any] = {}
    number = 0
    while (byte := data[at]) != 0:
        at += 1
        kind = byte & 15
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _signed(data, at)
        if kind in (1, 2):  # true, false
            fields[number] = kind == 1
        elif kind == 3:
            fields[number], at = data[at], at + 1
        elif kind in (4, 5, 6):
            fields[number], at = _signed(data, at)
        elif kind == 7:  # a float
            at += 8
        elif kind == 8:  # bytes
            size, at = _unsigned(data, at)
            at += size
        elif kind == 12:
            fields[number], at = _struct(data, at, depth - 1)
        else:  # lists and maps: a header has none
            raise ValueError(kind)
    return fields, at + 1


def _unsigned(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _signed(data: mmap.mmap, at: int) -> tuple[int, int]:
    value, at = _unsigned(data, at)
    return value >> 1 ^ -(value & 1), at
