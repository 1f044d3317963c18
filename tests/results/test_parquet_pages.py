"""What the pages of a parquet file unpack to is known before any is unpacked, whatever its footer says."""

import contextlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.errors import ResultsError
from scalebench.results import limits
from scalebench.results.limits import Room
from scalebench.results.parquet_file import read_columns
from scalebench.results.parquet_pages import _struct, unpacked_bytes

_HEADER = 200  # bytes that the header of a page may take, with the least and the greatest value; the footer counts it
TABLE = pa.table({
    "number": pa.array(range(30_000)), "text": [f"{number % 700} {'x' * (number % 50)}" for number in range(30_000)],
    "null": pa.nulls(30_000, pa.float64()),
})  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """Write a table as a file of several groups and pages."""

    def write(table, **how):
        file = tmp_path / "table.parquet"
        pq.write_table(table, file, **{"row_group_size": 10_000, "data_page_size": 4096, **how})
        return file

    return write


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_it_is_what_an_honest_footer_says(written, compression, version, dictionary):
    file = written(TABLE, compression=compression, data_page_version=version, use_dictionary=dictionary, write_statistics=True)
    with pq.ParquetFile(file) as found:
        metadata = found.metadata
        for name in TABLE.column_names:
            groups = [metadata.row_group(number).column(TABLE.column_names.index(name)) for number in range(3)]
            said = sum(one.total_uncompressed_size for one in groups)
            pages = 1 + said // 1024
            assert said - pages * _HEADER <= unpacked_bytes(file, metadata, [name]) < said


def test_a_piece_that_is_too_large_is_refused_and_nothing_of_the_column_is_read(written, monkeypatch):
    file = written(pa.table({"text": ["y" * 3 * 2**20], "number": [1]}))
    monkeypatch.setattr(limits, "PAGE_BYTES", 2**20)
    with pq.ParquetFile(file) as found:
        assert read_columns(file, found, ["number"], Room())["number"].to_pylist() == [1]
        monkeypatch.setattr(pq.ParquetFile, "read", None)
        with pytest.raises(ResultsError, match=r"3 MiB of column 'text' in a piece; at most 1 are read\.\n.*--limit 5"):
            read_columns(file, found, ["text"], Room())


def test_many_pieces_are_counted_together(written):
    file = written(pa.table({"text": [letter * 2**20 for letter in "abcdefgh"]}), use_dictionary=False)
    with pq.ParquetFile(file) as found, pytest.raises(ResultsError, match="8 MiB in memory; at most 4 are read"):
        read_columns(file, found, ["text"], Room(size=4 * 2**20))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_texts_that_begin_as_the_one_before_are_refused(written, version):
    """Of a megabyte each, and a few bytes in the file."""
    table = pa.table({"text": [f"{'z' * 1000}{number}" for number in range(100)]})
    file = written(table, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}, data_page_version=version)
    with pq.ParquetFile(file) as found, pytest.raises(ResultsError, match="column 'text' is encoded as DELTA_BYTE_ARRAY"):
        read_columns(file, found, ["text"], Room())


@given(st.data())
def test_a_changed_byte_is_read_or_refused(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("pages") / "table.parquet"
    pq.write_table(pa.table({"text": ["a", "b", "c"] * 100}), file)
    content = bytearray(file.read_bytes())
    metadata = pq.read_metadata(file)
    place = data.draw(st.integers(0, metadata.row_group(0).total_byte_size))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    with contextlib.suppress(ResultsError):
        assert unpacked_bytes(file, metadata, ["text"]) >= 0


@given(st.binary(max_size=300))
def test_whatever_stands_for_a_header_is_read_or_refused(content):
    try:
        fields, end = _struct(content, 0, 4)
    except (ValueError, IndexError):
        return
    assert 0 < end <= len(content)
    assert all(isinstance(number, int) for number in fields)


def test_structs_in_structs_without_end_are_refused():
    with pytest.raises(ValueError, match="structs in structs"):
        _struct(b"\x1c" * 10_000, 0, 4)


def test_a_number_where_a_header_has_a_struct_is_refused(written):
    """Four numbers, the last of which is the field that tells a page's encoding."""
    file = written(TABLE)
    with pq.ParquetFile(file) as found:
        metadata = found.metadata
    content = file.read_bytes()
    file.write_bytes(content[:4] + b"\x15\x00\x15\x00\x15\x00\x55\x00" + b"\x00" + content[4:])
    with pytest.raises(ResultsError, match="a page of column 'number' can't be read"):
        unpacked_bytes(file, metadata, ["number"])
