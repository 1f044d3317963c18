"""Pictures of the docs: each is there, small, and drawn by a script."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SCRIPTS = ["update_readme.py", "figures_of_tutorial.py", "update_screenshots.py"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def pictures(page):
    """The files that a page shows, each with its text alternative."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^!\[(.*)\]\(([^)]+)\)$", text, re.MULTILINE)
    beside = re.findall(r'^<img .*src="([^"]+)" alt="([^"]*)">$', text, re.MULTILINE)
    return [(page.parent / target, alternative) for alternative, target in [*found, *((alt, file) for file, alt in beside)]]


def test_every_picture_of_a_page_is_there_and_says_what_it_shows():
    shown = [one for page in PAGES for one in pictures(page)]
    assert len(shown) >= 5
    assert [str(file) for file, _ in shown if not file.is_file()] == []
    assert [str(file) for file, alternative in shown if len(alternative) < 20] == []


@pytest.mark.parametrize("file", sorted(IMAGES.iterdir()), ids=lambda one: one.name)
def test_a_picture_is_small_drawn_by_a_script_and_shown_in_a_page(file):
    assert file.stat().st_size < 300_000
    text = "".join((ROOT / "docs" / script).read_text(encoding="utf-8") for script in SCRIPTS)
    assert file.name in text or f'"{file.stem}"' in text
    assert file.resolve() in {shown.resolve() for page in PAGES for shown, _ in pictures(page)}


def test_the_picture_of_the_terminal_asks_for_no_font_and_names_no_place():
    text = (IMAGES / "report-terminal.svg").read_text(encoding="utf-8")
    assert "font-face" not in text
    assert re.findall(r"https?://(?!www\.w3\.org/|www\.textualize\.io)[^\s\"<]+", text) == []
    assert str(ROOT) not in text
