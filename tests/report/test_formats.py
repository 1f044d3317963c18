"""The formats of a report: each is what it is called, whole or not at all, also of a run where nothing went well."""

import csv
import json
import os
import pty
import select
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from factories import make_rounds, sweep_rows

from scalebench import cli
from scalebench.results.exchange import write_json
from scalebench.results.load import load

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "amd-epyc-2cpu"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def failed(tmp_path):
    """A file with a run where no case went well."""
    from factories import make_result

    path = tmp_path / "failed.json"
    write_json(make_result(make_rounds(*({**row, "status": "failed"} for row in sweep_rows())), schema_version=1), path)
    return path


def report(format_, *more):
    return cli.main(["report", str(REFERENCE), "--format", format_, *more])


@pytest.mark.long
def test_pictures_are_svg_and_png_one_file_a_chart():
    assert report("svg", "-o", "svg") == 0
    assert report("png", "-o", "png") == 0
    vectors, pixels = sorted(Path("svg").iterdir()), sorted(Path("png").iterdir())
    assert [one.stem for one in vectors] == [one.stem for one in pixels]
    assert len(vectors) >= 8
    for one in vectors:
        assert ElementTree.parse(one).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    for one in pixels:
        assert one.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_csv_holds_a_row_a_case(capsys):
    assert report("csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["case_id"] for row in rows} == set(load(REFERENCE).rounds["case_id"])
    assert {"speedup", "speedup_low", "efficiency", "load_balance"} <= rows[0].keys()


def test_latex_is_of_tables_that_close_and_escapes_what_is_special(capsys):
    assert report("latex") == 0
    told = capsys.readouterr().out
    assert told.count(r"\begin{table}") == told.count(r"\end{table}") > 0
    assert told.count("{") == told.count("}")
    assert not [line for line in told.splitlines() if "%" in line.replace(r"\%", "") and not line.startswith("%")]


@pytest.mark.parametrize("format_", ["terminal", "markdown", "latex", "html"])
def test_half_a_run_does_not_read_like_a_whole_one(format_, tmp_path, capsys):
    from factories import make_result

    about = {"schema_version": 1, "ended_by": "budget", "study": {"name": "s", "blocks": 5}}
    write_json(make_result(make_rounds(*sweep_rows()), **about), tmp_path / "short.json")
    assert cli.main(["report", str(tmp_path / "short.json"), "--format", format_]) == 0
    told = " ".join((Path("report.html").read_text() if format_ == "html" else capsys.readouterr().out).split())
    assert "was ended by its budget, after 3 of 5 blocks." in told


def test_json_has_no_number_that_json_lacks(capsys):
    assert report("json") == 0

    def refuse(text):
        raise AssertionError(text)

    assert json.loads(capsys.readouterr().out, parse_constant=refuse)["analysis"] == "report"


def test_a_page_is_well_formed(tmp_path):
    class Balanced(HTMLParser):
        void = ("meta", "input", "br", "link", "img", "hr")

        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    assert report("html", "-o", "page.html") == 0
    page = Balanced()
    page.feed((tmp_path / "page.html").read_text())
    assert page.open == []


@pytest.mark.parametrize("format_", ["html", "svg", "markdown"])
def test_what_is_there_is_replaced_only_if_told_to(format_, capsys):
    Path("there").write_text("mine")
    assert report(format_, "-o", "there") == 2
    assert Path("there").read_text() == "mine"
    assert "Give another name" in capsys.readouterr().err
    assert [one.name for one in Path().iterdir()] == ["there"]


@pytest.mark.long
def test_a_page_replaces_what_is_there_if_told_to():
    Path("there").write_text("mine")
    assert report("html", "-o", "there", "--force") == 0
    assert Path("there").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("format_", ["terminal", "markdown", "html", "json", "csv", "latex"])
def test_of_a_run_with_no_successful_case_says_what_failed(failed, format_, capsys):
    status = cli.main(["report", str(failed), "--format", format_, "-o", "out"])
    assert status == 0, capsys.readouterr().err
    assert "failed" in Path("out").read_text()


@pytest.fixture
def short(tmp_path):
    """A file with a run of one block, and the doubt that comes with it."""
    from factories import make_result

    path = tmp_path / "short.json"
    doubt = {"code": "SB110", "text": "1 block(s): no interval"}
    write_json(make_result(make_rounds(*sweep_rows(blocks=1)), findings=[doubt], schema_version=1), path)
    return path


@pytest.mark.parametrize("format_", ["terminal", "markdown", "latex", "html"])
def test_a_verdict_of_one_block_and_a_doubt_say_what_they_are(short, format_):
    assert cli.main(["report", str(short), "--format", format_, "-o", "out"]) == 0
    told = " ".join(Path("out").read_text().split())
    assert "lost waiting for a CPU (not oversubscribed by itself: a quota, or other programs); of 1 block, no interval" in told
    explained = "What a doubt means: scalebench help SB110" if format_ != "html" else "From one block nothing can be said"
    assert explained in told


@pytest.mark.parametrize("format_", ["png", "svg"])
def test_pictures_of_a_run_with_no_successful_case_are_refused(failed, format_, capsys):
    assert cli.main(["report", str(failed), "--format", format_, "-o", "out"]) == 2
    assert not Path("out").exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_piped_it_is_plain(environment):
    told = subprocess.run(
        [sys.executable, "-m", "scalebench", "report", str(REFERENCE)], capture_output=True, text=True, env={**os.environ, **environment},
        timeout=60,
    )  # fmt: skip
    assert told.returncode == 0
    assert "\x1b" not in told.stdout + told.stderr
    assert "\r" not in told.stdout


def completion(shell):
    """The script that a shell reads."""
    told = subprocess.run([sys.executable, "-m", "scalebench", "completion", shell], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    return told.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_completion_works_in_a_real_bash(tmp_path):
    (tmp_path / "complete.sh").write_text(completion("bash"))
    asked = """
source ./complete.sh
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
        $(complete -p scalebench | sed 's/.*-F \\([^ ]*\\) .*/\\1/'); echo "${COMPREPLY[@]}"; }
try scalebench rec
try scalebench report --form
try scalebench report --format ht
"""
    told = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert [line.split() for line in told.stdout.splitlines()] == [["recommend"], ["--format"], ["html"]], told.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_completion_works_in_a_real_fish(tmp_path):
    (tmp_path / "scalebench.fish").write_text(completion("fish"))
    typed = ["scalebench rec", "scalebench report --form", "scalebench report --format ht", "scalebench help SB12"]
    asked = "source scalebench.fish; " + "; ".join(f"complete -C '{one}'" for one in typed)
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    told = subprocess.run(["fish", "-c", asked], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60)
    offered = [line.partition("\t")[0] for line in told.stdout.splitlines()]
    assert offered == ["recommend", "--format", "html", "SB120", "SB121", "SB122"], told.stderr


@pytest.fixture
def zsh(tmp_path):
    """One at a terminal; completion is read from the folder ``functions``."""
    (tmp_path / ".zshrc").write_text(f"fpath+=({tmp_path}/functions)\nautoload -Uz compinit && compinit -u -D\nPS1='ready> '\n")
    (tmp_path / "functions").mkdir()
    ours, theirs = pty.openpty()
    environment = {**os.environ, "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    started = {}

    def typed(keys, until):
        """Type; what is shown up to ``until``."""
        if not started:
            started["zsh"] = subprocess.Popen(["zsh", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment,
                                              start_new_session=True)  # fmt: skip
        os.write(ours, keys.encode())
        shown = ""
        while until not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 4096).decode()
        return shown

    yield typed
    for process in started.values():
        process.kill()
        process.wait()
    os.close(theirs)
    os.close(ours)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_completion_works_in_a_real_zsh(tmp_path, zsh):
    script = subprocess.run([sys.executable, "-m", "scalebench", "completion", "zsh"], capture_output=True, text=True, timeout=60)
    assert script.returncode == 0
    (tmp_path / "functions" / "_scalebench").write_text(script.stdout)
    zsh("", until="ready> ")
    zsh("scalebench rec\t", until="recommend")
    zsh("\x15scalebench report --form\t", until="--format")
    zsh("ht\t", until="html")
