"""Results from strangers: whatever a file holds, its readers answer or raise our own error, within bounds of memory.

A corpus of real files, changed at random: bytes flipped, cut out, doubled; values of JSON replaced by awkward ones. Some hundred
files here; ``nox -s fuzz`` goes on for ten minutes (``SCALEBENCH_FUZZ_S``).
"""

import contextlib
import gzip
import json
import os
import random
import resource
import shutil
import time
import warnings
from pathlib import Path

import pytest
from factories import make_rounds, make_tasks, write_parquet

import scalebench
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
from scalebench.results.result import Result
from scalebench.results.schema import ROUNDS, TASKS

pytestmark = pytest.mark.long
SECONDS = float(os.environ.get("SCALEBENCH_FUZZ_S", "0"))
FILES = 25  #: of each kind, where no time is given
_MOST_BYTES = 2 * 2**30
_AWKWARD = [
    None, True, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "\x1b[2J", "\u202eabc", "<script>alert(1)</script>",
    "x" * 100_000, [], {}, [[[[]]]], {"a": {"b": None}}, "../../etc/passwd", "\ud800",
]  # fmt: skip
DATA = Path(__file__).parents[1] / "data"


def corpus(folder):
    """Files by kind."""
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
    return run


def change_bytes(content, generator):
    """A few flips, cuts and doublings."""
    content = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 5, 30])):
        if not content:
            break
        start = generator.randrange(len(content))
        stop = min(len(content), start + generator.choice([1, 4, 100, 5000]))
        match generator.randrange(4):
            case 0:
                content[start] = generator.randrange(256)
            case 1:
                del content[start:stop]
            case 2:
                content[start:start] = content[start:stop]
            case 3:
                content[start:stop] = generator.randbytes(stop - start)
    return bytes(content)


def change_values(value, generator):
    """The same JSON with some values, or names, replaced."""
    if generator.random() < 0.02:
        return generator.choice(_AWKWARD)
    if isinstance(value, dict):
        return {(generator.choice(["", "\x1b", key.upper()]) if generator.random() < 0.01 else key): change_values(one, generator)
                for key, one in value.items() if generator.random() > 0.01}  # fmt: skip
    if isinstance(value, list):
        return [change_values(one, generator) for one in value if generator.random() > 0.01]
    return value


def change(path, generator):
    """Write a changed file over the one at ``path``."""
    content = path.read_bytes()
    plain = gzip.decompress(content) if path.suffix == ".gz" and generator.random() < 0.5 else content
    if ".json" in path.name and generator.random() < 0.6:
        with contextlib.suppress(ValueError):
            plain = json.dumps(change_values(json.loads(plain), generator)).encode("utf-8", "surrogatepass")
    else:
        plain = change_bytes(plain, generator)
    path.write_bytes(
        gzip.compress(plain) if plain is not content and path.suffix == ".gz" and not plain.startswith(b"\x1f\x8b") else plain
    )


def use(path, *, in_full=True):
    """What a reader would do with it: load it, look at its tasks, write it out; in full, report it, ask it, and compare it too."""
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
        comparison_tables(comparison([("found", found), ("good", scalebench.load(path.parent / "good"))]))


def moments(seed):
    """Generators of changes: so many, or until the time is over."""
    began = time.monotonic()
    number = int(began) if SECONDS else 0  # other changes each time; an error tells its number
    while number < FILES if not SECONDS else time.monotonic() - began < 2 * SECONDS / len(KINDS):  # two processes share them
        yield random.Random(f"{seed}-{number}"), number
        number += 1


KINDS = ["run/rounds.parquet", "run/tasks.parquet", "run/run.json", "whole.json", "rounds.csv", *sorted(one.name for one in DATA.glob("py*.json*"))]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_read_or_refused_by_our_own_error(kind, tmp_path):
    corpus(tmp_path)
    whole = (tmp_path / kind).read_bytes()
    place = tmp_path / "run" if kind.startswith("run/") else tmp_path / kind
    use(place)
    refused = 0
    for generator, number in moments(kind):
        (tmp_path / kind).write_bytes(whole)
        change(tmp_path / kind, generator)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                use(place, in_full=number % 8 == 0)
        except ScalebenchError as error:
            refused += 1
            assert len(str(error)) < 20_000, number  # noqa: PT017  any of many may be raised
        except Exception as error:
            error.add_note(f"change {number} of {kind}")
            raise
    assert refused > 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < _MOST_BYTES
