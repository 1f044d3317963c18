"""A run's folder while it is being written: each launch whole or not at all."""

import json
import os
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_rounds, make_row, make_tasks, write_parquet

from scalebench.errors import ResultsError
from scalebench.results import store as module
from scalebench.results.load import load, read_about
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, TASKS
from scalebench.results.store import Store, new_run_id, write_atomically


class PowerCutError(Exception):
    """The machine stops here."""


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "results", {"study": {"name": "mine"}})


@pytest.fixture
def power_cut(monkeypatch):
    """Call it to have the power cut before some file gets its name."""

    def before(ending):
        def replace(partial, path):
            if str(path).endswith(ending):
                raise PowerCutError
            rename(partial, path)

        rename = os.replace
        monkeypatch.setattr(module.os, "replace", replace)
        return monkeypatch

    return before


def launch(store, block, **values):
    row = make_row(**{"run_id": store.run_id, "block": block, **values})
    name = f"{block:04}-{row['case_id']}-{row['attempt']}"
    store.write_launch(name, [row], pa.Table.from_pandas(make_tasks(make_rounds(row)), preserve_index=False))
    return name


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestARun:
    def test_has_an_id_that_is_sorted_by_time_and_its_own(self):
        ids = [new_run_id() for _ in range(50)]
        assert len(set(ids)) == 50
        assert [one[:-4] for one in ids] == sorted(one[:-4] for one in ids)
        assert all(re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{9}", one) for one in ids)

    def test_whose_clock_was_set_back_has_an_id_of_the_moment_after_the_last_one(self, tmp_path):
        for name in ("20990228T235959-0000affff", "20990228T235958-000120000", "99999999T999999-999999999.json", "notes"):
            (tmp_path / name).mkdir()
        assert new_run_id(tmp_path)[:-4] == "20990228T235959-0000b"

    def test_is_of_this_moment_where_the_last_one_is_earlier_or_no_moment(self, tmp_path):
        (tmp_path / "20200101T000000-00000ffff").mkdir()
        assert new_run_id(tmp_path)[:-4] > new_run_id()[:8]
        (tmp_path / "20991399T000000-00000ffff").mkdir()
        assert new_run_id(tmp_path) < "2099"

    def test_is_a_folder_with_what_is_known_about_it(self, store):
        assert store.folder.name == store.run_id
        assert json.loads((store.folder / "run.json").read_text()) == {"run_id": store.run_id, "study": {"name": "mine"}}

    def test_can_be_told_more_about_later(self, store):
        store.save(status="finished", findings=[])
        store.save(status="interrupted")
        told = json.loads((store.folder / "run.json").read_text())
        assert (told["status"], told["findings"], told["study"]) == ("interrupted", [], {"name": "mine"})

    def test_is_made_with_all_folders_above_it(self, tmp_path):
        assert Store.create(tmp_path / "a" / "b", {}).folder.parent == tmp_path / "a" / "b"

    def test_in_a_place_that_cannot_be_written_is_refused_with_a_way_out(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(ResultsError, match=r"can't be written.*\nGive another with --results"):
            Store.create(tmp_path / "file", {})
        assert files(tmp_path) == ["file"]

    def test_on_a_full_disk_is_refused(self, tmp_path, monkeypatch):
        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module.os, "fsync", full)
        with pytest.raises(ResultsError, match="No space left on device"):
            Store.create(tmp_path, {})


def without_digest(name):
    launch, _, table = name.split(".", 2)
    return f"{launch}.{table}"


class TestALaunch:
    def test_is_a_part_of_rounds_and_one_of_tasks(self, store):
        name = launch(store, 0)
        assert sorted(map(without_digest, files(store.folder / "parts"))) == [f"{name}.rounds.parquet", f"{name}.tasks.parquet"]

    def test_without_tasks_is_a_part_of_rounds(self, store):
        name = launch(store, 0, status="crashed")
        assert list(map(without_digest, files(store.folder / "parts"))) == [f"{name}.rounds.parquet"]

    def test_can_be_read_before_the_run_ends(self, store):
        launch(store, 0)
        launch(store, 1)
        result = load(store.folder)
        assert result.rounds["block"].tolist() == [0, 1]
        assert len(result.tasks) == 4

    @pytest.mark.parametrize("ending", [".tasks.parquet", ".rounds.parquet"])
    def test_that_is_cut_off_leaves_the_others_and_nothing_of_itself(self, store, power_cut, ending):
        """The rounds come last and stand for the launch: tasks that have none are not read."""
        launch(store, 0)
        before = load(store.folder)
        power = power_cut(ending)
        with pytest.raises(PowerCutError):
            launch(store, 1)
        power.undo()
        after = load(store.folder)
        pd.testing.assert_frame_equal(after.rounds, before.rounds)
        pd.testing.assert_frame_equal(after.tasks, before.tasks)

    @pytest.mark.parametrize("ending", [".tasks.parquet", ".rounds.parquet"])
    def test_that_was_cut_off_can_be_stored_again(self, store, power_cut, ending):
        power = power_cut(ending)
        with pytest.raises(PowerCutError):
            launch(store, 0)
        power.undo()
        launch(store, 0)
        store.compact()
        result = load(store.folder)
        assert (len(result.rounds), len(result.tasks)) == (1, 2)

    def test_whose_message_names_a_file_that_is_no_utf8_is_stored(self, store):
        row = make_row(run_id=store.run_id, status="failed", message=os.fsdecode(b"no such file: caf\xe9"))
        store.write_launch("0000-x-0", [row], None)
        assert load(store.folder).rounds["message"].tolist() == ["no such file: caf\\udce9"]

    def test_with_a_value_that_no_column_holds_leaves_the_others(self, store):
        launch(store, 0)
        with pytest.raises((ValueError, TypeError)):
            store.write_launch("0001-x-0", [make_row(workers_found="many")], None)
        assert len(load(store.folder).rounds) == 1


class TestCompacting:
    def test_makes_one_file_of_each_table_with_the_same_rows_in_order(self, store):
        for block in (1, 0, 2):
            launch(store, block)
        before = load(store.folder)
        store.compact()
        after = load(store.folder)
        assert files(store.folder) == ["rounds.parquet", "run.json", "tasks.parquet"]
        assert after.rounds["block"].tolist() == [0, 1, 2]
        pd.testing.assert_frame_equal(after.rounds, before.rounds)
        pd.testing.assert_frame_equal(after.tasks, before.tasks)

    def test_of_more_rows_than_are_held_at_a_time_has_them_in_order(self, store, monkeypatch):
        monkeypatch.setattr(module, "ROW_GROUP", 3)
        monkeypatch.setattr(module, "_FEW", 2)
        for block in range(10):
            launch(store, block)
        store.compact()
        assert load(store.folder).rounds["block"].tolist() == list(range(10))
        with pq.ParquetFile(store.folder / "rounds.parquet") as file:
            assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 2]

    def test_of_no_launch_gives_empty_tables(self, store):
        store.compact()
        result = load(store.folder)
        assert (len(result.rounds), len(result.tasks)) == (0, 0)
        assert list(result.rounds.columns) == [one.name for one in ROUNDS]

    @pytest.mark.parametrize("ending", ["tasks.parquet", "rounds.parquet"])
    def test_that_is_cut_off_loses_nothing_and_can_be_done_again(self, store, power_cut, ending):
        launch(store, 0)
        launch(store, 1)
        before = load(store.folder)
        power = power_cut(f"{os.sep}{ending}")
        with pytest.raises(PowerCutError):
            store.compact()
        power.undo()
        for _ in range(2):
            now = load(store.folder)
            pd.testing.assert_frame_equal(now.rounds, before.rounds)
            pd.testing.assert_frame_equal(now.tasks, before.tasks)
            if (store.folder / "parts").exists():
                store.compact()
        assert not (store.folder / "parts").exists()

    def test_leaves_out_the_tasks_of_a_launch_that_was_cut_off(self, store, power_cut):
        launch(store, 0)
        power = power_cut(".rounds.parquet")
        with pytest.raises(PowerCutError):
            launch(store, 1)
        power.undo()
        store.compact()
        assert set(load(store.folder).tasks["block"]) == {0}

    def test_keeps_whole_numbers_beside_nulls_exactly(self, store):
        launch(store, 0, work_units=2**53 + 1)
        launch(store, 1, work_units=None)
        store.compact()
        assert load(store.folder).rounds["work_units"][0] == 2**53 + 1


