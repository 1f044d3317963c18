"""Results from strangers: whatever a file holds, its readers answer or raise our own error, within bounds of memory.

A corpus of real files, changed by hypothesis: bytes put elsewhere, cut out, doubled; values of JSON replaced by awkward ones. Some
hundred files here, the same in each run; ``nox -s fuzz`` goes on for ten minutes, with others (``SCALEBENCH_FUZZ_S``).
"""

import gzip
import json
import os
import resource
import shutil
import time
import warnings
from pathlib import Path

import hypothesis
import pyarrow as pa
import pytest
from factories import make_rounds, make_tasks, write_parquet
from hypothesis import strategies as st

import scalebench
from scalebench import cli
from scalebench.analysis.comparison import comparison
from scalebench.analysis.granularity import granularity
from scalebench.analysis.laws.curves import curves
from scalebench.analysis.laws.fit import fit
from scalebench.analysis.simulation.predict import simulate
from scalebench.errors import ScalebenchError
from scalebench.report.compare import comparison_tables
from scalebench.report.html.page import to_html
from scalebench.report.latex import to_latex
from scalebench.report.markdown import to_markdown
from scalebench.results.any_table import read_table
from scalebench.results.exchange import as_csv, as_json
from scalebench.results.parts import launch_of, part_name
from scalebench.results.result import Result
from scalebench.results.schema import ROUNDS, TASKS
from scalebench.results.store import Store

pytestmark = pytest.mark.long
SECONDS = float(os.environ.get("SCALEBENCH_FUZZ_S", "0"))
FILES = 15  #: of each kind, where no time is given
_MOST_BYTES = 2 * 2**30
_AWKWARD = [
    None, True, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "\x1b[2J", "\u202eabc", "<script>alert(1)</script>",
    "x" * 100_000, [], {}, [[[[]]]], {"a": {"b": None}}, "../../etc/passwd", "\ud800",
]  # fmt: skip
_GONE, _RENAMED = object(), object()
DATA = Path(__file__).parents[1] / "data"


def corpus(folder):
    """Files of each kind."""
    rounds = make_rounds(*({"block": block, "workers": workers} for block in range(3) for workers in (1, 2)))
    tasks = make_tasks(rounds)
    about = {"run_id": "a", "schema_version": 1, "status": "finished", "study": {"name": "s"}, "suites": {"s": []},
             "machine": {"machine_id": "m", "cpu_budget": 2, "packages": {"numpy": "2"}}, "findings": [{"code": "SB110", "text": "t"}]}  # fmt: skip
    run = folder / "run"
    run.mkdir()
    write_parquet(rounds, run / "rounds.parquet", ROUNDS)
    write_parquet(tasks, run / "tasks.parquet", TASKS)
    (run / "run.json").write_text(json.dumps(about))
    (folder / "good").mkdir()
    write_parquet(rounds.assign(run_id="good"), folder / "good" / "rounds.parquet", ROUNDS)
    write_parquet(tasks.assign(run_id="good"), folder / "good" / "tasks.parquet", TASKS)
    (folder / "good" / "run.json").write_text(json.dumps({**about, "run_id": "good"}))
    (folder / "whole.json").write_text(as_json(Result(rounds, tasks, about)))
    rounds.to_csv(folder / "rounds.csv", index=False)
    for one in DATA.glob("py*.json*"):
        shutil.copy(one, folder / one.name)
    store = Store.create(folder / "running", {**about, "status": "running"})
    for block in range(3):
        rounds = make_rounds({"block": block}, {"block": block})
        tasks = pa.Table.from_pandas(make_tasks(rounds), preserve_index=False)
        store.write_launch(f"{block:04}-0123456789abcdef-0", rounds.to_dict("records"), tasks)
    store._disown()


def change_bytes(content, edits):
    """Some bytes become others, are cut out, doubled, or lie between others."""
    content = bytearray(content)
    for how, start, length, new in edits:
        start %= len(content) or 1
        stop = start + length
        match how:
            case "change":
                content[start : start + len(new)] = new
            case "cut":
                del content[start:stop]
            case "double":
                content[start:start] = content[start:stop]
            case "insert":
                content[start:start] = new
    return bytes(content)


def change_packed(content, edits):
    """The same inside of a compressed file."""
    return gzip.compress(change_bytes(gzip.decompress(content), edits))


