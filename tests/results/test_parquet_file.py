"""Columns of a parquet file are counted before they are read: rows, the width of their types, and texts by their letters."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalebench.errors import ResultsError
from scalebench.results.limits import Room
from scalebench.results.parquet_file import read_columns

ROWS = 1000


@pytest.fixture
def read(tmp_path):
    """Reads all columns of such a table, which takes next to nothing in its file, where there is so much room."""
    columns = {
        "whole": pa.array([1] * ROWS, pa.int64()),
        "float": pa.array([0.5] * ROWS, pa.float32()),
        "truth": pa.array([True] * ROWS),
        "text": pa.array(["x" * 100] * ROWS),
        "digest": pa.array([b"0123456789"] * ROWS, pa.binary(10)),
    }
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table(columns), path)

    def go(names, **room):
        with pq.ParquetFile(path) as found:
            return read_columns(path, found, names, Room(**room))

    return go


@pytest.mark.parametrize(("name", "width"), [("whole", 8), ("float", 4), ("truth", 1), ("digest", 10), ("text", 8 + 100)])
def test_a_column_takes_what_its_type_says_and_a_text_its_letters_too(read, name, width):
    assert len(read([name], size=width * ROWS)) == ROWS
    with pytest.raises(ResultsError, match=r"file\.parquet: .* MiB in memory; at most"):
        read([name], size=width * ROWS - 1)


def test_columns_are_counted_together_and_rows_once(read):
    assert len(read(["whole", "float", "truth"], size=13 * ROWS, rows=ROWS)) == ROWS
    with pytest.raises(ResultsError):
        read(["whole", "float", "truth"], size=13 * ROWS - 1)
    with pytest.raises(ResultsError, match="1,000 rows; at most 999 are read"):
        read(["whole"], rows=ROWS - 1)


def test_columns_come_in_the_order_of_the_file_with_texts_written_out(read):
    table = read(["text", "whole"])
    assert table.column_names == ["whole", "text"]
    assert table.column("text").to_pylist() == ["x" * 100] * ROWS
