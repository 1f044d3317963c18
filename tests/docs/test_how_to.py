"""The how-to pages: what they say is done, in a folder of its own, with fewer blocks, rounds and items."""

import inspect
import json
import os
import re
import subprocess
import tomllib

import pytest
import yaml
from pages import ROOT, Reader, fences

from scalebench import load
from scalebench.backends import base
from scalebench.cli import COMMANDS
from scalebench.results.schema import SCHEMA_VERSION
from scalebench.study_file import read_study

HOW_TO = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "how-to").glob("*.md"))
#: of the nearest pyproject.toml: what commands and studies of a page don't say themselves
LESS = "[tool.scalebench]\nblocks = 1\nrounds = 1\n"


@pytest.fixture
def reader(tmp_path):
    """A reader of a page, in an empty folder but for the project's defaults."""

    def open_page(page, **changes):
        (tmp_path / "pyproject.toml").write_text(LESS)
        return Reader(tmp_path, f"docs/how-to/{page}", **changes)

    return open_page


def runs(folder):
    """In the order in which they were measured."""
    return [load(path) for path in sorted((folder / "results").iterdir())]


def all_went_well(folder):
    return {status for one in runs(folder) for status in one.rounds["status"]} == {"ok"}


class TestEachPage:
    @pytest.mark.parametrize("page", HOW_TO)
    def test_has_only_commands_that_there_are(self, page):
        for command in (one for fence in fences(page) if fence.language == "sh" for one in fence.commands):
            if command.startswith("scalebench "):
                assert command.split()[1] in COMMANDS, command

    @pytest.mark.parametrize("page", HOW_TO)
    def test_has_studies_that_can_be_read(self, page, tmp_path):
        for fence in fences(page):
            if fence.language == "toml" and fence.title != "pyproject.toml":
                (tmp_path / fence.title).write_text(fence.code)
                assert read_study(tmp_path / fence.title)

    @pytest.mark.parametrize("page", HOW_TO)
    def test_has_python_that_compiles(self, page):
        for fence in fences(page):
            if fence.language == "python":
                assert compile(fence.code, f"{page}: {fence.title}", "exec")


@pytest.mark.long
def test_a_function_is_measured_and_what_to_use_is_told(reader, tmp_path):
    printed = reader(
        "my-function.md",
        instead={
            "range(1000, 9000, 400)": "range(1000, 2000, 400)", "1..2x": "1,2", "range(1, 20)": "range(1, 4)", "--budget 2m": "--blocks 1",
        },
    ).follow()  # fmt: skip
    assert all_went_well(tmp_path)
    by_name = {one.about["study"]["workload"]: one.rounds for one in runs(tmp_path)}
    assert by_name.keys() >= {"primes:primes_below", "work:simulate", "model:predictions"}
    assert set(by_name["model:predictions"]["answers"]) == {"same"}
    assert "launches, about" in next(told for command, told in printed.items() if command.endswith("--dry-run"))
    assert "Next:" in printed["scalebench recommend"]


@pytest.mark.long
def test_any_program_is_measured_with_its_own_figure_and_with_ranks(reader, tmp_path):
    pytest.importorskip("mpi4py")
    reader("any-program.md", instead={"2000000": "200000", "blocks = 5": "blocks = 1"}).follow()
    assert all_went_well(tmp_path)
    with_figure = [one.rounds for one in runs(tmp_path) if one.about["study"]["figure_of_merit"]]
    solver, ranks = with_figure
    assert solver["figure_of_merit"].gt(0).all()
    assert (ranks["figure_of_merit"] == ranks["workers"]).all()


@pytest.mark.long
def test_two_machines_are_compared_by_their_files(reader, tmp_path):
    page = reader("two-machines.md", instead={"blocks = 5": "blocks = 1", "tasks = 24": "tasks = 4"})
    printed = page.follow()
    assert "Verdicts, cases" in printed["scalebench compare laptop.json server.json"]
    assert "B against A: strong scaling of crunch" in printed["scalebench compare laptop.json server.json"]
    assert "Verdicts, cases" in printed["scalebench compare laptop server"]
    assert (tmp_path / "both.html").stat().st_size > 0
    assert not re.search(r"\"/", (tmp_path / "laptop" / "1.json").read_text()[:20_000])


