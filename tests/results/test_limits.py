"""A file that is small on disk and huge in memory is refused before memory is used; who trusts it may say so."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_case, make_row
from hypothesis import given
from hypothesis import strategies as st

from scalebench import cli
from scalebench.errors import ResultsError, UsageError
from scalebench.results import limits
from scalebench.results.any_table import read_table
from scalebench.results.load import load
from scalebench.results.schema import ROUNDS, TASKS, arrow_schema, to_table

_LONG = "x" * 2**20


def write_run(folder, rounds=None, tasks=None):
    """A run's folder; its tables are one ordinary row and none, but for what is given."""
    folder.mkdir()
    pq.write_table(to_table([make_row()], ROUNDS) if rounds is None else rounds, folder / "rounds.parquet", compression="zstd")
    pq.write_table(to_table([], TASKS) if tasks is None else tasks, folder / "tasks.parquet", compression="zstd")
    (folder / "run.json").write_text(json.dumps({"run_id": folder.name, "schema_version": 1}))
    return folder


def repeated(count, **columns):
    """Rounds, all the same, of which each takes next to nothing in a file."""
    row = to_table([make_row()], ROUNDS)
    arrays = [columns.get(name) or pa.repeat(row.column(name)[0], count) for name in row.column_names]
    fields = [pa.field(one.name, array.type) for one, array in zip(arrow_schema(ROUNDS), arrays, strict=True)]
    return pa.table(arrays, pa.schema(fields, arrow_schema(ROUNDS).metadata))


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Files of some hundred KB, by what they would be in memory."""
    place = tmp_path_factory.mktemp("bombs")
    nulls = pa.Table.from_arrays(
        [pa.nulls(limits.ROWS + 1, field.type) for field in arrow_schema(TASKS)], schema=arrow_schema(TASKS)
    )
    write_run(place / "tasks", tasks=nulls)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array([_LONG]))
    write_run(place / "texts", rounds=repeated(20_000, message=text))
    write_run(place / "text", rounds=repeated(1, message=pa.array(["x" * 150 * 2**20])))
    lists = pa.array([[0.0] * 1000] * 20)
    write_run(place / "lists", rounds=repeated(20, wall_s=lists))
    pq.write_table(pa.table({"workers": pa.repeat(1, 2_000_000), "wall_s": pa.repeat(1.0, 2_000_000)}), place / "table.parquet")
    pq.write_table(pa.table({"workers": [1] * 20_000, "wall_s": text}), place / "text.parquet")
    (place / "lines.csv").write_bytes(b"workers,wall_s\n" + b"1,1\n" * (2 * limits.CELLS_ROWS))
    (place / "cells.csv").write_bytes(b"workers,wall_s\n" + b"1," * limits.TEXT_BYTES)
    (place / "objects.json").write_bytes(b"[" + b"{}," * (limits.JSON_BYTES // 3) + b"{}]")
    return place


_READ = """
import resource, sys
from scalebench.errors import ResultsError
from scalebench.results.any_table import read_table
from scalebench.results.load import load
for path in sys.argv[1:]:
    try:
        read_table(__import__("pathlib").Path(path)) if path.endswith((".csv", "e.parquet", "t.parquet")) else load(path).tasks
    except ResultsError as error:
        print(*str(error).splitlines(), sep=" | ")
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
"""
_REFUSED = {
    "tasks": r"tasks/tasks.parquet: 10,000,001 rows; at most 10,000,000 are read. | If you trust it and have the memory: --limit 2, or SCALEBENCH_LIMIT=2",
    "texts": "texts/rounds.parquet: 20,0",
    "text": "text/rounds.parquet: 150 MiB of column 'message' in a piece; at most 128 are read.",
    "lists": "lists/rounds.parquet: column 'wall_s' holds several values a row",
    "table.parquet": "table.parquet: 2,000,000 rows; at most 1,000,000 are read. | Keep two columns",
    "text.parquet": "text.parquet: 20,001 MiB in memory; at most 128 are read",
    "lines.csv": "lines.csv: 2,000,001 rows; at most 1,000,000 are read",
    "cells.csv": "cells.csv: 64 MiB of text; at most 32 are read",
    "objects.json": "objects.json: 64 MiB of JSON; at most 64 are read",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is Linux's")
def test_all_are_refused_with_file_number_limit_and_way_out_and_memory_stays_small(bombs):
    assert all(file.stat().st_size < 2**20 for file in bombs.rglob("*.parquet"))
    told = subprocess.run([sys.executable, "-c", _READ, *(str(bombs / name) for name in _REFUSED)], capture_output=True, text=True, check=True)  # fmt: skip
    *refused, peak_mib = told.stdout.splitlines()
    assert len(refused) == len(_REFUSED), told.stdout
    for line, wanted in zip(refused, _REFUSED.values(), strict=True):
        assert wanted in line
        assert "--limit" in line or "Give one value a row" in line
    assert int(peak_mib) < 512


class TestALimit:
    def test_is_raised_by_the_flag_of_each_command_that_reads(self, tmp_path, monkeypatch, capsys):
        run = write_run(tmp_path / "run", rounds=to_table([make_row(), make_row(round=1)], ROUNDS))
        monkeypatch.setattr(limits, "ROWS", 1)
        commands = (["report", run], ["compare", run, run], ["recommend", run], ["granularity", run], ["fit", run],
                    ["predict", run, "--workers", "4"], ["export", run, "-o", tmp_path / "out.json"])  # fmt: skip
        for command in commands:
            assert cli.main(list(map(str, command))) == cli.WRONG_USE
            assert "2 rows; at most 1 are read" in capsys.readouterr().err, command
            cli.main([*map(str, command), "--limit", "2"])
            assert "rows; at most" not in capsys.readouterr().err, command

    def test_of_a_run_json_holds_for_the_list_of_runs(self, tmp_path, capsys):
        run = write_run(tmp_path / "run")
        (run / "run.json").write_bytes(b'{"a": "' + b"x" * limits.ABOUT_BYTES + b'"}')
        assert cli.main(["list", str(tmp_path)]) == cli.WRONG_USE
        assert "run.json: 16 MiB of JSON; at most 16 are read" in capsys.readouterr().err
        assert cli.main(["list", str(tmp_path), "--limit", "2"]) == cli.OK

    def test_is_raised_by_the_variable(self, tmp_path, monkeypatch):
        path = tmp_path / "table.csv"
        path.write_text("workers,wall_s\n1,8\n2,4\n")
        monkeypatch.setenv(limits.VARIABLE, str(3 / limits.TEXT_BYTES))
        with pytest.raises(ResultsError, match="MiB of text"):
            read_table(path)
        monkeypatch.setenv(limits.VARIABLE, "2")
        assert len(read_table(path).rows) == 2

    @pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf", "1e9"])
    def test_that_is_no_number_is_refused(self, tmp_path, monkeypatch, text, capsys):
        monkeypatch.setenv(limits.VARIABLE, text)
        with pytest.raises(UsageError, match="SCALEBENCH_LIMIT"):
            load(write_run(tmp_path / "run"))
        assert cli.main(["report", str(tmp_path / "run"), f"--limit={text}"]) == cli.WRONG_USE
        assert "--limit" in capsys.readouterr().err

    def test_is_of_all_files_together(self, tmp_path, monkeypatch):
        for name in ("a", "b"):
            write_run(tmp_path / name)
        monkeypatch.setattr(limits, "ROWS", 1)
        assert len(load(tmp_path / "a").rounds) == 1
        with pytest.raises(ResultsError, match="2 rows"):
            load(tmp_path)


def test_columns_that_are_none_of_ours_are_not_read(tmp_path):
    """However much there is of them."""
    table = repeated(20)
    lists = pa.array([[0.0] * 1000] * 20)
    run = write_run(tmp_path / "run", rounds=table.append_column("more", lists))
    assert len(load(run).rounds) == 20


def test_texts_are_read_as_they_are_whatever_way_they_were_written(tmp_path):
    cases = [make_row(**make_case(size=str(size)).asked(), message=None if size % 2 else f"{size} ä") for size in range(100)]
    table = to_table(cases, ROUNDS)
    found = load(write_run(tmp_path / "run", rounds=table)).rounds
    assert found["message"].isna().sum() == 50
    assert found["size"].tolist() == [str(size) for size in range(100)]
    pq.write_table(table, tmp_path / "run" / "rounds.parquet", use_dictionary=False)
    assert load(tmp_path / "run").rounds.equals(found)


@given(most=st.integers(1, 10**9), times=st.floats(1, 1e12, exclude_min=True))
def test_the_limit_that_is_told_lets_the_file_in_and_is_no_more_than_some_times_what_it_takes(most, times):
    found = most * times
    limits.check(Path("a"), most, most, "rows")
    if found <= most:
        return
    with pytest.raises(ResultsError) as raised:
        limits.check(Path("a"), found, most, "rows")
    needed = int(re.search(r"--limit (\d+), or SCALEBENCH_LIMIT=\1$", str(raised.value))[1])
    assert needed == 2 or needed * most >= found > needed / 2.5 * most
    with limits.raised(str(needed)) if needed <= 10**6 else contextlib.suppress(ResultsError):
        limits.check(Path("a"), found, most, "rows")


def test_the_flag_goes_before_the_variable_and_holds_only_while_it_is_asked_for(monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "3")
    assert limits.factor() == 3
    with limits.raised("10"):
        assert limits.factor() == 10
        with limits.raised(None):
            assert limits.factor() == 3
        assert limits.factor() == 10
    assert limits.factor() == 3
    monkeypatch.delenv(limits.VARIABLE)
    assert limits.factor() == 1
    with limits.raised("1e6"):
        assert limits.factor() == 1_000_000
    with pytest.raises(UsageError, match="not a number above 0 and up to 1,000,000"), limits.raised("1000001"):
        pass


def test_room_is_for_rows_and_for_bytes_of_all_files_together():
    room = limits.Room(rows=10, size=2**20, instead="Less. ")
    room.take(Path("a"), rows=6, size=2**19)
    room.take(Path("b"), rows=4, size=2**19)
    with pytest.raises(ResultsError, match=r"^e: 1 MiB in memory; at most 1 are read"):
        room.take(Path("e"), size=1)
    with pytest.raises(ResultsError, match=r"^c: 11 rows; at most 10 are read\.\nLess\. If you trust it"):
        room.take(Path("c"), rows=1)
    with pytest.raises(ResultsError, match=r"^d: 1 MiB in memory; at most 1 are read"):
        limits.Room(rows=10, size=2**20).take(Path("d"), size=2**20 + 1)
