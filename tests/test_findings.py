"""Findings: doubts that can be stored, shown and looked up."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from scalebench import findings
from scalebench.analysis.statistics import LEAST_BLOCKS
from scalebench.findings import (
    FINDINGS,
    AnswersUnchecked,
    BlasThreadsNotAsAsked,
    Finding,
    FitsCache,
    MachineBusy,
    MachineDrifted,
    MachineUnsteady,
    NotATime,
    Oversubscribed,
    PartsDamaged,
    PrecisionMissed,
    RawDataCutOff,
    TaskTooShort,
    TooFewBlocks,
)

EXAMPLES = [
    FitsCache(case="stream-serial-w1", held_bytes=2**20, cache_bytes=32 * 2**20),
    Oversubscribed(case="crunch-processes-w4", threads=4, cpus=2),
    BlasThreadsNotAsAsked(case="blas-processes-w2-b1", asked=1, found_min=3, found_max=3),
    TooFewBlocks(blocks=2),
    PrecisionMissed(
        wanted=0.02,
        judged=45,
        ended="budget",
        missed=[
            {
                "case_id": "00",
                "case": "crunch-threads-w1",
                "quantity": "wall_s",
                "precision": None,
                "blocks": 2,
                "blocks_needed": None,
            },
            *(
                {
                    "case_id": "0f",
                    "case": f"crunch-processes-w{count}",
                    "quantity": "speedup",
                    "precision": 0.041,
                    "blocks": 5,
                    "blocks_needed": 31,
                }
                for count in range(1, 7)
            ),
        ],
    ),
    MachineDrifted(first=59, last=123, launches=225, inside_s=0.0052, outside_s=0.0043, chance=0.001),
    MachineBusy(taken=0.62, cpus=2, looks=5, load_average=1.3),
    MachineUnsteady(low_s=0.0034, high_s=0.0058, launches=225),
    RawDataCutOff(case="bench.py::test_fib", rounds=38523, where="data ends after 4"),
    NotATime(case="memory", unit="byte"),
    TaskTooShort(workload="shop:price", task_s=1.8e-6),
    AnswersUnchecked(workload="shop:simulate", answers="Model"),
    PartsDamaged(folder="results/20260131T120000-1f3a95c0e", parts=["0003-9f3fc422dfa445ad-0.2c1f0e5b77a9d401.rounds.parquet"]),
]
NEEDED = PrecisionMissed(wanted=0.02, judged=2, ended="budget", missed=EXAMPLES[4].missed[1:2])
#: the same with the numbers of the pages
SHOWN = [
    replace(EXAMPLES[0], case="stream-processes-w2", held_bytes=16 * 2**20),
    replace(EXAMPLES[1], case="blas-processes-w2-b2"),
    replace(EXAMPLES[2], case="blas-processes-w2-b4", asked=4, found_min=2, found_max=2),
    EXAMPLES[3],
    replace(
        EXAMPLES[4],
        judged=5,
        missed=[
            {"case": case, "quantity": quantity, "precision": precision, "blocks_needed": 31}
            for case, quantity, precision in (
                ("crunch-processes-w2", "speedup", 0.041),
                ("crunch-serial-w1", "wall_s", 0.033),
                ("crunch-threads-w2", "wall_s", 0.022),
            )
        ],
    ),
    replace(EXAMPLES[5], inside_s=0.00521, outside_s=0.00431),
    EXAMPLES[6],
    replace(EXAMPLES[7], low_s=0.00344, high_s=0.00576),
    replace(EXAMPLES[8], where="data[4] is '... omitted'"),
    *EXAMPLES[9:],
]
PAGES = Path(__file__).parents[1] / "docs" / "findings"


def test_each_finding_has_a_code_of_its_own_and_an_example_here():
    assert len({one.code for one in FINDINGS}) == len(FINDINGS)
    defined = {one for one in vars(findings).values() if isinstance(one, type) and issubclass(one, Finding)} - {Finding}
    assert {type(one) for one in EXAMPLES} == set(FINDINGS) == defined


@pytest.mark.parametrize("finding", EXAMPLES, ids=lambda one: one.code)
def test_a_finding_is_stored_with_its_code_its_numbers_and_its_sentence(finding):
    stored = json.loads(json.dumps(finding.described()))
    assert stored == {
        "code": finding.code,
        **{one.name: getattr(finding, one.name) for one in fields(finding)},
        "text": str(finding),
    }


@pytest.mark.parametrize("finding", EXAMPLES, ids=lambda one: one.code)
def test_a_sentence_names_its_case(finding):
    assert str(finding).startswith(getattr(finding, "case", str(getattr(finding, "blocks", ""))))


@pytest.mark.parametrize(
    ("finding", "numbers"),
    [
        (EXAMPLES[0], ("1 MiB", "32 MiB")),
        (EXAMPLES[1], ("4 threads on 2 CPUs",)),
        (EXAMPLES[2], ("1 BLAS threads asked for", "3 found")),
        (BlasThreadsNotAsAsked(case="any", asked=2, found_min=1, found_max=4), ("1 to 4 found",)),
        (EXAMPLES[3], ("2 block", "--blocks 5")),
        (EXAMPLES[4], ("±2%", "7 of 45 cases", "budget", "w1 wall_s no interval", "w1 speedup ±4.1%", "and 2 more", "no number")),
        (NEEDED, ("1 of 2 cases", "about 31 blocks would do")),
        (EXAMPLES[5], ("launch 59 to 123 of 225", "21% slower", "5.2 ms", "4.3 ms")),
        (MachineDrifted(first=0, last=9, launches=20, inside_s=0.004, outside_s=0.005, chance=0.01), ("20% faster",)),
        (EXAMPLES[6], ("0.62 of 2 CPUs", "5 looks", "load average 1.3")),
        (EXAMPLES[7], ("3.4 to 5.8 ms", "225 launches")),
        (EXAMPLES[8], ("38523 rounds", "data ends after 4")),
        (EXAMPLES[9], ("byte",)),
        (EXAMPLES[10], ("1.8 us",)),
        (EXAMPLES[11], ("returns Model",)),
        (EXAMPLES[-1], ("left out", "0003-9f3fc422dfa445ad-0", "--resume results/2026")),
        (AnswersUnchecked(workload="shop:simulate", answers="None"), ("returns None:",)),
    ],
)
def test_a_sentence_gives_its_numbers(finding, numbers):
    assert [number for number in numbers if number not in str(finding)] == []


def test_equal_doubts_are_one():
    assert len({TooFewBlocks(blocks=2), TooFewBlocks(blocks=2), TooFewBlocks(blocks=1)}) == 2


@pytest.mark.parametrize("finding", SHOWN, ids=lambda one: one.code)
def test_the_sentence_that_a_page_shows_is_that_of_its_finding(finding):
    _, shown = (PAGES / f"{finding.code}.md").read_text(encoding="utf-8").partition("\n## ")[0].split("\n\n> ")
    assert shown.strip() == str(finding)


def test_each_finding_has_a_page_that_the_overview_names_and_no_page_is_left_over():
    assert {page.stem for page in PAGES.glob("SB*.md")} == {one.code for one in FINDINGS}
    overview = (PAGES / "README.md").read_text(encoding="utf-8")
    assert [one.code for one in FINDINGS if f"[{one.code}]({one.code}.md) | `{one.__name__}`" not in overview] == []


def test_fewer_blocks_than_give_an_interval_are_too_few():
    assert TooFewBlocks.LEAST == LEAST_BLOCKS
