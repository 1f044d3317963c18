"""The docs as a site: nothing leads nowhere, nothing is asked of another host, and nothing is wider than a telephone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browsers import needs_browser

ROOT = Path(__file__).parents[2]
NAV = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
BROKEN = """# Broken

[no page](nowhere.md), [no heading](methodology.md#nowhere), [no file](../nowhere.py), ![no picture](images/nowhere.svg)
"""


def test_every_page_is_in_the_navigation_once():
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(re.findall(r"(\S+\.md)$", NAV, re.MULTILINE)) == sorted([*pages, "lecture.md"])


def build(config, site):
    """What mkdocs says, and its exit status."""
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(site)]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False)
    return told.returncode, told.stdout + told.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("site")
    assert build(ROOT / "mkdocs.yml", folder)[0] == 0
    return folder


@pytest.fixture(scope="module")
def narrow(browser):
    """A page as wide as a telephone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


@pytest.mark.long  # it builds the site with what is wrong
def test_a_link_to_nothing_and_a_page_that_no_navigation_names_fail_the_build(tmp_path):
    for one in ROOT.iterdir():
        if one.name not in ("docs", "mkdocs.yml", "site"):
            (tmp_path / one.name).symlink_to(one)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "docs" / "broken.md").write_text(BROKEN)
    status, said = build(tmp_path / "mkdocs.yml", tmp_path / "built")
    assert status != 0
    warnings = [line for line in said.splitlines() if line.startswith("WARNING")]
    for link in ("nowhere.md", "methodology.md#nowhere", "../nowhere.py", "images/nowhere.svg"):
        assert [line for line in warnings if "broken.md" in line and f"'{link}'" in line], (link, warnings)
    assert "not included in the" in said
    assert said.count("broken.md") > 4  # in the list of those, too


@pytest.mark.long  # it looks at every page in a browser
@needs_browser
def test_a_page_asks_for_files_only_says_nothing_on_the_console_and_is_no_wider_than_a_telephone(site, narrow):
    asked, said, wide = [], [], []
    narrow.on("request", lambda one: asked.append(one.url))
    narrow.on("console", lambda one: said.append(one.text))
    narrow.on("pageerror", lambda one: said.append(str(one)))
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        narrow.goto(page.as_uri())
        if (width := narrow.evaluate("document.documentElement.scrollWidth")) > 390:
            wide.append((page.name, width))
    assert [url for url in asked if not url.startswith(("file://", "data:", "about:"))] == []
    assert said == []
    assert wide == []


@pytest.mark.long  # it needs the site
@needs_browser
def test_search_finds_a_page_without_a_server(site, narrow):
    narrow.goto((site / "index.html").as_uri())
    narrow.locator("label.md-header__button[for=__search]").click()
    narrow.locator("input.md-search__input").press_sequentially("oversubscribed")
    narrow.wait_for_selector(".md-search-result__link")
    links = narrow.locator(".md-search-result__link").evaluate_all("those => those.map(one => one.href)")
    assert any(link.partition("?")[0].endswith("findings/SB104.html") for link in links)


@pytest.mark.long  # it needs the site
def test_what_is_no_page_of_the_docs_is_in_the_site_and_diagrams_are_drawn(site):
    assert "Set up" in (site / "repository" / "CONTRIBUTING.html").read_text(encoding="utf-8")
    assert 'href="lecture.ipynb"' in (site / "lecture.html").read_text(encoding="utf-8")
    assert (site / "lecture.ipynb").is_file()
    architecture = (site / "architecture.html").read_text(encoding="utf-8")
    assert "flowchart LR" not in architecture
    assert architecture.count('<div class="diagram"><svg') >= 2
