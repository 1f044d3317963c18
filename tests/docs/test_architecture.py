"""docs/architecture.md is of the code as it is: its rooms, interfaces, contracts and dependencies are all there, and no others."""

import re
import tomllib

import pytest
from pages import ROOT

import scalebench
from scalebench.backends import registry as backends
from scalebench.launchers import registry as launchers
from scalebench.report import INSTALL

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WEIGHED = (ROOT / "results" / "reference" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COUNTS = {"five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


def section(heading):
    """The text below a heading of the page, up to the next one of its rank."""
    return re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def cells(text, column):
    """Of the rows of its tables, without the heads."""
    rows = [[one.strip() for one in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return [row[column] for row in rows if row[0] not in ("contract", "name", "package", "request")]


def tree():
    """Top of a tree -> what its lines name, without what they say of it."""
    found, top = {}, ""
    for line in re.findall(r"^```\n(.*?)^```$", section("The rooms"), re.MULTILINE | re.DOTALL)[0].splitlines():
        if not line.startswith(" "):
            top, _, line = line.partition(" ")
        found.setdefault(top, [])
        if not line.startswith("   "):
            found[top] += re.split(r" {2,}", line.strip(), maxsplit=1)[0].split() if line.startswith("  ") else []
    return found


def test_every_room_is_in_the_tree_once():
    package = ROOT / "scalebench"
    folders = [one for one in package.rglob("*") if one.is_dir() and one.name != "__pycache__"]
    rooms = [f"{one.relative_to(package).as_posix()}/" for one in folders]
    rooms += [one.stem for one in package.glob("*.py") if one.stem != "__init__"]
    assert sorted(tree()["scalebench/"]) == sorted(rooms)


def test_every_folder_of_measurements_is_in_the_tree_once():
    folders = [f"{one.name}/" for one in (ROOT / "benchmarks").iterdir() if one.is_dir() and one.name != "__pycache__"]
    assert sorted(tree()["benchmarks/"]) == sorted(folders)


def test_the_contracts_are_those_of_the_import_linter():
    names = [one["name"].partition(":")[0].partition(";")[0] for one in PROJECT["tool"]["importlinter"]["contracts"]]
    assert cells(section("The rooms"), 0) == names


@pytest.mark.parametrize(("heading", "built_in"), [("The backends", backends.BUILT_IN), ("The launchers", launchers.BUILT_IN)])
def test_every_interface_and_launcher_has_its_row(heading, built_in):
    assert sorted(cells(section(heading), 0)) == sorted(f"`{name}`" for name in built_in)


def test_every_dependency_has_its_row_with_the_licence_and_size_that_were_found():
    asked = [
        *PROJECT["project"]["dependencies"],
        *(text for those in PROJECT["project"]["optional-dependencies"].values() for text in those),
    ]
    names = {re.match(r"[\w-]+", text)[0] for text in asked} - {"scalebench"}
    said = section("Dependencies")
    told = {name.partition(" ")[0]: row for name, *row in zip(*(cells(said, column) for column in (0, 3, 4)), strict=True)}
    found = {
        row[0]: [row[1].partition(" AND ")[0], row[2]]
        for row in zip(*(cells(WEIGHED, column) for column in (0, 3, 4)), strict=True)
    }
    assert told == found
    assert set(told) == names


def test_contributing_tells_how_many_sessions_nox_alone_runs():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sessions = re.search(r"nox\.options\.sessions = \[(.*?)\]", (ROOT / "noxfile.py").read_text(encoding="utf-8"))
    asked = re.findall(r'"([\w-]+)"', sessions[1])
    count = COUNTS[re.search(r"`nox` alone runs the first (\w+)", text)[1]]
    assert sorted(re.findall(r"^nox -s ([\w-]+)", text, re.MULTILINE)[:count]) == sorted(asked)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_what_all_brings_and_weighs_is_told_where_it_is_installed(page):
    """The table is without bytecode, which is a fifth more."""
    text = (ROOT / page).read_text(encoding="utf-8")
    extras = PROJECT["project"]["optional-dependencies"]
    left_out = extras.keys() - {"all"} - set(re.search(r"\[(.*)\]", extras["all"][0])[1].split(","))
    assert left_out == {"ray"}
    assert "every interface but ray" in text
    assert "'.[all,ray]'" in text
    rows = [
        line.split("|")
        for line in WEIGHED.splitlines()
        if re.match(r"\| [a-z]", line) and not line.startswith(("| package", "| ray"))
    ]
    mib = sum(float(cell) for row in rows for cell in (row[5], row[7]) if cell.strip())
    (told,) = re.findall(r"(\d+) MiB, (?:every|with|bytecode)", text)
    assert 1.1 <= int(told) / mib <= 1.3


def test_what_a_report_says_is_to_be_installed_is_the_extra_for_it():
    extra = [re.split(r"[<>=]", one)[0] for one in PROJECT["project"]["optional-dependencies"]["report"]]
    assert INSTALL.split()[4:] == extra


def test_the_version_that_is_cited_and_the_newest_of_the_changelog_are_that_of_the_package():
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)[1]
    newest = re.search(r"^## \[(\d.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert cited == newest == scalebench.__version__
