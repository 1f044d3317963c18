"""Results are read back from whatever holds them, and what is no result is refused by name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_result, make_rounds, make_tasks, sweep_rows, write_parquet

from scalebench.errors import ResultsError
from scalebench.results.exchange import write_json
from scalebench.results.load import find_runs, latest_run, load, load_many
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, TASKS, arrow_schema

RUN_IDS = ("20260131T120000-aaaaaa", "20260201T080000-bbbbbb", "20260201T090000-000000")


@pytest.fixture
def write_run(tmp_path):
    """Write a finished run below ``results``."""

    def write(run_id=RUN_IDS[0], *, below="results", **about):
        folder = tmp_path / below / run_id
        folder.mkdir(parents=True)
        rounds = make_rounds(*sweep_rows(), run_id=run_id)
        write_parquet(rounds, folder / "rounds.parquet", ROUNDS)
        write_parquet(make_tasks(rounds), folder / "tasks.parquet", TASKS)
        (folder / "run.json").write_text(json.dumps({"run_id": run_id, "findings": [{"code": run_id[-6:]}], **about}))
        return folder

    return write


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rewrite(path, change):
    """Change the arrow table in a parquet file."""
    pq.write_table(change(pq.read_table(path)), path)


class TestARun:
    def test_is_read_with_all_that_was_stored(self, write_run):
        folder = write_run(status="finished")
        result = load(folder)
        pd.testing.assert_frame_equal(result.rounds, make_rounds(*sweep_rows(), run_id=RUN_IDS[0]))
        pd.testing.assert_frame_equal(result.tasks, make_tasks(result.rounds))
        assert (result.about["status"], result.path) == ("finished", folder)
        assert result.findings == [{"code": "aaaaaa"}]

    def test_may_be_named_by_its_run_json_or_as_text(self, write_run):
        folder = write_run()
        assert load(folder / "run.json").about == load(str(folder)).about == load(folder).about

    def test_may_be_named_by_its_bare_id(self, write_run, in_tmp):
        write_run()
        assert load(RUN_IDS[0]).about["run_id"] == RUN_IDS[0]

    def test_that_did_not_end_is_read_from_its_parts(self, write_run):
        folder = write_run()
        (folder / "parts").mkdir()
        for table in ("rounds", "tasks"):
            (folder / f"{table}.parquet").rename(folder / "parts" / f"0000-x-0.{table}.parquet")
        (folder / "parts" / ".0001-x-0.rounds.parquet.partial").write_bytes(b"half")
        result = load(folder)
        assert (len(result.rounds), len(result.tasks)) == (12, 24)

    def test_that_did_not_begin_is_empty(self, write_run):
        folder = write_run()
        (folder / "rounds.parquet").unlink()
        (folder / "tasks.parquet").unlink()
        (folder / "parts").mkdir()
        result = load(folder)
        assert (len(result.rounds), len(result.tasks)) == (0, 0)
        assert list(result.rounds.columns) == [one.name for one in ROUNDS]

    def test_without_findings_has_none(self, write_run):
        folder = write_run()
        (folder / "run.json").write_text("{}")
        assert load(folder).findings == []

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000])
    def test_whose_run_json_is_damaged_is_refused_by_name(self, write_run, content):
        folder = write_run()
        (folder / "run.json").write_bytes(content)
        with pytest.raises(ResultsError, match=r"run\.json"):
            load(folder)


class TestAFolderOfRuns:
    def test_is_read_as_all_their_rows_oldest_first(self, write_run, tmp_path):
        for run_id in reversed(RUN_IDS):
            write_run(run_id)
        result = load(tmp_path / "results")
        assert list(dict.fromkeys(result.rounds["run_id"])) == list(RUN_IDS)
        assert (len(result.rounds), len(result.tasks)) == (36, 72)
        assert [about["run_id"] for about in result.about["runs"]] == list(RUN_IDS)
        assert [finding["code"] for finding in result.findings] == ["aaaaaa", "bbbbbb", "000000"]

    def test_of_one_run_is_that_run(self, write_run, tmp_path):
        folder = write_run()
        assert load(tmp_path / "results").path == folder

    def test_is_plain_parquet_for_others(self, write_run, tmp_path):
        for run_id in RUN_IDS:
            write_run(run_id)
        assert len(pq.read_table([str(path) for path in (tmp_path / "results").glob("**/rounds.parquet")])) == 36

    def test_that_hold_the_same_run_is_refused_with_both_names(self, write_run, tmp_path):
        one = write_run(RUN_IDS[0])
        write_run(RUN_IDS[1])
        shutil.copytree(one, tmp_path / "results" / "copy")
        with pytest.raises(ResultsError, match=rf"{one} and .*copy both hold run {RUN_IDS[0]}\.\n.*keep the copy elsewhere"):
            load(tmp_path / "results")

    def test_without_a_run_is_refused(self, tmp_path):
        with pytest.raises(ResultsError, match="no results in"):
            load(tmp_path)

    def test_has_its_runs_found_wherever_they_are_oldest_first(self, write_run, tmp_path):
        new, old = write_run(RUN_IDS[1]), write_run(RUN_IDS[0], below="results/reference")
        (tmp_path / "results" / "no run").mkdir()
        assert find_runs(tmp_path / "results") == [old, new]


class TestSeveral:
    def test_are_read_as_the_rows_of_all_each_with_what_is_known_of_it(self, write_run):
        folders = [write_run(run_id) for run_id in RUN_IDS[:2]]
        result = load_many(folders)
        assert list(dict.fromkeys(result.rounds["run_id"])) == list(RUN_IDS[:2])
        assert list(dict.fromkeys(result.tasks["run_id"])) == list(RUN_IDS[:2])
        assert (len(result.rounds), len(result.tasks), result.path) == (24, 48, None)
        assert result.rounds.index.is_unique
        assert [about["run_id"] for about in result.runs] == list(RUN_IDS[:2])

    def test_that_hold_the_same_run_are_refused_with_both_names(self, write_run, tmp_path):
        one, other = write_run(RUN_IDS[0]), write_run(RUN_IDS[1])
        with pytest.raises(ResultsError, match=rf"{one} and .*results both hold run {RUN_IDS[0]}\.\nGive each run once"):
            load_many([one, tmp_path / "results"])
        assert len(load_many([one, other]).runs) == 2

    def test_of_none_or_latest_are_the_latest_run(self, write_run, in_tmp):
        for run_id in RUN_IDS[:2]:
            write_run(run_id)
        assert load_many([]).about["run_id"] == load_many(["latest"]).about["run_id"] == RUN_IDS[1]
        assert len(load_many(["latest", RUN_IDS[0]]).runs) == 2

    def test_may_be_files_of_json_in_a_folder(self, write_run, tmp_path):
        (tmp_path / "mailed").mkdir()
        for run_id in RUN_IDS[:2]:
            write_json(load(write_run(run_id)), tmp_path / "mailed" / f"{run_id}.json")
            found = load(tmp_path / "mailed")
            assert found.path == tmp_path / "mailed" or len(found.runs) == 1
        assert [about["run_id"] for about in found.runs] == list(RUN_IDS[:2])
        assert (len(found.rounds), len(found.tasks)) == (24, 48)
        assert found.rounds.index.is_unique
        assert found.tasks.index.is_unique

    def test_of_json_in_a_folder_that_hold_the_same_run_are_refused_with_both_names(self, write_run, tmp_path):
        (tmp_path / "mailed").mkdir()
        for name in ("first", "again"):
            write_json(load(write_run(below=name)), tmp_path / "mailed" / f"{name}.json")
        with pytest.raises(ResultsError, match=rf"again\.json and .*first\.json both hold run {RUN_IDS[0]}"):
            load(tmp_path / "mailed")

    def test_of_json_in_a_folder_may_hold_several_runs_each(self, write_run, tmp_path):
        (tmp_path / "mailed").mkdir()
        folders = [write_run(run_id) for run_id in RUN_IDS]
        write_json(load_many(folders[:2]), tmp_path / "mailed" / "two.json")
        write_json(load(folders[2]), tmp_path / "mailed" / "one.json")
        found = load(tmp_path / "mailed")
        assert sorted(about["run_id"] for about in found.runs) == list(RUN_IDS)
        assert sorted(finding["code"] for finding in found.findings) == ["000000", "aaaaaa", "bbbbbb"]


class TestAFileOfAnotherTool:
    FILE = Path(__file__).parents[1] / "data" / "pyperf_2_0_1_py36.json"

    def test_is_read_and_refused_where_worker_counts_are_wanted(self, write_run):
        assert load(self.FILE).about["tool"] == "pyperf"
        with pytest.raises(ResultsError, match=r"is of pyperf: no worker counts.*\nCompare it: scalebench compare"):
            load(self.FILE, foreign=False)
        with pytest.raises(ResultsError, match="is of pyperf"):
            load_many([write_run(), self.FILE], foreign=False)
        assert load(write_run(RUN_IDS[1]), foreign=False).about["run_id"] == RUN_IDS[1]


class TestTheLatestRun:
    def test_is_read_where_it_or_nothing_is_named(self, write_run, in_tmp):
        for run_id in (RUN_IDS[1], RUN_IDS[0]):
            write_run(run_id)
        assert load().about["run_id"] == load("latest").about["run_id"] == RUN_IDS[1]

    def test_is_not_what_a_folder_of_that_name_is_read_for_as_a_path(self, write_run, in_tmp):
        for run_id in RUN_IDS[:2]:
            write_run(run_id)
        write_run(RUN_IDS[0], below=".").rename("latest")
        assert load("latest").about["run_id"] == RUN_IDS[1]
        assert load("./latest").about["run_id"] == load(Path("latest")).about["run_id"] == RUN_IDS[0]

    def test_is_not_a_reference_unless_there_is_no_other(self, write_run, tmp_path):
        reference = write_run(RUN_IDS[2], below="results/reference")
        assert latest_run(tmp_path / "results") == reference
        own = write_run(RUN_IDS[0])
        assert latest_run(tmp_path / "results") == own

    def test_of_none_is_an_error_that_tells_how_to_make_one(self, in_tmp):
        with pytest.raises(ResultsError, match="scalebench run"):
            load()


class TestOneFile:
    def test_of_parquet_gives_its_rounds(self, write_run):
        folder = write_run()
        result = load(folder / "rounds.parquet")
        pd.testing.assert_frame_equal(result.rounds, load(folder).rounds)
        assert (len(result.tasks), result.about, result.findings) == (0, {}, [])

    def test_of_json_gives_the_whole_run(self, write_run, tmp_path):
        folder = write_run()
        for name in ("mine.json", "run.json"):
            write_json(load(folder), tmp_path / name)
            pd.testing.assert_frame_equal(load(tmp_path / name).rounds, load(folder).rounds)

    def test_of_parquet_that_another_tool_wrote_keeps_whole_numbers_beside_nulls(self, tmp_path):
        """Without what pandas notes of its own types in a file."""
        path = tmp_path / "rounds.parquet"
        write_parquet(make_rounds({"work_units": 2**53 + 1}, {"status": "crashed"}), path, ROUNDS)
        rewrite(path, lambda table: table.replace_schema_metadata(arrow_schema(ROUNDS).metadata))
        assert load(path).rounds["work_units"].tolist()[0] == 2**53 + 1

    @pytest.mark.parametrize(
        ("damage", "complaint"),
        [
            (lambda content: content[: len(content) // 2], "can't be read as parquet"),
            (lambda content: b"", "can't be read as parquet"),
            (lambda content: b"run_id,case_id\n", "can't be read as parquet"),
            (lambda content: content[:-8] + b"\xff" * 8, "can't be read as parquet"),
        ],
        ids=["truncated", "empty", "text", "garbled"],
    )
    def test_that_is_damaged_is_refused_by_name(self, write_run, damage, complaint):
        path = write_run() / "rounds.parquet"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(ResultsError, match=complaint) as raised:
            load(path)
        assert str(path) in str(raised.value)
        assert ".." not in str(raised.value)  # what pyarrow says may end in a full stop, or not

    def test_whose_data_pages_are_garbled_is_refused_by_name(self, write_run):
        """The end of a file tells where its pages are; they are read later."""
        path = write_run() / "rounds.parquet"
        content = bytearray(path.read_bytes())
        content[4:400] = b"\xff" * 396
        path.write_bytes(content)
        with pytest.raises(ResultsError, match="a page of column 'run_id' can't be read"):
            load(path)

    @pytest.mark.parametrize("version", [str(SCHEMA_VERSION + 1), "0", "-1", "1.5", "", "new", "²", "1" * 5000])
    def test_of_a_version_that_is_not_known_is_refused_with_a_way_out(self, write_run, version):
        path = write_run() / "rounds.parquet"
        rewrite(path, lambda table: table.replace_schema_metadata({"scalebench.schema_version": version}))
        with pytest.raises(ResultsError, match=r"schema version.*\n.*install the one that wrote"):
            load(path)

    def test_of_an_older_version_lacks_what_came_later_and_no_more(self, write_run):
        path = write_run() / "rounds.parquet"
        later = [one.name for one in ROUNDS if one.since > 1]
        rewrite(path, lambda table: table.drop_columns(later).replace_schema_metadata({"scalebench.schema_version": "1"}))
        assert load(path).rounds[later].isna().all(axis=None)
        rewrite(path, lambda table: table.replace_schema_metadata({"scalebench.schema_version": "2"}))
        with pytest.raises(ResultsError, match=f"lacks the columns {later[0]}"):
            load(path)

    def test_that_says_no_version_is_refused(self, write_run):
        path = write_run() / "rounds.parquet"
        rewrite(path, lambda table: table.replace_schema_metadata(None))
        with pytest.raises(ResultsError, match="schema version"):
            load(path)

    def test_that_lacks_columns_is_refused_and_says_which(self, write_run):
        folder = write_run()
        rewrite(folder / "rounds.parquet", lambda table: table.drop_columns(["backend", "workers"]))
        with pytest.raises(ResultsError, match="lacks the columns backend, workers"):
            load(folder)
        with pytest.raises(ResultsError, match="lacks the columns"):
            load(folder / "tasks.parquet")

    def test_with_more_columns_than_are_known_is_read_without_them(self, write_run):
        folder = write_run()
        before = load(folder).rounds
        rewrite(folder / "rounds.parquet", lambda table: table.append_column("more", pa.array([1] * len(table))))
        pd.testing.assert_frame_equal(load(folder).rounds, before)

    @pytest.mark.parametrize(
        ("name", "value"), [("workers", "two"), ("workers", 1.5), ("wall_s", "fast"), ("warmup", "maybe"), ("workers", [1])]
    )
    def test_with_values_that_a_column_cannot_hold_is_refused_by_name(self, write_run, name, value):
        path = write_run() / "rounds.parquet"
        rewrite(path, lambda table: table.set_column(table.column_names.index(name), name, pa.array([value] * len(table))))
        with pytest.raises(ResultsError, match=r"rounds\.parquet"):
            load(path)

    def test_that_is_missing_is_refused_by_name(self, in_tmp):
        for name in ("nothing", "nothing.json", "nothing.parquet", "results/nothing"):
            with pytest.raises(ResultsError, match=f"no results at '{name}'"):
                load(name)


def test_a_run_can_be_moved_and_read_elsewhere(write_run, tmp_path):
    before = load(write_run())
    shutil.move(before.path, tmp_path / "elsewhere")
    pd.testing.assert_frame_equal(load(tmp_path / "elsewhere").rounds, before.rounds)


def test_a_result_that_was_made_by_hand_needs_no_path():
    assert make_result(make_rounds({}), path=None).findings == []


def test_a_text_whose_bytes_are_none_is_refused_with_the_file(write_run):
    """Parquet is read without a look at them."""
    file = write_run() / "rounds.parquet"
    table = pq.read_table(file)
    at = table.column_names.index("workload")
    offsets = np.arange(len(table) + 1, dtype="int32")
    texts = pa.Array.from_buffers(pa.string(), len(table), [None, pa.py_buffer(offsets), pa.py_buffer(b"\x9b" * len(table))])
    pq.write_table(table.set_column(at, table.schema.field(at), texts), file)
    with pytest.raises(ResultsError, match=r"rounds\.parquet can't be read as parquet: .*UTF8"):
        load(file.parent)
