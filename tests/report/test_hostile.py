"""Names and messages from a stranger's file, in every form that a result is shown in."""

import csv
import io

import pandas as pd
import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench import cli
from scalebench.errors import ResultsError
from scalebench.report.formats import csv as csv_format
from scalebench.report.html.page import to_html
from scalebench.report.latex import to_latex
from scalebench.report.markdown import to_markdown
from scalebench.report.terminal import report_text
from scalebench.results.exchange import as_csv, write_json

STEERS = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp.exe \u2066x\u2069 \x00\x08\r"
FORBIDDEN = "\x1b\x07\x9b\u202e\u2066\u2069\x00\x08\r"
FORMS = {"terminal": report_text, "markdown": to_markdown, "latex": to_latex, "html": to_html, "csv": csv_format.render}


def hostile(text):
    """A run in which every text of a row and of the study that is shown is this one."""
    names = dict.fromkeys(("suite", "workload", "variant", "message", "machine_id", "study", "blas_library"), text)
    rows = sweep_rows(workers=(1, 2), **{**names, "kind": None, "size": None, "imbalance": None})
    rows.append({**rows[-1], "workers": 4, "status": "failed"})
    about = {"study": {"name": text, "suites": {text: {}}}, "machine": {"machine_id": text, "cpu": text, "packages": {text: text}},
             "status": text, "findings": [{"code": text, "text": text}], "git_commit": text}  # fmt: skip
    return make_result(make_rounds(*rows), **about)


@pytest.mark.parametrize("form", FORMS)
def test_what_steers_a_terminal_or_is_read_backwards_is_shown_in_no_form(form):
    shown = FORMS[form](hostile(STEERS)).replace("\r\n", "\n")  # as lines of CSV end
    body = shown.partition("<body")[2].partition("<script>")[0] if form == "html" else shown  # Vega holds characters of all sorts
    assert "gnp.exe" in body
    found = {one for one in FORBIDDEN if one in body}
    assert not found


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "html"])
def test_a_name_of_a_million_characters_is_cut_and_says_so(form):
    shown = FORMS[form](hostile("long" * 2**18))
    assert len(shown) - len(FORMS[form](hostile("short"))) < 400_000  # in a page it stands in 80 places
    assert "(1,048,576 characters)" in shown


@pytest.mark.parametrize("text", ["=1+2", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1", '=HYPERLINK("http://a","b")'])
def test_text_that_a_spreadsheet_would_take_for_a_formula_is_text(text):
    (row,) = csv.DictReader(io.StringIO(as_csv(pd.DataFrame({"message": [text], "value": [-1.5], "count": [-3]}))))
    assert row["message"].startswith("'")
    assert (row["value"], row["count"]) == ("-1.5", "-3")


def test_numbers_and_ordinary_text_of_a_csv_are_as_they_were():
    frame = pd.DataFrame({"a": ["x-1", None, "a=b", "two\nlines"], "b": [1, None, 3, 4]}).astype({"a": "string", "b": "Int64"})
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(as_csv(frame))).astype({"a": "string", "b": "Int64"}), frame)


def test_an_error_that_quotes_a_file_steers_nothing_and_is_short(tmp_path, capsys):
    assert not set(FORBIDDEN) & set(str(ResultsError(STEERS)))
    assert len(str(ResultsError("x" * 2**20))) < 11_000
    path = tmp_path / "mine.json"
    write_json(make_result(make_rounds({"scaling": STEERS + "y" * 2**20})), path)
    assert cli.main(["report", str(path)]) == cli.WRONG_USE
    told = capsys.readouterr().err
    assert "not one of strong, weak" in told or "characters)" in told
    assert not set(FORBIDDEN) & set(told)
    assert len(told) < 11_000


def test_a_path_in_a_results_file_is_text(tmp_path, monkeypatch):
    """Of all that a run tells of itself, nothing is opened, imported or written."""
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    items = tmp_path / "items.json"
    items.write_text("[1]")
    monkeypatch.syspath_prepend(str(tmp_path))
    study = {"name": str(evil), "workload": "evil:run", "items_file": str(items), "variants": {"a": {"python": str(evil)}}}
    result = hostile("evil:run")
    result.about.update(study=study, path=str(items), folder=str(tmp_path / "made"))
    opened = []
    import sys

    def watch(event, arguments):
        if event == "open" and str(tmp_path) in str(arguments[0]):
            opened.append(arguments[0])

    sys.addaudithook(watch)
    for form in FORMS.values():
        form(result)
    assert opened == []
    assert not (tmp_path / "ran").exists()
    assert "evil" not in sys.modules
