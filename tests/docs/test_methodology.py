"""The figures of docs/methodology.md stand in the committed output of the scripts that make them, and these make them again."""

import importlib.util
import math
import re
import sys

import numpy as np
import pytest
from factories import make_rounds
from pages import ROOT

from scalebench.analysis.compare import SLOWER, beyond, compare, variants

REFERENCE = ROOT / "results" / "reference"


def text(path):
    return path.read_text(encoding="utf-8")


def section(heading):
    """The text of the page below a heading."""
    page = text(ROOT / "docs" / "methodology.md").partition(f"\n## {heading}\n")[2]
    return re.split(r"^## ", page, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.fixture(scope="module")
def gate():
    """benchmarks/intervals/gate.py, as a module."""
    spec = importlib.util.spec_from_file_location("gate", ROOT / "benchmarks" / "intervals" / "gate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("heading", "row", "source", "rows"),
    [
        ("Intervals", r"^\| (?:even|neighbour|tail|rare) \| `.*$", "simulated-intervals.md", 16),
        ("The gate", r"^\| \d+% \| .*$", "simulated-gate.md", 5),
        ("Which statistic", r"^\| (?:t|trimmed t|signed ranks) \| .*$", "truth-intel-r-xeon-2cpu/truth.md", 13),
        ("Which statistic", r"^\| (?:scalebench|pyperf|pytest-benchmark)[ ,].*$", "truth-intel-r-xeon-2cpu/truth.md", 5),
    ],
)
def test_every_row_is_one_of_its_source(heading, row, source, rows):
    shown = re.findall(row, section(heading), re.MULTILINE)
    assert len(shown) == rows
    assert set(shown) <= set(text(REFERENCE / source).splitlines())


def test_what_a_gate_stops_is_found_again(gate, capsys, monkeypatch):
    """A tenth of the comparisons, so another sample: shares of 50% have a standard error of 0.4 points."""
    monkeypatch.setattr(sys, "argv", ["gate.py", "--comparisons", "20000"])
    gate.main()
    kept = re.findall(r"^\| \d+% \| ([\d.]+) \| ([\d.]+) \|$", text(REFERENCE / "simulated-gate.md"), re.MULTILINE)
    again = re.findall(r"^\| \d+% \| ([\d.]+) \| ([\d.]+) \|$", capsys.readouterr().out, re.MULTILINE)
    assert np.array(again, dtype=float) == pytest.approx(np.array(kept, dtype=float), abs=2)


def test_the_simulated_gate_is_the_one_of_compare(gate):
    """Six comparisons of ten blocks, by rows of two variants."""
    logs = gate.drawn(0.05, 10, 0.05, 6, np.random.default_rng(1))
    told = []
    for one in logs:
        rows = [
            {
                "variant": name,
                "block": block,
                "backend": "processes",
                "workers": 2,
                "start_method": "fork",
                "wall_s": math.exp(log),
            }
            for block, ratio in enumerate(one)
            for name, log in (("old", 0.0), ("new", ratio))
        ]
        told.append(bool(beyond(compare(variants(make_rounds(*rows), ["old", "new"]), paired=True), SLOWER, gate.LIMIT).iloc[0]))
    assert told == gate.fails(logs)[0].tolist()
    assert 0 < sum(told) < 6


@pytest.fixture(scope="module")
def truth():
    """benchmarks/truth/measure.py, as a module."""
    spec = importlib.util.spec_from_file_location("truth", ROOT / "benchmarks" / "truth" / "measure.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_what_an_ab_finds_is_found_again_in_the_rounds_that_are_kept(truth):
    run = REFERENCE / "truth-intel-r-xeon-2cpu"
    told = [line for line in text(run / "truth.md").splitlines() if line.startswith(("| t |", "| trimmed t |"))]
    found = truth.statistics(*truth.collect.counted_rounds([run]), 20.0, ("t", "trimmed t"))
    assert [line for line in found if line.startswith(("| t |", "| trimmed t |"))] == told
