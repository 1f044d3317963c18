"""The page in a real browser, from a file: what is drawn, what is asked for, what can be used, and what can't run."""

from pathlib import Path

import pytest
from browsers import needs_browser
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.charts import charts
from scalebench.report.charts.base import MARKS
from scalebench.report.html.page import to_html
from scalebench.results.load import load

REFERENCE = Path(__file__).parents[3] / "results" / "reference" / "amd-epyc-2cpu"
pytestmark = needs_browser
HOSTILE = "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>\"'&{{7*7}}"


class Opened:
    """A page, what its console said, and what it asked for."""

    def __init__(self, browser, path, **context):
        self.page = browser.new_context(**context).new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda one: self.said.append(one.text))
        self.page.on("pageerror", lambda one: self.said.append(str(one)))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.refused = []
        self.page.on("requestfailed", lambda one: self.refused.append(f"{one.url} {one.failure}"))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn]", timeout=30_000, state="attached")


@pytest.fixture
def open_page(browser, tmp_path):
    opened = []

    def call(result, **context):
        path = tmp_path / "report.html"
        path.write_text(to_html(result), encoding="utf-8")
        opened.append(Opened(browser, path, **context))
        return opened[-1]

    yield call
    for one in opened:
        one.page.context.close()


@pytest.fixture(scope="module")
def reference(browser, tmp_path_factory):
    """The page of the committed reference run."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    result = load(REFERENCE)
    path.write_text(to_html(result), encoding="utf-8")
    found = Opened(browser, path, viewport={"width": 1280, "height": 900})
    yield found, path, result
    found.page.context.close()


@pytest.mark.long
class TestThePageOfTheReferenceRun:
    def test_is_one_file_under_3_mb(self, reference):
        assert reference[1].stat().st_size < 3_000_000

    def test_draws_every_chart_with_all_its_marks(self, reference):
        opened, _, result = reference
        wanted = {chart.name: chart.marks for chart in charts(result)}
        drawn = opened.page.evaluate(
            f"""() => Object.fromEntries(Array.from(document.querySelectorAll(".picture"), (one) => [
                one.closest("figure").id.replace("chart-", ""),
                Array.from(one.querySelectorAll("svg .{MARKS}")).reduce((sum, group) => sum + group.children.length, 0)]))"""
        )
        assert len(wanted) >= 8
        assert drawn == wanted
        assert min(wanted.values()) > 0
        assert opened.page.locator(".picture.failed").count() == 0

    def test_says_nothing_on_the_console_and_asks_for_nothing(self, reference):
        opened, path, _ = reference
        assert opened.said == []
        assert opened.asked == [path.as_uri()]

    def test_has_a_text_alternative_and_the_data_beside_each_chart(self, reference):
        page = reference[0].page
        figures = page.locator("figure.chart")
        for index in range(figures.count()):
            figure = figures.nth(index)
            assert len(figure.locator(".picture").get_attribute("aria-label") or "") > 20
            assert figure.locator("details table tbody tr").count() > 0

    @pytest.mark.parametrize("width", [1280, 390])
    def test_is_never_wider_than_the_screen(self, reference, width):
        page = reference[0].page
        page.set_viewport_size({"width": width, "height": 900})
        try:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        finally:
            page.set_viewport_size({"width": 1280, "height": 900})

    def test_sorts_a_table_by_the_keyboard_and_filters_it(self, reference):
        page = reference[0].page
        block = page.locator("#scaling [data-table]", has=page.locator(".filter:not([hidden])")).last
        rows = block.locator("tbody tr:not([hidden])")
        before = rows.count()
        block.get_by_role("searchbox").fill("mpi-pool")
        kept = rows.count()
        assert 0 < kept < before
        assert all("mpi-pool" in text for text in rows.all_inner_texts())
        assert f"{kept} of {before} rows" in block.locator("output").inner_text()
        block.get_by_role("searchbox").fill("")
        assert rows.count() == before
        heading = block.locator("thead th", has_text="efficiency").first
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == "ascending"
        column = heading.evaluate("one => one.cellIndex")
        values = [
            float(text.split()[0].lstrip("~")) for text in block.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()
        ]
        assert values == sorted(values)
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == "descending"

    def test_picks_the_case_of_the_time_line(self, reference):
        page = reference[0].page
        figure = page.locator("#timeline figure.chart").first
        picker = figure.locator("select")
        shown = figure.locator(f"svg .{MARKS}").first.inner_html()
        options = picker.locator("option").count()
        assert options > 10
        picker.select_option(index=options - 1)
        page.wait_for_timeout(300)
        assert figure.locator(f"svg .{MARKS}").first.inner_html() != shown

    def test_can_be_reached_by_the_keyboard(self, reference):
        page = reference[0].page
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        page.keyboard.press("Tab")
        seen = set()
        for _ in range(400):
            seen.add(page.evaluate("document.activeElement.tagName + ' ' + (document.activeElement.type || '')"))
            page.keyboard.press("Tab")
        assert {"BUTTON button", "INPUT search", "SUMMARY ", "SELECT select-one"} <= {one if one.strip() else "" for one in seen}


def luminance(color):
    parts = [int(one) / 255 for one in color.removeprefix("rgba").removeprefix("rgb").strip("()").split(",")[:3]]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("scheme", "media"), [("light", "screen"), ("dark", "screen"), ("light", "print"), ("dark", "print")])
def test_text_is_readable_in_light_in_dark_and_in_print(open_page, scheme, media):
    """WCAG 2.1, 1.4.3: a contrast of 4.5 to 1, of the page's text and of a chart's."""
    page = open_page(make_result(make_rounds(*sweep_rows())), color_scheme=scheme).page
    page.emulate_media(media=media, color_scheme=scheme)
    text, background = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor]"
    )
    if background == "rgba(0, 0, 0, 0)":
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    if background == "rgba(0, 0, 0, 0)":
        background = "rgb(255, 255, 255)"
    label = page.evaluate("getComputedStyle(document.querySelector('.picture svg text')).fill")
    for color in (text, label):
        low, high = sorted((luminance(color), luminance(background)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (color, background)


def test_names_from_a_results_file_are_text_and_never_run(open_page):
    rows = sweep_rows(workload=HOSTILE, kind=None, size=None, study=HOSTILE, suite=HOSTILE, variant=HOSTILE, machine_id=HOSTILE)
    result = make_result(
        make_rounds(*rows), study={"name": HOSTILE, "workload": HOSTILE}, machine={"machine_id": HOSTILE, "cpu": HOSTILE},
        findings=[{"code": HOSTILE, "text": HOSTILE}],
    )  # fmt: skip
    opened = open_page(result)
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("window.ran") is None
    assert opened.page.locator("img").count() == 0
    assert HOSTILE in opened.page.locator("h1").inner_text()
    assert opened.said == []
    assert len(opened.asked) == 1


def test_the_policy_lets_nothing_else_run_or_be_fetched(open_page):
    opened = open_page(make_result(make_rounds(*sweep_rows())))
    policy = opened.page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    opened.page.evaluate("""() => {
        const script = document.createElement("script"); script.textContent = "window.ran = 1"; document.body.append(script);
        const link = document.createElement("a"); link.setAttribute("onclick", "window.ran = 1"); document.body.append(link); link.click();
        const image = document.createElement("img"); image.src = "https://example.org/a.png"; document.body.append(image);
    }""")
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("window.ran") is None
    assert len([one for one in opened.said if "Content Security Policy" in one]) >= 3
    assert opened.refused == ["https://example.org/a.png csp"]


def test_what_a_finding_means_is_read_on_the_page_and_what_went_wrong_on_a_narrow_one(open_page):
    rows = [{**row, "status": "failed", "message": "the reason, " * 20} for row in sweep_rows()]
    opened = open_page(make_result(make_rounds(*rows), findings=[{"code": "SB104", "text": "4 threads on 2 CPUs"}]))
    page = opened.page
    page.set_viewport_size({"width": 390, "height": 900})
    page.locator(".doubts details.page summary").click()
    assert page.get_by_role("heading", name="What to do").is_visible()
    assert "their product at most the CPU budget" in page.locator(".doubts").inner_text()
    cells = page.locator("table.told tbody td:last-child")
    assert cells.count() > 0
    for cell in cells.all():
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert (len(opened.asked), opened.said) == (1, [])


def test_a_run_with_no_successful_case_says_so(open_page):
    rows = [{**row, "status": "failed"} for row in sweep_rows()]
    opened = open_page(make_result(make_rounds(*rows)))
    assert opened.said == []
    assert opened.page.locator(".picture").count() == 0
    assert "failed" in opened.page.locator("main").inner_text()


@pytest.mark.long
def test_several_runs_are_compared(open_page):
    first, second = (
        make_rounds(*sweep_rows()),
        make_rounds(*sweep_rows(), run_id="20260201T120000-abcdef", machine_id="other-2cpu-111111"),
    )
    second["wall_s"] *= 1.25
    import pandas as pd

    opened = open_page(make_result(pd.concat([first, second], ignore_index=True)))
    assert opened.said == []
    assert opened.page.locator("#comparison").count() == 1
    assert opened.page.locator("h1").inner_text() == "2 runs"
