"""``scalebench run module:function`` and ``init``: one's own code, good and bad, as somebody at a terminal has it."""

import contextlib
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from scalebench import cli
from scalebench.cli import run
from scalebench.results.load import load
from scalebench.study_file import read_study

SHOP = """
import os
import random
import time
from scalebench import Workload

def simulate(item, steps=100, method="rk4"):
    return [item * step for step in range(steps)]

def two(item, other):
    return item

def greek(item, λ, μ="😀"):
    return item

def fails_first(item):
    raise ValueError(f"no {item}, please")

def fails_later(item):
    if item == 3:
        raise ValueError("no three, please")
    return item

def ends_its_process(item, at=0):
    if item == at:
        os._exit(3)
    return item

class Thing:
    pass

def thing(item):
    return Thing()

def nothing(item):
    sum(range(20_000))

def slow(item):
    time.sleep(0.3)
    return item

def draws(item):
    return random.random()

def counts_calls(item, calls=[]):
    calls.append(item)
    return len(calls)

async def waits(item):
    return item

def yields(item):
    yield item

number = 3

def shared(item, loaded, factor=2):
    return loaded["offset"] + item["n"] * factor

whole = Workload(function=shared, setup=lambda: {"offset": 1}, work_units=lambda item, answer: item["n"],
                 check=lambda item, answer: answer == 1 + item["n"] * 3)
wrong = Workload(function=shared, setup=lambda: {"offset": 1}, check=lambda item, answer: False)
"""
TINY = ("--backend", "processes", "--workers", "1,2", "--blocks", "1", "--rounds", "1")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    return tmp_path


def scalebench(*arguments, **kwargs):
    return subprocess.run([sys.executable, "-m", "scalebench", *arguments], capture_output=True, text=True, timeout=120, **kwargs)


@pytest.fixture
def call(shop, capsys, monkeypatch):
    """The same without the start of a process: its module is no part of this one, whoever runs it."""
    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"])  # 'run' adds the working folder to it

    def once(*arguments):
        try:
            status = cli.main(list(arguments))
        except SystemExit as end:  # argparse
            status = end.code
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, told.out, told.err)

    return once


def columns(folder):
    (run,) = (folder / "results").iterdir()
    return load(run)