def change_values(content, edits):
    """The same JSON with some values, by their number in it, replaced, left out, or under another name."""
    packed = content.startswith(b"\x1f\x8b")
    number = 0

    def walk(value):
        nonlocal number
        number += 1
        if number in edits and edits[number] not in (_GONE, _RENAMED):
            return edits[number]
        if isinstance(value, dict):
            pairs = [(key, number, walk(one)) for key, one in value.items()]
            return {
                ("\x1b" if edits.get(at + 1) is _RENAMED else key): one
                for key, at, one in pairs
                if edits.get(at + 1) is not _GONE
            }
        if isinstance(value, list):
            found = [(number, walk(one)) for one in value]
            return [one for at, one in found if edits.get(at + 1) is not _GONE]
        return value

    text = json.dumps(walk(json.loads(gzip.decompress(content) if packed else content))).encode()
    return gzip.compress(text) if packed else text


def changes(path):
    """What may be done to a file, as a function of its content and what that takes."""
    content = path.read_bytes()
    packed = path.suffix == ".gz"
    edits = st.lists(
        st.tuples(
            st.sampled_from(["change", "cut", "double", "insert"]),
            st.integers(0, len(content) - 1),
            st.sampled_from([1, 4, 100, 5000]),
            st.binary(min_size=1, max_size=8),
        ),
        min_size=1, max_size=30,
    )  # fmt: skip
    ways = [st.tuples(st.just(change_bytes), edits)]
    if packed:
        ways.append(st.tuples(st.just(change_packed), edits))
    if ".json" in path.name:
        values = count(json.loads(gzip.decompress(content) if packed else content))
        replaced = st.sampled_from([_GONE, _RENAMED, *_AWKWARD])
        ways.append(st.tuples(st.just(change_values), st.dictionaries(st.integers(1, values), replaced, min_size=1, max_size=20)))
    return st.one_of(ways)


def count(value):
    """Of JSON, all values at any depth."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, inside))


def use(path, good, *, in_full=True):
    """What a reader would do with it: load it, look at its tasks, write it out; in full, report it, ask it, and compare it with a good one too."""
    if path.suffix == ".csv":
        read_table(path).points(["workers"])
        return
    found = scalebench.load(path)
    _ = found.tasks
    told = str(found)
    assert "\x1b" not in told
    assert "\u202e" not in told
    as_json(found)
    as_csv(found.rounds)
    if not in_full:
        return
    if not any("tool" in about for about in found.runs):
        page = to_html(found)
        assert "<script>alert" not in page
        for report in (to_markdown(found), to_latex(found), page):
            assert not {"\x1b", "\u202e"} & set(report)
        for curve in curves(found.rounds, oversubscribed=True):
            fit(curve.table, curve.scaling)
        simulate(found.rounds, found.tasks, [64])
        granularity(found.rounds)
        found.recommend()
        comparison_tables(comparison([("found", found), ("good", scalebench.load(good))]))


KINDS = [
    "run/rounds.parquet", "run/tasks.parquet", "run/run.json", "running/*/parts/*.rounds.parquet", "running/*/parts/*.tasks.parquet",
    "whole.json", "rounds.csv", *sorted(one.name for one in DATA.glob("py*.json*")),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_read_or_refused_by_our_own_error(kind, tmp_path, capsys):
    corpus(tmp_path)
    path = min(tmp_path.glob(kind))
    whole = path.read_bytes()
    of_run = {"run": path.parent, "parts": path.parent.parent}
    place = of_run.get(path.parent.name, path)
    good = tmp_path / "good"
    use(place, good)
    refused = 0

    @hypothesis.given(change=changes(path), in_full=st.sampled_from([*[False] * 15, True]), as_new=st.booleans())
    @hypothesis.settings(max_examples=FILES)
    def holds(change, in_full, as_new):
        nonlocal refused
        function, edits = change
        content = function(whole, edits)
        there = path
        if as_new and path.parent.name == "parts":  # by somebody who knows how its name comes about
            there = path.with_name(part_name(launch_of(path), path.name.split(".")[2], content))
            path.unlink(missing_ok=True)
        there.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                use(place, good, in_full=in_full)
        except ScalebenchError as error:
            refused += 1
            assert len(str(error)) < 20_000  # noqa: PT017  any of many may be raised
        finally:
            there.unlink()
        if place != path:
            listed = cli.main(["list", str(place.parent)])
            told = "".join(capsys.readouterr())
            assert listed in (cli.OK, cli.WRONG_USE), told
            assert not {"\x1b", "\u202e"} & set(told)

    began = time.monotonic()
    holds()
    while time.monotonic() - began < 2 * SECONDS / len(KINDS):  # two processes share them; other changes each time
        hypothesis.seed(time.time_ns())(holds)()
    assert refused > 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < _MOST_BYTES
