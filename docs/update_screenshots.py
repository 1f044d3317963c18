"""Draw the screenshots of the docs from the committed reference run: ``python docs/update_screenshots.py``.

The page of the report in Debian's chromium, light, dark and narrow; the report of the terminal as SVG, by rich. Pictures of another
browser or other fonts differ in their pixels, so no test compares those: one looks whether each picture that a page shows is drawn here.
"""

import io
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from scalebench import Result, load
from scalebench.report.html.page import to_html
from scalebench.report.terminal import print_report

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
REFERENCE = ROOT / "results" / "reference" / "amd-epyc-2cpu"
#: file -> width, height, colour scheme, and what of the page stands at the top
PAGES = {
    "report-light.png": (1280, 900, "light", "body"),
    "report-dark.png": (1280, 900, "dark", "#chart-speedup-strong-1"),
    "report-narrow.png": (390, 844, "light", "#chart-speedup-strong-1"),
}
TERMINAL = "report-terminal.svg"
SUITE = "blas"  #: that the terminal shows


def pages(result: Result) -> None:
    """The HTML report as a reader sees it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        report.write_text(to_html(result), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (width, height, scheme, top) in PAGES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(report.as_uri())
            page.wait_for_selector("html[data-drawn]", state="attached")
            page.locator(top).first.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 16)")
            page.screenshot(path=IMAGES / name)
        browser.close()


def terminal(result: Result) -> str:
    """One suite of the report as the terminal shows it; no font is asked for from elsewhere."""
    rows = result.rounds[result.rounds["suite"] == SUITE]
    console = Console(record=True, width=104, force_terminal=True, highlight=False, file=io.StringIO())
    path = REFERENCE.relative_to(ROOT)  # the last line names it twice, and is cut off at the width
    print_report(replace(result, rounds=rows, about={**result.about, "findings": []}, path=path), console)
    drawn = console.export_svg(title="scalebench report", theme=MONOKAI, unique_id="report")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    reference = load(REFERENCE)
    (IMAGES / TERMINAL).write_text(terminal(reference), encoding="utf-8")
    pages(reference)
