"""What nodes tell before anything is measured: a command stands for the launcher that would start it there."""

import json
import os
import sys

import psutil
import pytest

from scalebench.errors import StudyError
from scalebench.launchers import nodes


def told_by(*facts, rest="pass"):
    lines = [json.dumps(["scalebench-node", *one]) for one in facts]
    return [sys.executable, "-c", f"import sys\nprint({chr(10).join(lines)!r})\n{rest}"]


def test_the_answers_are_found_among_what_else_is_printed():
    command = told_by(("a", {"python": "3.11"}), rest="print('a banner'); print('more', file=sys.stderr)")
    assert nodes.ask(command, os.environ, 1, 60) == {"a": {"python": "3.11"}}


def test_answers_of_several_nodes_that_run_into_one_line_are_each_found():
    lines = "".join(json.dumps(["scalebench-node", name, {"python": "3.11"}]) for name in "ab")
    command = [sys.executable, "-c", f"print('Warning: ' + {lines!r} + '[\"scalebench-node\", \"c')"]
    assert nodes.ask(command, os.environ, 2, 60).keys() == {"a", "b"}


def test_what_was_started_for_the_nodes_ends_with_the_question(tmp_path):
    """The ssh of each node is a child of the command."""
    sleeps = f"import time, pathlib; pathlib.Path({str(tmp_path / 'up')!r}).touch(); time.sleep(1000)"
    command = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeps!r}])"]
    with pytest.raises(nodes.NodesError, match="no answer"):
        nodes.ask(command, os.environ, 1, 2)
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or [])]


@pytest.mark.parametrize(("command", "why"), [
    ([sys.executable, "-c", "import nowhere"], "ModuleNotFoundError: No module named 'nowhere'"),
    (["/nowhere/mpiexec"], "No such file"),
    (told_by(("a", {})), "1 of 2 nodes answered"),
    ([sys.executable, "-c", "import time; time.sleep(60)"], "no answer within 0.5 s"),
])  # fmt: skip
def test_too_few_answers_are_an_error_that_says_why(command, why):
    with pytest.raises(nodes.NodesError, match=why):
        nodes.ask(command, os.environ, 2, 0.5 if "sleep" in command[-1] else 60)


def test_this_python_tells_its_fingerprint_and_version():
    found = nodes.ask([sys.executable, "-c", nodes.TELL], os.environ, 1, 60)
    (facts,) = found.values()
    assert {"machine_id", "python", "packages", "scalebench"} <= facts.keys()


def test_equal_nodes_are_one_machine_without_a_name():
    facts = {"python": "3.11", "scalebench": "1", "packages": {"numpy": "2"}, "cpu": "x"}
    assert nodes.same({"a": facts, "b": facts}) == {"python": "3.11", "packages": {"numpy": "2"}, "cpu": "x"}


@pytest.mark.parametrize(("budgets", "expected"), [([4, 4, 4], 8), ([4], 8), ([4, 8], None), ([None, None], None), ([], None)])
def test_cpus_of_two_nodes_are_known_where_all_are_alike(budgets, expected):
    found = {f"n{number}": {"cpu_budget": budget} for number, budget in enumerate(budgets)}
    assert nodes.cpus(found, 2) == expected


@pytest.mark.parametrize(("other", "words"), [
    ({"python": "3.12"}, "python 3.11 on a, 3.12 on b"),
    ({"scalebench": "2"}, "scalebench 1 on a, 2 on b"),
    ({"packages": {}}, "numpy 2 on a, None on b"),
])  # fmt: skip
def test_other_versions_are_named_with_their_nodes(other, words):
    facts = {"python": "3.11", "scalebench": "1", "packages": {"numpy": "2"}}
    with pytest.raises(StudyError, match=words):
        nodes.same({"a": facts, "b": {**facts, **other}})
