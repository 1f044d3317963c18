"""The report as Markdown: text stays text, and tables stay tables."""

import html
import re

import pytest
from factories import make_result, make_rounds, sweep_rows
from hypothesis import given
from hypothesis import strategies as st

from scalebench.report.markdown import escape, to_markdown


def report(*rows, **about):
    return to_markdown(make_result(make_rounds(*rows), **about))


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def shown(text):
    """What a reader of rendered Markdown sees: backslash escapes of punctuation and HTML entities are undone."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text))


class TestEscaping:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("<script>", "&lt;script&gt;"),
            ("a & b", "a &amp; b"),
            ("&lt;", "&amp;lt;"),
            ("a|b", r"a\|b"),
            (r"a\b", r"a\\b"),
            ("*bold* _it_ `code`", r"\*bold\* \_it\_ \`code\`"),
            ("two\n\n  lines\t", "two lines"),
            ("plain 1.5 [0.5,2.0]-x", None),
        ],
    )
    def test_gives_text_that_shows_as_it_was(self, text, expected):
        assert expected is None or escape(text) == expected
        assert shown(escape(text)) == " ".join(text.split())

    @given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
    def test_of_any_text_can_be_undone(self, text):
        assert shown(escape(text)) == " ".join(text.split())

    @pytest.mark.parametrize(
        "text", ["[click](https://example.org)", "![image](x.png)", "[a][b]", "~~gone~~", "<https://example.org>"]
    )
    def test_leaves_no_link_image_or_tag(self, text):
        assert not re.search(r"(?<!\\)[\[~<]", escape(text))
        assert shown(escape(text)) == text

    @given(st.text())
    def test_leaves_no_line_break_and_no_tag(self, text):
        assert not re.search(r"[\n\r<>]", escape(text))


class TestTheReport:
    def test_of_a_small_run_reads_like_this(self):
        told = report(*sweep_rows(workers=(2,), blocks=1), findings=[{"code": "SB104", "text": "4 threads on 2 CPUs"}])
        assert told == (
            "**strong: strong scaling of crunch 50000, 24 tasks**\n"
            "\n"
            "| backend | workers | wall ms | speedup | relative speedup | efficiency % | flags |\n"
            "|---|---:|---:|---:|---:|---:|---|\n"
            "| serial | 1 | 1000 | 1.00 | 1.00 | 100 |  |\n"
            "| processes | 2 | 500 | 2.00 | - | 100 |  |\n"
            "\n"
            "Baselines, of the same block: serial; of the relative speedup one worker of the same backend. "
            "Median round, geometric mean of 1 block; no intervals: they need 3 blocks.  \n"
            "\n"
            "**strong: account of strong scaling of crunch 50000, 24 tasks**\n"
            "\n"
            "| backend | workers | efficiency | baseline overhead | CPU availability | CPU cost | load balance "
            "| dispatch efficiency | start ms | pays after |\n"
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n"
            "| processes | 2 | 100 | 100 | 100 | 100 | 100 | 100 | 125 | 6 |\n"
            "\n"
            "  \n"
            "Accounts are in %: efficiency = baseline overhead x CPU availability x CPU cost x load balance x dispatch efficiency, "
            "against serial with as many BLAS threads in the same block. CPU availability x CPU cost = computation scalability. "
            "A loss's points are its share of what is missing to 100, by logarithms.  \n"
            "pays after: tasks that make up for the start, by what each saves against serial with one BLAS thread.  \n"
            "\n"
            "- SB104: 4 threads on 2 CPUs\n"
            "- What a doubt means: scalebench help SB104"
        )

    def test_has_as_many_cells_in_each_line_whatever_is_in_them(self):
        evil = {"suite": "a|b\\|c", "workload": "mine:<script>alert(1)</script>|x", "kind": None, "size": None, "imbalance": None}
        told = report({**evil}, {**evil, "backend": "processes", "status": "failed", "message": "a | b\n| c | d |\n<img src=x>"})
        table = [line for line in told.splitlines() if line.startswith("|")]
        assert {len(cells(line)) for line in table} == {7}
        assert len(table) == 4

    def test_has_no_html_of_a_message_a_suite_or_a_finding(self):
        told = report(
            {"suite": "<b>", "status": "failed", "message": "<script>alert(1)</script>"},
            findings=[{"code": "SB1", "text": "<i>x</i>"}],
        )
        assert "<" not in told
        assert "&lt;script&gt;" in told

    def test_names_the_backend_in_each_row(self):
        table = [line for line in report(*sweep_rows(blocks=1)).splitlines() if line.startswith("|")][2:]
        assert [cells(line)[0] for line in table] == ["serial", *["processes"] * 3, "backend", "---", *["processes"] * 3]

    def test_of_no_rounds_is_empty(self):
        assert report().strip() == ""
