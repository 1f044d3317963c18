"""Every example of the documentation is run by a test, or stands in one list with the reason why it is not."""

import ast
import doctest
import importlib
import json
import re
import shlex
import shutil

import pandas as pd
import pytest
from pages import NOT_RUN, ROOT, Reader, fences

from scalebench import Result, cli, load
from scalebench.study import described
from scalebench.study_file import read_study

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
RUNNABLE = ("sh", "python", "toml")
#: pages that a test follows from the top to the bottom, so that what is added to one is run with the rest: which test
FOLLOWED = {
    "README.md": "test_examples.py::test_the_commands_of_the_readme_measure",
    "docs/findings/README.md": "test_examples.py::test_the_findings_of_a_run_are_printed",
    "docs/how-to/any-program.md": "test_how_to.py::test_any_program_is_measured_with_its_own_figure_and_with_ranks",
    "docs/how-to/ci-gate.md": "test_how_to.py::test_both_revisions_are_measured_in_turns_and_judged",
    "docs/how-to/my-function.md": "test_how_to.py::test_a_function_is_measured_and_what_to_use_is_told",
    "docs/how-to/scaling-section.md": "test_how_to.py::test_a_scaling_section_has_its_runs_pictures_and_tables",
    "docs/how-to/two-machines.md": "test_how_to.py::test_two_machines_are_compared_by_their_files",
    "docs/simulation.md": "test_examples.py::test_a_round_is_simulated_from_a_run",
    "docs/tutorial.md": "test_tutorial.py::test_each_question_is_answered_by_its_command",
}
NOTEBOOKS = {"lecture.ipynb": "test_lecture.py"}
WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in sorted((ROOT / "scalebench").rglob("*.py"))
    if re.search(r"^ *>>> ", file.read_text(encoding="utf-8"), re.MULTILINE)
]


def examples(page):
    """What there is to run, one text each: commands, scripts, files."""
    for fence in fences(page):
        if fence.language in RUNNABLE:
            yield from fence.commands if fence.language == "sh" else [fence.code]


def sources():
    """Test functions of this folder, ``file::function`` -> their text."""
    for file in (ROOT / "tests" / "docs").glob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                yield f"{file.name}::{node.name}", ast.get_source_segment(text, node)


class TestEveryExample:
    @pytest.mark.parametrize("page", [page for page in PAGES if page not in FOLLOWED])
    def test_of_a_page_that_is_not_followed_is_in_the_list(self, page):
        """Else: have a test follow the page, or say in NOT_RUN of tests/pages.py what runs it, or why nothing does."""
        assert [one for one in examples(page) if not one.startswith(tuple(NOT_RUN.get(page, ())))] == []

    @pytest.mark.parametrize("page", FOLLOWED)
    def test_of_a_page_that_is_followed_is_typed_or_a_file_that_another_one_needs(self, page):
        (source,) = (text for name, text in sources() if name == FOLLOWED[page])
        assert ".follow()" in source
        assert page.rpartition("/")[2] in source
        for fence in fences(page):
            if fence.language in RUNNABLE and fence.title:
                stem = re.escape(fence.title.partition(".")[0])
                others = [one.code for one in fences(page) if one is not fence]
                assert any(re.search(rf"\b{stem}\b", code) for code in others), fence.title
            assert fence.language != "toml" or fence.title, fence.code

    @pytest.mark.parametrize(("page", "beginning"), [(page, one) for page, those in NOT_RUN.items() for one in those])
    def test_of_the_list_is_in_its_page(self, page, beginning):
        assert [one for one in examples(page) if one.startswith(beginning)]

    @pytest.mark.parametrize("page", PAGES)
    def test_says_its_language(self, page):
        """So that no command hides in a block that is only looked at."""
        text = (ROOT / page).read_text(encoding="utf-8")
        assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(fences(page))  # none is missed
        for fence in fences(page):
            if fence.language not in (*RUNNABLE, "yaml"):  # the workflow, which has tests of its own
                assert not re.search(r"^\W*(?:scalebench|python3?|pip|nox|pytest|mpiexec|srun) ", fence.code, re.MULTILINE), (
                    fence.code
                )

    def test_of_a_notebook_is_run(self):
        assert {path.name for path in (ROOT / "docs").rglob("*.ipynb")} == NOTEBOOKS.keys()
        for name, test in NOTEBOOKS.items():
            assert name in (ROOT / "tests" / "docs" / test).read_text(encoding="utf-8")