class TestAFunction:
    def test_is_called_with_items_and_keyword_arguments_which_are_in_its_name(self, shop):
        told = scalebench("run", "shop:simulate", "--items", "range(5)", "--kwargs", "steps=20000, method='euler'", *TINY)
        assert told.returncode == 0, told.stderr
        rounds = columns(shop).rounds
        assert set(rounds["workload"]) == {"shop:simulate(steps=20000, method='euler')"}
        assert set(rounds["answers"]) == {"same"}
        assert set(rounds["tasks"]) == {5}

    def test_takes_its_items_from_a_file(self, shop, call):
        (shop / "items.csv").write_text("n,name\n3,a\n5,b\n7,c\n")
        told = call("run", "shop:whole", "--items-file", "items.csv", "--kwargs", '{"factor": 3}', *TINY)
        assert told.returncode == 0, told.stderr
        result = columns(shop)
        assert set(result.rounds["tasks"]) == {3}
        assert set(result.rounds["answers"]) == {"same"}  # by its own check
        assert set(result.rounds["work_units"]) == {15}  # by its own count
        assert result.about["study"]["items_file"] == "items.csv"

    def test_has_its_defaults_from_the_project(self, shop, call):
        (shop / "pyproject.toml").write_text(
            "[tool.scalebench]\nblocks = 1\nrounds = 1\nworkers = 2\nbackend = 'threads'\nresults = 'kept'\n"
        )
        told = call("run", "shop:nothing", "--items", "range(4)")
        assert told.returncode == 0, told.stderr
        assert "defaults of" in told.stderr
        (run,) = (shop / "kept").iterdir()
        assert set(load(run).rounds["backend"]) == {"serial", "threads"}

    @pytest.mark.parametrize(
        ("function", "code"),
        [("shop:thing", "SB103"), ("shop:nothing", "SB103"), ("shop:thing", "SB102"), ("builtins:abs", "SB102")],
    )
    def test_whose_tasks_are_too_short_or_whose_answers_have_no_digest_is_doubted(self, shop, call, function, code):
        told = call("run", function, "--items", "range(4)", *TINY)
        assert told.returncode == 0, told.stderr
        assert code in {finding["code"] for finding in columns(shop).findings}
        assert code in told.stdout

    @pytest.mark.parametrize("function", ["draws", "counts_calls"])
    def test_that_answers_in_another_way_each_time_is_measured_and_doubted(self, shop, call, function):
        told = call("run", f"shop:{function}", "--items", "range(4)", *TINY)
        assert told.returncode == 0, told.stderr
        found = columns(shop)
        assert "run once more, item 0 gave another answer" in told.stdout
        assert set(found.rounds["status"]) == {"ok"}
        assert set(found.rounds["answers"]) == {"unchecked"}
        assert found.rounds["answers_digest"].isna().all()  # else two runs of it would seem to disagree

    @pytest.mark.parametrize(
        ("arguments", "causes"),
        [
            (["shop:waits"], ["returns a coroutine: calling it ran nothing", "asyncio.run"]),
            (["shop:yields"], ["returns a generator: calling it ran nothing", "list("]),
            (
                ["shop:simulate", "--items", "range(1_000_000_000)"],
                ["1,000,000,000 items", "at most 1,000,000", "stand for more work"],
            ),
            (["shop:simulate", "--kwargs", "steps"], ["kwargs = 'steps': neither NAME=VALUE", '--kwargs "steps=1000']),
            (["shop:none"], ["no attribute 'none'", "Give module:function"]),
            (["nowhere:none"], ["No module named 'nowhere'"]),
            (["shop:number"], ["Give module:function, or", "is of type int, not a function"]),
            (["shop.py:simulate"], ["shop:simulate"]),
            (["shop.simulate"], ["Did you mean shop:simulate?"]),
            (["shop"], ["neither really_hard_task nor module:attribute"]),
            (["shop:two"], ["missing 1 required positional argument: 'other'", "--kwargs"]),
            (["shop:simulate", "--kwargs", "stepz=3"], ["unexpected keyword argument 'stepz'"]),
            (["shop:fails_first"], ["item 0 (0)", 'shop.py", line', "ValueError: no 0, please"]),
            (["shop:fails_later"], ["item 3 (3)", "ValueError: no three, please"]),
            (["shop:wrong", "--items", "[{'n': 1}]"], ["its own check refuses the answers to items 0"]),
            (["shop:slow", "--timeout", "0.1s"], ["its first item took longer than 0.1 s", "--timeout"]),
            (["shop:simulate", "--items", "open('x')"], ["not a sequence of items"]),
            (["shop:simulate", "--items", "items.json"], ["--items-file items.json"]),
            (["shop:simulate", "--items-file", "none.json"], ["can't be read"]),
            (["shop:simulate", "--items", "[1]", "--items-file", "shop.txt"], ["items"]),
        ],
        ids=lambda value: value[0] if len(value) == 1 else " ".join(value[:3])[:40],
    )
    def test_that_can_not_be_measured_is_told_once_before_anything_is(self, shop, call, arguments, causes):
        told = call("run", *arguments, *TINY)
        assert told.returncode == 2, told.stdout
        for cause in causes:
            assert cause in told.stderr
        assert told.stderr.count(causes[-1]) == 1
        assert "scalebench/host" not in told.stderr
        assert not list((shop / "results").iterdir()) if (shop / "results").exists() else True

    @pytest.mark.parametrize(("at", "which", "printed"), [(0, "its first item (0)", "0"), (2, "one of its 4 items", "0 1 2")])
    def test_that_ends_its_process_is_told_with_a_command_that_shows_where(self, shop, call, at, which, printed):
        told = call("run", "shop:ends_its_process", "--items", "range(4)", "--kwargs", f"at={at}", *TINY)
        assert told.returncode == 2
        assert f"workload = 'shop:ends_its_process(at={at})': {which} ended the process of the serial reference:" in told.stderr
        assert "the host ended with exit status 3" in told.stderr
        assert told.stderr.endswith("Mend it, or leave that item out\n")
        _python, *arguments = shlex.split(re.search(r"See where: (.*)", told.stderr)[1])
        shown = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert (shown.returncode, shown.stdout.split()) == (3, printed.split()), shown.stderr