class TestReopening:
    @pytest.fixture
    def damage(self):
        """Cut the first part of a table."""

        def cut(store, table):
            part = min((store.folder / "parts").glob(f"*.{table}.parquet"))
            part.write_bytes(part.read_bytes()[:-1])
            return part

        return cut

    @pytest.fixture
    def ended(self, store):
        for block in (0, 1):
            launch(store, block)
        store.compact()
        return store.folder

    def reopen(self, folder):
        return Store.reopen(folder, read_about(folder))

    def test_a_run_that_was_ended_goes_on_with_all_that_it_had(self, ended):
        before = load(ended)
        store = self.reopen(ended)
        assert store.about == before.about
        pd.testing.assert_frame_equal(load(ended).tasks, before.tasks)
        launch(store, 2)
        store.compact()
        after = load(ended)
        assert files(ended) == ["rounds.parquet", "run.json", "tasks.parquet"]
        assert sorted(after.rounds["block"]) == [0, 1, 2]
        assert sorted(after.tasks["block"]) == [0, 0, 1, 1, 2, 2]

    def test_is_seen_by_a_reader_with_all_tasks_at_any_moment(self, ended, power_cut):
        before = load(ended)
        power_cut("_earlier.rounds.parquet")
        with pytest.raises(PowerCutError):
            self.reopen(ended)
        pd.testing.assert_frame_equal(load(ended).rounds, before.rounds)
        pd.testing.assert_frame_equal(load(ended).tasks, before.tasks)

    def test_forgets_the_tasks_of_a_launch_that_was_cut_off(self, store, power_cut):
        """The launch is made again, and takes another time."""
        launch(store, 0)
        power = power_cut(".rounds.parquet")
        with pytest.raises(PowerCutError):
            launch(store, 1)
        power.undo()
        store._disown()
        again = self.reopen(store.folder)
        row = make_row(run_id=store.run_id, block=1)
        tasks = make_tasks(make_rounds(row)).assign(stop_s=9.0)
        again.write_launch(f"0001-{row['case_id']}-0", [row], pa.Table.from_pandas(tasks, preserve_index=False))
        assert load(store.folder).tasks["stop_s"].tolist()[2:] == [9.0, 9.0]

    def test_forgets_what_is_damaged(self, store):
        launch(store, 0)
        launch(store, 1)
        part = min((store.folder / "parts").glob("*.rounds.parquet"))
        part.write_bytes(part.read_bytes()[:-1])
        store._disown()
        self.reopen(store.folder)
        assert not part.exists()
        assert load(store.folder).rounds["block"].tolist() == [1]

    def test_tells_of_lost_tasks_whose_rounds_are_whole_from_then_on(self, store, damage):
        launch(store, 0)
        part = damage(store, "tasks")
        store._disown()
        told = load(store.folder).findings
        assert [(one["code"], one["parts"]) for one in told] == [("SB112", [part.name])]
        again = self.reopen(store.folder)
        assert not part.exists()
        assert load(store.folder).findings == told
        launch(again, 1)
        again.compact()
        again.save(status="interrupted", findings=[])
        assert load(store.folder).findings == told
        last = self.reopen(store.folder)
        assert load(store.folder).findings == told
        last.compact()
        last.save(status="finished", findings=[])
        assert load(store.folder).findings == told
        assert load(store.folder).rounds["block"].tolist() == [0, 1]

    def test_tells_no_more_of_a_launch_that_is_made_again(self, store, damage):
        launch(store, 0)
        launch(store, 1)
        rounds, _ = damage(store, "rounds"), damage(store, "tasks")
        store.compact()
        assert [one["parts"] for one in load(store.folder).findings] == [[rounds.name]]
        self.reopen(store.folder)
        assert load(store.folder).findings == []

    def test_is_for_one_at_a_time(self, ended):
        first = self.reopen(ended)
        with pytest.raises(ResultsError, match=r"being written by another process\.\nWait for it"):
            self.reopen(ended)
        first.compact()
        self.reopen(ended)

    def test_of_what_cannot_be_written_is_refused_with_the_way_out(self, ended):
        (ended / "parts").write_text("in the way")
        with pytest.raises(ResultsError, match=r"can't be written: .*\nMake it writable"):
            self.reopen(ended)