def test_the_examples_of_the_commands_help_are_what_these_commands_take():
    whole = cli.parser()
    given = list(examples("docs/reference/commands.md"))
    assert len(given) > 30
    for command in given:
        name, *arguments = shlex.split(command.partition(" >")[0], comments=True)
        assert name == "scalebench"
        assert whole.parse_args(arguments).main, command


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_docstring_give_what_they_show(module):
    """Those of docs/reference/api.md among them, which is written from them."""
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("page", ["docs/cluster.md", "docs/sixteen-cores.md"])
def test_a_study_that_a_page_shows_can_be_read(page, tmp_path):
    for number, fence in enumerate(one for one in fences(page) if one.language == "toml"):
        (tmp_path / f"{number}.toml").write_text(fence.code)
        assert read_study(tmp_path / f"{number}.toml")


def test_the_study_of_sixteen_cpus_is_that_of_its_run(tmp_path):
    (shown,) = (one.code for one in fences("docs/sixteen-cores.md") if one.language == "toml")
    (tmp_path / "study.toml").write_text(shown)
    read, measured = read_study(tmp_path / "study.toml"), load(ROOT / "results/reference/intel-xeon-16cpu").about["study"]
    assert read.name == measured["name"]
    assert json.loads(json.dumps(described(read)["suites"])) == measured["suites"]


@pytest.mark.long
def test_the_commands_of_the_readme_measure(tmp_path):
    """With fewer items, and up to two workers."""
    pytest.importorskip("mpi4py")
    (tmp_path / "pyproject.toml").write_text("[tool.scalebench]\nblocks = 1\nrounds = 1\n")
    Reader(tmp_path, "README.md", instead={"range(20000, 20050)": "range(2000, 2004)", "1..2x": "1,2"}).follow()
    (run,) = (load(path) for path in (tmp_path / "results").iterdir())
    assert set(run.rounds["status"]) == {"ok"}
    assert set(run.rounds["backend"]) == {"serial", "processes", "mpi"}


def test_the_findings_of_a_run_are_printed(tmp_path):
    measured = ROOT / "results/reference/intel-xeon-16cpu"
    shutil.copytree(measured, tmp_path / "results" / load(measured).about["run_id"])
    ((_, printed),) = Reader(tmp_path, "docs/findings/README.md").follow().items()
    assert re.search(r"^SB104 .* threads on 16 CPUs", printed, re.MULTILINE)


@pytest.mark.long
def test_a_round_is_simulated_from_a_run(tmp_path):
    """Measured with two workers, which is too few to simulate one; so that is done with a run that is there."""
    pytest.importorskip("mpi4py")
    many = ROOT / "results/reference/many-pools-intel-r-xeon-2cpu"
    printed = Reader(
        tmp_path, "docs/simulation.md",
        instead={"--profile dispatch": "--profile dispatch --workers 2 --blocks 1 --rounds 1", "predict latest": f"predict {many}", ",100000": ""},
    ).follow()  # fmt: skip
    assert "1024" in next(told for command, told in printed.items() if "--simulate" in command)


def test_the_python_example_of_the_how_to_measures_and_answers(tmp_path, monkeypatch):
    """As it stands, but with fewer items, workers, blocks and rounds; in the process that asks, as in a notebook."""
    monkeypatch.chdir(tmp_path)
    (example,) = (one.code for one in fences("docs/how-to/my-function.md") if one.language == "python" and "sb.run" in one.code)
    names = {"__name__": "__main__"}
    assert "range(1, 20)" in example
    assert '"1,x"' in example
    exec(example.replace("range(1, 20)", "range(3)").replace('"1,x"', '"1,2", blocks=2, rounds=1'), names)
    result = names["result"]
    assert isinstance(result, Result)
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["backend"]) == {"serial", "processes", "joblib"}
    for answer in (result.scaling(), result.efficiency(), result.rounds, result.tasks):
        assert isinstance(answer, pd.DataFrame)
    assert result.recommend()
