"""The tutorial: its commands run, in its order; its words promise no figure."""

import json
import re
import runpy
import shlex

import pytest
from pages import ROOT, Reader, fences

from scalebench import load
from scalebench.study import described
from scalebench.study_file import read_study

PAGE = "docs/tutorial.md"
BLOCKS = r"<!-- reference: (.*?) -->.*?<!-- end -->"


@pytest.mark.long
def test_each_question_is_answered_by_its_command(tmp_path):
    """All in one folder, as a student types them; with one block of one round, and less to measure."""
    (tmp_path / "pyproject.toml").write_text("[tool.scalebench]\nblocks = 1\nrounds = 1\n")
    printed = Reader(
        tmp_path, "docs/tutorial.md",
        instead={
            "scalebench run\n": "scalebench run --profile quick --blocks 1 --workers 1,2\n",  # that of all interfaces
            "--tasks 24": "--tasks 4", "--tasks 32": "--tasks 8", "--size 40 ": "--size 4 ", "--size 400x4": "--size 200x2",
            "--blocks 10": "--blocks 2", "--precision 10% --budget 2m": "--precision 50% --budget 5s", "blocks = 5": "blocks = 1",
            "fork,forkserver,spawn": "fork,spawn", "results/reference/": f"{ROOT}/results/reference/",
            "[100, 300, 1000, 3000, 10000, 100000]": "[300, 1000, 3000, 10000]", "total = 1000000": "total = 100000",
        },
    ).follow()  # fmt: skip
    runs = [load(path) for path in sorted((tmp_path / "results").iterdir())]
    assert {status for one in runs for status in one.rounds["status"]} == {"ok"}
    assert {kind for one in runs for kind in one.rounds["kind"]} == {"crunch", "spin", "blas", "sleep"}
    for command in ("scalebench report", "scalebench recommend", "scalebench granularity", "scalebench fit latest"):
        assert "Results: " in printed[command]
    (foretold,) = (told for command, told in printed.items() if command.startswith("scalebench predict"))
    assert "amdahl" in foretold.lower()


def test_the_study_of_short_tasks_can_be_read(tmp_path):
    (fence,) = (one for one in fences(PAGE) if one.title)
    (tmp_path / fence.title).write_text(fence.code)
    assert read_study(tmp_path / fence.title).suites.keys() == {"granularity"}


def test_its_words_name_no_time_and_no_speedup_of_their_own():
    text = re.sub(BLOCKS, "", (ROOT / PAGE).read_text(encoding="utf-8"), flags=re.DOTALL)
    words = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\d(?:\.\d+)? ?(?:ms|us|s|seconds|times|-fold)\b", words) == []


def test_every_question_of_the_lecture_has_its_command_its_table_and_its_chart():
    questions = re.split(r"^## ", (ROOT / PAGE).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    asked = [one for one in questions if one.partition("\n")[0].endswith("?")]
    assert len(asked) == 12
    for one in asked:
        assert "```sh\nscalebench" in one, one[:60]
        assert re.search(r"^\| .* \|$", one, re.MULTILINE), one[:60]
        assert re.search(r"^!\[.*\]\(images/.*\)$", one, re.MULTILINE), one[:60]


def test_its_runs_are_made_by_the_commands_that_pages_tell():
    """So that they can be made again on another day: benchmarks/reference/measure.py."""
    runs = runpy.run_path(str(ROOT / "benchmarks" / "reference" / "measure.py"))["RUNS"]
    for name, page, word in (
        ("starts", "docs/tutorial.md", "--start-method"),
        ("my-function", "docs/how-to/my-function.md", "primes:"),
    ):
        told = [one for fence in fences(page) if fence.language == "sh" for one in fence.commands if word in one]
        assert ["scalebench", "run", *runs[name]] in [shlex.split(one) for one in told]
    study = json.loads(json.dumps(described(read_study(ROOT / runs["tutorial"][0]))))
    assert study["suites"] == load(ROOT / "results/reference/tutorial-amd-epyc-2cpu").about["study"]["suites"]