class TestTheGate:
    """Its workflow is read as GitHub reads it; its commands run in a repository with two commits."""

    @pytest.fixture
    def repository(self, tmp_path):
        """Two commits that differ in a comment, so that no answer does."""
        git = ["git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-C", str(tmp_path)]
        subprocess.run([*git, "init", "-q"], check=True)
        for text in ("", "# a comment\n"):
            (tmp_path / "simulate.py").write_text(text + fence_called("ci-gate.md", "simulate.py"))
            subprocess.run([*git, "add", "-A"], check=True)
            subprocess.run([*git, "commit", "-qm", "One more"], check=True)
        return tmp_path

    @pytest.mark.long
    def test_both_revisions_are_measured_in_turns_and_judged(self, reader, repository):
        """Whether it passes is up to the machine of the day: the page's gate may fail, and says so."""
        printed = reader(
            "ci-gate.md",
            instead={"--blocks 10": "--blocks 3", "blocks=3, rounds=3": "blocks=1, rounds=1"},
            statuses={"--fail-on": {0, 1}},
        ).follow()
        assert "base (baseline)" in next(told for command, told in printed.items() if "--fail-on" in command)
        first = runs(repository)[0]
        assert set(first.rounds["status"]) == {"ok"}
        assert set(first.rounds["variant"]) == {"base", "head"}
        assert "drift not excluded" in printed["scalebench compare before.json after.json"]
        assert "passed" in printed["pytest test_scaling.py -q"]

    @pytest.mark.long
    def test_the_workflow_does_what_its_steps_say(self, repository, tmp_path):
        workflow = yaml.safe_load(fence_called("ci-gate.md", ".github/workflows/performance.yml"))
        summary = tmp_path / "summary.md"
        page = Reader(repository, "docs/how-to/ci-gate.md", environment={"GITHUB_STEP_SUMMARY": str(summary)})
        page.statuses = {"--fail-on": {0, 1}}
        (install, *steps) = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step]
        assert install.startswith("python -m pip install ./scalebench-")  # is not done here: it is installed
        for step in steps:
            page.type(step.replace("--blocks 30", "--blocks 2"))
        assert "base (baseline)" in summary.read_text()
        assert set(runs(repository)[0].rounds["status"]) == {"ok"}

    def test_the_workflow_has_what_github_asks_of_one(self):
        workflow = yaml.safe_load(fence_called("ci-gate.md", ".github/workflows/performance.yml"))
        assert {"name", True, "jobs"} <= workflow.keys()  # YAML 1.1 reads the key "on" as true
        for job in workflow["jobs"].values():
            assert {"runs-on", "steps"} <= job.keys()
            assert all(("run" in step) != ("uses" in step) for step in job["steps"])


def fence_called(page, title):
    (code,) = (one.code for one in fences(f"docs/how-to/{page}") if one.title == title)
    return code


class TestTheBackendOfThePage:
    @pytest.fixture
    def installed(self, tmp_path, monkeypatch):
        """Its package as an installer leaves it: the module in the path, its entry points beside it."""
        for title in ("scalebench_threadpool.py", "pyproject.toml"):
            (tmp_path / title).write_text(fence_called("add-a-backend.md", title))
        project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
        told = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
        (told / "entry_points.txt").write_text(
            "".join(f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
                    for group, points in project["entry-points"].items())
        )  # fmt: skip
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        return Reader(tmp_path, "docs/how-to/add-a-backend.md", environment={"PYTHONPATH": path})

    def test_is_among_those_that_work_here_as_the_page_shows_it(self, installed):
        (shown,) = (one.code for one in fences("docs/how-to/add-a-backend.md") if one.language == "text")
        installed.type("scalebench backends")
        assert shown.strip() in installed.printed["scalebench backends"]

    @pytest.mark.long
    def test_is_measured(self, installed, tmp_path):
        (tmp_path / "pyproject.toml").write_text(LESS)
        installed.instead = {}
        installed.type("scalebench run --backend thread-pool --workers 1,2")
        (run,) = runs(tmp_path)
        assert set(run.rounds["status"]) == {"ok"}
        assert set(run.rounds["backend"]) == {"serial", "thread-pool"}

    @pytest.mark.long
    def test_passes_the_conformance_suite(self, installed):
        installed.folder = ROOT
        installed.type("pytest tests/conformance -k thread-pool -q -p no:cacheprovider")
        (told,) = installed.printed.values()
        assert int(re.search(r"(\d+) passed", told)[1]) > 20

    @pytest.mark.parametrize(("heading", "contract"), [("What the class says", base.Backend), ("What the pool does", base.Pool)])
    def test_a_table_names_each_member_of_the_contract_and_what_plain_process_says_of_it(self, heading, contract):
        text = (ROOT / "docs/how-to/add-a-backend.md").read_text(encoding="utf-8")
        part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in part.splitlines() if line.startswith("| `")]
        rows = {name: cells for cells in lines for name in re.findall(r"`(\w+)", cells[0])}
        members = {name for name in {*inspect.get_annotations(contract), *vars(contract)} if not name.startswith("_")}
        assert rows.keys() == members
        said = {name: cells[2].strip(" `") for name, cells in rows.items() if len(cells) > 2 and cells[2].strip()}
        plain = {name: getattr(base.PlainProcess, name) for name in members if hasattr(base.PlainProcess, name)}
        usual = {"ranks": (1, {}), "host_arguments": ({},)}
        told = {name: repr(one(*usual.get(name, ())) if callable(one) else one) for name, one in plain.items()}
        assert said == told

    def test_all_that_a_backend_may_import_is_on_the_page(self):
        text = (ROOT / "docs/how-to/add-a-backend.md").read_text(encoding="utf-8")
        assert [name for name in base.__all__ if not re.search(rf"\b{name}\b", text)] == []
        imported = set(re.findall(r"^from (scalebench\S*) import", text, re.MULTILINE))
        assert imported == {"scalebench.backends.base"}


@pytest.mark.long
def test_a_scaling_section_has_its_runs_pictures_and_tables(reader, tmp_path):
    reader(
        "scaling-section.md",
        instead={
            'workers = "1,2,3,4"': 'workers = "1,2"',
            "blocks = 8": "blocks = 3",
            "range(48)": "range(6)",
            "range(12)": "range(3)",
        },
    ).follow()
    assert all_went_well(tmp_path)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"speedup-strong-1.svg", "efficiency-strong-1.svg", "speedup-weak-1.svg", "efficiency-weak-1.svg"} <= names
    assert r"\begin{tabular}" in (tmp_path / "tables.tex").read_text()
    assert json.loads((tmp_path / "scaling.json").read_text())["schema_version"] == SCHEMA_VERSION
