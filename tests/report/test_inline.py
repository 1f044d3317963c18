"""What a notebook shows of a result: tables, charts where they can be drawn, and no text that runs."""

import base64
import re
import sys
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace

import factories
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.report import inline
from scalebench.report.overview import MOST_RUNS
from scalebench.report.tables import Table

_TAGS = {"div", "style", "p", "b", "br", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary",
         "img"}  # fmt: skip
SCRIPT = "<script>alert('x')</script>"


class Seen(HTMLParser):
    """The tags and attributes of a text, and what it says."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.alternatives = set(), set(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.alternatives += [value for name, value in attrs if name == "alt"]

    def handle_data(self, data):
        self.texts.append(data)


def result(**common):
    return factories.make_result(factories.make_rounds(*factories.sweep_rows(**common)))


@pytest.fixture
def charts(monkeypatch):
    """A chart that can be drawn, whose words are hostile."""
    drawn = SimpleNamespace(title=SCRIPT, alternative=f'">{SCRIPT}', spec={"mark": "point"})
    for name, content in {
        "scalebench.report.charts": {"charts": lambda _: [drawn]},
        "vl_convert": {"vegalite_to_svg": lambda spec: f"<svg>{spec}</svg>"},
    }.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


@given(cell=st.text(), title=st.text(), note=st.text(min_size=1))
def test_any_text_is_text_and_never_a_tag(cell, title, note):
    table = Table(title=title, head=[cell, ""], rows=[[cell, cell]], sections={0: cell}, notes=[note])
    seen = Seen(inline.to_html(table))
    assert seen.tags <= _TAGS
    assert seen.attributes <= {"scope", "colspan"}


def test_every_cell_is_there_in_its_order():
    table = Table(title="t", head=["a\nb", ""], rows=[["1", "2"], ["3", "4"]], sections={1: "of"}, notes=["n"])
    texts = [text for text in Seen(inline.to_html(table)).texts if text.strip()]
    assert texts == ["t", "a", "b", "1", "2", "of", "3", "4", "n"]


def test_a_workload_called_as_a_script_is_shown_by_its_name():
    seen = Seen(inline.as_html(result(workload=SCRIPT, kind=None, size=None), [inline.GET_CHARTS]))
    assert seen.tags <= _TAGS
    assert any(SCRIPT in text for text in seen.texts)


def test_a_result_shows_what_to_use_then_tables_of_scaling_and_of_where_the_efficiency_went():
    text = inline.as_html(result())
    order = [text.index(what) for what in ("Use 2 workers of processes", ": strong scaling of crunch", ": account of strong")]
    assert order == sorted(order)


def test_a_study_of_sizes_shows_its_granularity():
    rows = [row for size in ("10", "100", "1000", "10000") for row in factories.sweep_rows(size=size)]
    text = inline.as_html(factories.make_result(factories.make_rounds(*rows)))
    assert "METG(50%)" in text


def test_nothing_is_requested_and_nothing_runs(charts):
    text = inline.as_html(result(), inline.figures(result()))
    assert not re.search(r"https?:|<script|<link|<iframe|@import|url\(", text.lower().replace("http://www.w3.org", ""))


def test_a_chart_is_a_picture_with_its_text_alternative_and_hostile_words_are_text(charts):
    (shown,) = inline.figures(result())
    seen = Seen(shown)
    assert seen.tags == {"details", "summary", "b", "div", "img"}
    assert seen.attributes == {"open", "class", "alt", "src"}
    assert seen.alternatives == [f'{SCRIPT}: ">{SCRIPT}']
    assert 'src="data:image/svg+xml;base64,' in shown


def test_without_the_extra_a_line_says_how_to_get_charts(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    (line,) = inline.figures(result())
    assert "python -m pip install altair" in line


def test_many_runs_show_the_overview_alone(charts):
    rows = [row for run in range(MOST_RUNS + 1) for row in factories.sweep_rows(blocks=1, run_id=f"run-{run}")]
    many = factories.make_result(factories.make_rounds(*rows), runs=[])
    text = inline.as_html(many, inline.figures(many))
    assert text.count("<table>") == 1
    assert "<img" not in text


def test_a_run_without_a_good_case_shows_why(charts):
    rows = [
        {"status": "failed", "message": "the cause", "backend": "processes", "workers": 2, "block": block} for block in range(3)
    ]
    text = inline.as_html(factories.make_result(factories.make_rounds(*rows)))
    assert "failed: the cause" in text


def test_no_rounds_at_all_are_shown_as_none():
    empty = factories.make_result(factories.make_rounds())
    assert "0 cases, 0 rounds" in inline.as_html(empty)
    assert "Results:" in inline.as_text(empty)


def test_what_shows_itself_is_still_a_list():
    table = Table(title="t", head=["a", ""], rows=[["1", "2"]], sections={}, notes=[])
    shown = inline.Shown([1, 2], [(["Use it."], table)])
    assert shown == [1, 2]
    assert "Use it." in repr(shown)
    assert "Use it." in shown._repr_html_()


def test_the_charts_of_a_result_are_drawn():
    pytest.importorskip("vl_convert")
    pytest.importorskip("scalebench.report.charts")
    (shown,) = inline.figures(result())
    seen = Seen(shown)
    assert len(seen.alternatives) >= 3
    assert all(seen.alternatives)
    pictures = [base64.b64decode(data).decode() for data in re.findall(r'base64,([^"]+)"', shown)]
    assert all(picture.startswith("<svg") and "</svg>" in picture for picture in pictures)
