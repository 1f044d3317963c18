"""The pages of docs/reference/ say what the code says, and all of it."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
import update_reference
from markdown_of_code import prose

import scalebench
from scalebench import cli, errors
from scalebench.analysis import columns
from scalebench.backends import base
from scalebench.errors import ScalebenchError
from scalebench.results import schema
from scalebench.results.shapes import ANALYSIS_VERSION
from scalebench.study import Study

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
NAMES = ["api", "columns", "commands", "exit-statuses", "files", "modules", "study"]


@pytest.fixture(scope="module")
def written():
    """What each page should say, by its name."""
    return {path.stem: text for path, text in update_reference.pages().items()}


def page(name):
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(name, heading):
    """The text of a page below a heading, up to the next one of its rank."""
    return re.split(r"^## ", page(name).partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_as_the_code_writes_it(written, name):
    """Else: python docs/update_reference.py"""
    assert page(name) == written[name]


def test_there_is_no_page_that_no_code_writes(written):
    assert sorted(path.stem for path in REFERENCE.iterdir()) == sorted(written) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_table_lacks_its_meaning(name):
    rows, head = [], []
    for line in page(name).splitlines():
        if line.startswith("| "):
            cells = [one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]]
            head = head or cells
            assert len(cells) == len(head)
            rows.append(dict(zip(head, cells, strict=True)))
        else:
            head = []
    assert len(rows) > 5
    may_be_empty = {"default", "flag", "unit", "denominator", "range"}
    assert [row for row in rows for title, cell in row.items() if not cell and title not in may_be_empty] == []


def test_the_commands_that_are_said_to_read_files_of_other_tools_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = section("files", "Files of other tools").partition(" read the JSON")[0]
    one, other = (str(ROOT / "tests" / "data" / name) for name in ("pyperf_2_0_1_py36.json", "pyperf_2_0_1_py37.json"))
    for command in re.findall(r"`(?:scalebench )?(\w+)`", said):
        assert cli.main([command, *{"compare": [one, other], "export": [one, "-o", "rows.csv"]}.get(command, [one])]) == cli.OK
        assert "no runs in" not in capsys.readouterr().out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_option_of_a_command_is_in_its_section(command):
    said = section("commands", f"scalebench {command}")
    parser = cli.command_parsers(cli.parser())[command]
    flags = {flag for one in parser._actions for flag in one.option_strings if one.dest != "help"}
    assert {flag for flag in flags if not re.search(rf"`{flag}[ `]", said)} == set()
    assert parser.description.strip().splitlines()[0] in said.replace("`", "")


def test_every_study_key_is_there_with_its_type_and_default():
    rows = {line.split("`")[1]: line for line in page("study").splitlines() if line.startswith("| `")}
    assert {one.name for one in fields(Study)} <= set(rows)
    assert "| number, text |" in rows["precision"]
    assert "`'1..2x'`" in rows["workers"]


@pytest.mark.parametrize(
    ("heading", "those"),
    [
        ("rounds.parquet", schema.ROUNDS),
        ("tasks.parquet", schema.TASKS),
        ("Result.scaling()", columns.SCALING),
        ("Result.efficiency()", columns.EFFICIENCY[len(columns.SCALING) :]),
        ("Result.granularity()", (*columns.GRANULARITY, *columns.GRANULARITY_CASES)),
        ("Recommendation.cases", columns.RECOMMENDED),
        ("scalebench compare --json", columns.COMPARE),
    ],
)
def test_every_column_of_a_table_is_in_its_section(heading, those):
    said = section("columns", heading)
    figures = {re.sub("_(low|high)$", "", one.name) for one in those}
    assert {name for name in figures if f"`{name}`" not in said} == set()


def public(of):
    """What can be asked of a class, by its name: what it promises."""
    usual = {*dir(object), *dir(Exception)}
    return {name for name in {*dir(of), *inspect.get_annotations(of)} - usual if not name.startswith("_")}


def named(text):
    """The names at the beginning of lines of tables, and in headings of methods."""
    return set(re.findall(r"^(?:\| `|### Result\.)(\w+)", text, re.MULTILINE))


class TestWhatIsPublic:
    def test_is_what_has_a_section(self):
        headings = set(re.findall(r"^## scalebench\.(\w+)$", page("api"), re.MULTILINE))
        assert headings == set(scalebench.__all__)

    def test_of_a_study_are_its_keys(self):
        assert public(Study) == {one.name for one in fields(Study)}
        assert public(Study) <= named(page("study"))

    @pytest.mark.parametrize("name", ["Workload", "Result"])
    def test_of_a_class_is_what_its_section_lists(self, name):
        said = re.sub(r"^\| of each .*?\n\n", "", section("api", f"scalebench.{name}"), flags=re.DOTALL | re.MULTILINE)
        assert public(getattr(scalebench, name)) == named(said)

    def test_of_errors_are_all_of_their_tree(self):
        raised = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, ScalebenchError)}
        assert raised == set(errors.__all__) == named(section("api", "Errors"))
        assert raised == set(re.findall(r"\w+Error\b", section("api", "Errors").partition("```")[2].partition("```")[0]))
        for name in raised:
            assert {one for one in public(getattr(errors, name)) if f"`{one}`" not in section("api", "Errors")} == set()

    def test_of_backends_is_what_the_contract_has(self):
        parts = section("api", "scalebench.backends.base").split("\n### ")[1:]
        said = {part.partition("\n")[0]: named(part) for part in parts}
        assert list(said) == base.__all__
        for name in ("Backend", "Pool", "Job"):
            assert public(getattr(base, name)) == said[name]
        assert public(base.PlainProcess) == said["Backend"] - {"name", "summary", "axes", "open"}
        assert "`brief`" in section("api", "scalebench.backends.base")

    def test_under_pytest_is_what_the_plugin_adds(self):
        said = section("api", "Under pytest")
        assert re.findall(r"^\| `([^` (]+)", said, re.MULTILINE) == [
            "@pytest.mark.scalebench", "--scalebench-profile", "--scalebench-results", "scalebench"]  # fmt: skip


def test_a_signature_reads_as_it_is_written():
    def call(first: "int | None", *, second: Path = Path("x")) -> "list[Study]": ...

    assert update_reference.signature("call", call).startswith("call(first: int | None, *, second: Path = ")
    assert update_reference.signature("call", call).endswith(" -> list[Study]")


def test_every_exit_status_is_there():
    assert set(cli.EXIT_STATUSES) == {
        cli.OK,
        cli.GATE_FAILED,
        cli.WRONG_USE,
        cli.CASES_FAILED,
        cli.CUT_SHORT,
        cli.INTERRUPTED,
    }
    assert [status for status in cli.EXIT_STATUSES if f"\n| {status} | " not in page("exit-statuses")] == []


def test_the_history_of_the_schema_ends_with_its_version():
    told = [int(version) for version, _ in update_reference.versions()]
    assert told == list(range(1, schema.SCHEMA_VERSION + 1))


def test_plain_words_become_markdown_that_shows_them():
    assert prose("see 'scalebench backends' or --json: a [b] <c>, don't") == (
        "see `scalebench backends` or `--json`: a \\[b] &lt;c&gt;, don't"
    )


def test_pages_and_the_change_log_tell_the_version_of_the_schema_that_there_is():
    log, json_page = ((ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "docs/json.md"))
    assert set(re.findall(r"schema version (\d+)", log)) == {str(schema.SCHEMA_VERSION)}
    assert re.findall(r'"schema_version": (\d+)', json_page) == [str(schema.SCHEMA_VERSION)]
    assert f"version {ANALYSIS_VERSION} of an analysis" in log
    assert re.findall(r'"analysis_version": (\d+)', json_page) == [str(ANALYSIS_VERSION)]
