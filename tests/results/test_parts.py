"""A part of a run that was cut off or changed anywhere is named and left out; the others are read."""

import shutil

import pyarrow as pa
import pytest
from factories import make_rounds, make_tasks
from hypothesis import given
from hypothesis import strategies as st

import scalebench
from scalebench.api import run_observed
from scalebench.results.load import load
from scalebench.results.parts import find_parts, launch_of, part_name
from scalebench.results.store import Store
from scalebench.study import Study

LAUNCHES = [f"{block:04}-0123456789abcdef-0" for block in range(3)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three launches that did not come to its end."""
    store = Store.create(tmp_path_factory.mktemp("results"), {"schema_version": 1, "status": "running"})
    for block, name in enumerate(LAUNCHES):
        rounds = make_rounds({"block": block}, {"block": block})
        store.write_launch(name, rounds.to_dict("records"), pa.Table.from_pandas(make_tasks(rounds), preserve_index=False))
    store._disown()
    return store.folder


@given(data=st.data(), table=st.sampled_from(["rounds", "tasks"]), cut=st.booleans())
def test_one_byte_is_enough(run, tmp_path_factory, data, table, cut):
    folder = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(run, folder)
    part = data.draw(st.sampled_from(find_parts(folder / "parts", table).whole))
    content = bytearray(part.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if cut:
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    part.write_bytes(content)

    found = load(folder)
    (finding,) = found.findings
    assert (finding["code"], finding["parts"]) == ("SB112", [part.name])
    assert part.name in finding["text"]
    blocks = {0, 1, 2} - {LAUNCHES.index(launch_of(part))}
    assert set(found.rounds["block"]) == (blocks if table == "rounds" else {0, 1, 2})
    assert set(found.tasks["block"]) == blocks
    shutil.rmtree(folder.parent)


def test_undamaged_parts_are_all_read_and_nothing_is_said(run):
    assert set(load(run).rounds["block"]) == {0, 1, 2}
    assert load(run).findings == []


@pytest.mark.long
def test_a_damaged_launch_is_made_again_when_the_run_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "compact", Store._disown)
    study = Study(kind="sleep", size=1, tasks=2, backend="threads", workers="1,2", blocks=2, rounds=1)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_observed([stop], study, results=tmp_path)
    monkeypatch.undo()
    (folder,) = tmp_path.iterdir()
    (part,) = find_parts(folder / "parts", "rounds").whole
    part.write_bytes(part.read_bytes()[:-1])
    whole = scalebench.run(resume=folder)
    assert len(whole.rounds[["block", "case_id"]].drop_duplicates()) == 6
    assert "SB112" not in {one["code"] for one in whole.findings}


def test_the_name_tells_launch_table_and_digest():
    assert part_name("0000-x-0", "rounds", b"") != part_name("0000-x-0", "rounds", b"a")
    assert part_name("0000-x-0", "rounds", b"").startswith("0000-x-0.")
    assert part_name("0000-x-0", "rounds", b"").endswith(".rounds.parquet")