class TestAFile:
    def test_is_replaced_whole_or_stays_as_it_was(self, tmp_path, power_cut):
        path = tmp_path / "run.json"
        write_atomically(path, b"old")
        power_cut("run.json")
        with pytest.raises(PowerCutError):
            write_atomically(path, b"new")
        assert path.read_bytes() == b"old"

    def test_is_complete_on_disk_before_it_gets_its_name(self, tmp_path, monkeypatch):
        order = []
        sync, rename = os.fsync, os.replace
        monkeypatch.setattr(module.os, "fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
        monkeypatch.setattr(module.os, "replace", lambda *paths: (order.append("name"), rename(*paths)))
        write_atomically(tmp_path / "a", b"content")
        assert order == ["sync", "name"]

    def test_of_rows_can_be_read_by_any_parquet_reader_with_types_and_version(self, tmp_path):
        path = tmp_path / "tasks.parquet"
        rounds = make_rounds({})
        write_parquet(make_tasks(rounds), path, TASKS)
        table = pq.read_table(path)
        assert table.schema.metadata[b"scalebench.schema_version"] == str(SCHEMA_VERSION).encode()
        assert {str(kind) for kind in table.schema.types} == {"string", "int64", "double"}
        assert table.column("run_id").to_pylist() == [rounds["run_id"][0]] * 2
