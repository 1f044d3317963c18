"""Columns of a parquet file, counted before they are read.

A value that is repeated takes some bytes a million rows, so rows are counted from the footer, and their bytes by the columns'
types, or by what their pages unpack to where that is more. A text that is repeated would take its length each time: texts are
read as a dictionary and numbers into it, counted, and only then written out. Columns within columns are none of ours: a row
of them may hold any number of values.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalebench.errors import ResultsError
from scalebench.results.limits import Room
from scalebench.results.parquet_pages import unpacked_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT96": 12}  #: bytes of a value; 8 of others
_TEXT = "BYTE_ARRAY"
_TEXT_WIDTH = 8  #: of a text, besides its letters


def flat_columns(found: "pq.ParquetFile") -> list[str]:
    """The names of the columns that hold one value a row."""
    leaves = (found.schema.column(number) for number in range(len(found.schema)))
    return [
        one.name for one in leaves if one.path == one.name and one.max_repetition_level == 0 and one.max_definition_level <= 1
    ]


def read_columns(file: Path, found: "pq.ParquetFile", names: Sequence[str], room: Room) -> "pa.Table":
    """Some columns of an open file, in its order.

    Raises:
        ResultsError: There is no room for them, or a column holds others; nothing of it was read.
        pyarrow.ArrowException, OSError: It can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = set(flat_columns(found))
    if nested := [name for name in names if name not in flat]:
        raise ResultsError(
            f"{file}: column {nested[0]!r} holds several values a row.\nGive one value a row, or leave the column out"
        )
    wanted = set(names)
    leaves = {one.name: one for one in map(found.schema.column, range(len(found.schema))) if one.name in wanted}
    metadata = found.metadata
    rows = max(metadata.num_rows, sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))
    widths = (one.length if one.physical_type == "FIXED_LEN_BYTE_ARRAY" else _TEXT_WIDTH if one.physical_type == _TEXT
              else _WIDTHS.get(one.physical_type, 8) for one in leaves.values())  # fmt: skip
    room.take(file, rows, max(rows * sum(widths), unpacked_bytes(file, metadata, list(leaves))))
    texts = [name for name, one in leaves.items() if one.physical_type == _TEXT]
    with pq.ParquetFile(file, metadata=metadata, read_dictionary=texts) as again:
        table = again.read(columns=list(leaves), use_threads=False)  # many small files: one thread each, not one a column
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            room.take(file, size=_letters(table.column(place)))
            table = table.set_column(
                place, pa.field(field.name, field.type.value_type), table.column(place).cast(field.type.value_type)
            )
    return table


def _letters(column: "pa.ChunkedArray") -> int:
    """Bytes of all its texts, written out."""
    import pyarrow.compute as pc

    return sum(pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0 for chunk in column.chunks)