def at_a_terminal(answer, *arguments):
    """Run with a terminal as standard input and error; gives the status and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "scalebench", *arguments], stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL, close_fds=True
    )
    os.close(theirs)
    shown = ""
    with contextlib.suppress(OSError):  # the terminal is gone with its last user
        while piece := os.read(ours, 4096):
            shown += piece.decode()
            if "[y/N]" in shown and answer is not None:
                os.write(ours, answer)
                answer = None
    os.close(ours)
    return process.wait(60), shown


class TestAStudyThatTakesLong:
    LONG = ("run", "shop:slow", "--items", "range(10_000)", "--backend", "threads", "--workers", "1")

    def test_is_asked_about_after_the_first_item_on_a_terminal(self, shop):
        status, shown = at_a_terminal(b"n\n", *self.LONG)
        assert status == 2
        assert shown.startswith("first, each workload once, serially")  # before it is run: it may take an hour
        assert re.search(r"the first item took 0\.\d+ s", shown)
        assert re.search(r"will take about \d+\.\d min, which comes first", shown)  # one pass over 10,000 items
        assert shown.count("Go on? [y/N]") == 1
        assert "not measured, as you said" in shown
        assert not list((shop / "results").iterdir())

    def test_comes_with_what_takes_less(self, capsys):
        run._Agree(ask=False, less="--profile quick, or --budget 5m").whole(640.0)
        assert (
            capsys.readouterr().err
            == "scalebench: the study will take about 10.7 min; for less: --profile quick, or --budget 5m\n"
        )

    @pytest.mark.parametrize("more", [("--yes",), ()])
    def test_is_not_asked_about_where_nobody_is_or_wants_to_be(self, shop, more):
        """It goes on, and so runs into the limit of a pass."""
        call = (*self.LONG, *more, "--timeout", "1s")
        if more:
            status, shown = at_a_terminal(None, *call)
        else:
            told = scalebench(*call, stdin=subprocess.DEVNULL)
            status, shown = told.returncode, told.stderr
        assert status == 2
        assert re.search(r"the first item took 0\.\d+ s", shown)
        assert "[y/N]" not in shown
        assert "took longer than 1 s" in shown


class TestInit:
    def test_writes_a_study_that_runs(self, shop):
        told = scalebench("init", "shop:simulate")
        assert told.returncode == 0, told.stderr
        assert told.stdout.splitlines()[-1].endswith("Next: scalebench run study.toml --dry-run")
        told = scalebench("run", "study.toml", "--dry-run", "--json")
        assert told.returncode == 0, told.stderr
        assert {case["workload"] for case in json.loads(told.stdout)["cases"]} == {"shop:simulate"}

    def test_shows_every_key_and_each_example_is_one_that_a_study_takes(self, shop):
        """All but those of a program, and of the lecture's task."""
        assert scalebench("init", "shop:simulate").returncode == 0
        text = (shop / "study.toml").read_text()
        other = {"name", "command", "shell", "figure_of_merit", "prepare", "ignore_failure", "kind", "size", "imbalance", "tasks", "total",
                 "variant", "suites", "variants", "kwargs"}  # fmt: skip
        from dataclasses import fields

        from scalebench.study import Study

        for key in {one.name for one in fields(Study)} - other:
            assert f"\n{key} = " in text or f"\n# {key} = " in text, key
        (shop / "items.csv").write_text("n\n1\n")
        lines = text.splitlines()
        for index, line in enumerate(lines):
            bare = line.removeprefix("# ")
            if line.startswith("# ") and bare.partition(" = ")[0].isidentifier() and " = " in bare and "revision" not in bare:
                changed = [*lines[:index], bare, *lines[index + 1 :]]
                if bare.startswith("items_file"):
                    changed = [one for one in changed if not one.startswith("items =")]
                if bare.startswith(("steps", "method")):
                    changed = [one.removeprefix("# ") if one == "# [kwargs]" else one for one in changed]
                (shop / "changed.toml").write_text("\n".join(changed))
                if bare.startswith(("backend", "workers")) and index > lines.index("# [suites.more-than-cpus]"):
                    continue  # of a suite that is a comment
                read_study(shop / "changed.toml")
        everything = "\n".join(line.removeprefix("# ") if line.startswith("# [") else line for line in lines)
        assert {"suites", "variants", "kwargs"} <= tomllib.loads(everything).keys()

    def test_says_what_the_function_takes(self, shop):
        assert scalebench("init", "shop:two", "-o", "two.toml").returncode == 0
        assert "It needs other besides the item" in (shop / "two.toml").read_text()
        assert read_study(shop / "two.toml").kwargs == {"other": 0}
        assert scalebench("init", "shop:whole", "-o", "whole.toml").returncode == 0
        assert "# factor = 2" in (shop / "whole.toml").read_text()

    def test_quotes_what_toml_would_not_read(self, shop):
        assert scalebench("init", "shop:greek").returncode == 0
        assert read_study(shop / "study.toml").kwargs == {"λ": 0}
        text = (shop / "study.toml").read_text(encoding="utf-8")
        assert tomllib.loads(text.replace('# "μ"', '"μ"'))["kwargs"] == {"λ": 0, "μ": "😀"}

    @pytest.mark.parametrize(
        ("arguments", "cause"),
        [
            (["shop:none"], "no attribute 'none'"),
            (["nowhere:none"], "No module named 'nowhere'"),
            (["shop"], "neither really_hard_task nor module:attribute"),
            (["shop:number"], "is of type int"),
            (["shop:two", "-o", "two.txt"], "must end in .toml"),
            (["shop:two", "-o", "none/two.toml"], "there is no folder"),
            (["shop:two", "-o", "there.toml"], "--force"),
        ],
    )
    def test_of_what_is_none_or_over_what_is_there_writes_nothing(self, shop, arguments, cause):
        (shop / "there.toml").write_text("mine")
        told = scalebench("init", *arguments)
        assert told.returncode == 2
        assert cause in told.stderr
        assert "Traceback" not in told.stderr
        assert (shop / "there.toml").read_text() == "mine"
        assert {one.name for one in shop.iterdir()} <= {"shop.py", "there.toml", "__pycache__"}

    def test_replaces_a_study_if_told_to(self, shop):
        (shop / "study.toml").write_text("mine")
        assert scalebench("init", "shop:two", "--force").returncode == 0
        assert "shop:two" in (shop / "study.toml").read_text()
