"""What the nodes of a launcher are, asked before anything is measured: do they answer, do they run the same software?"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scalebench.errors import StudyError

#: what each node runs: it prints one line, with what a result depends on
TELL = (
    "import json, platform; import scalebench; from scalebench.machine import fingerprint; "
    "told = json.dumps(['scalebench-node', platform.node(), {**fingerprint(), 'scalebench': scalebench.__version__}]); "
    "import sys; sys.stdout.write(told + '\\n')"  # in one piece: others write to the same pipe
)
_MARK = '["scalebench-node"'
_POLITE_S = 2.0  # between SIGTERM and SIGKILL
#: parts of a fingerprint that must be equal on all nodes, beside the versions of packages
_SHARED = ("python", "scalebench")
#: and those that must be so in all jobs of a run, which are measured as one machine
_OF_ONE_MACHINE = (*_SHARED, "cpu", "architecture", "logical_cpus", "cpu_budget")


class NodesError(Exception):
    """They did not all answer; what was printed instead."""


def ask(command: Sequence[str], environment: Mapping[str, str], wanted: int, timeout: float) -> dict[str, dict[str, Any]]:
    """Run a command that starts ``TELL`` on some nodes.

    Args:
        command: All of it.
        environment: Of it, whole.
        wanted: How many nodes shall answer.
        timeout: Seconds that it may take.
    Returns:
        Node -> what it told.
    Raises:
        NodesError: Fewer answered, in this time; why, as it was printed.
    """
    try:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
            start_new_session=True,  # no terminal, so that nobody asks for a password there
        )  # fmt: skip
    except OSError as error:
        raise NodesError(str(error)) from None
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise NodesError(f"no answer within {timeout:g} s") from None
    finally:
        _end(process)
    found = dict(_told(stdout))
    if len(found) < wanted:
        lines = [line.strip() for line in (stderr + "\n" + stdout).splitlines() if line.strip() and _MARK not in line]
        raise NodesError(_telling(lines) or f"{len(found)} of {wanted} nodes answered")
    return found


def _told(printed: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each node said, wherever in what was printed: lines of several may have run into one."""
    for piece in printed.split(_MARK)[1:]:
        with contextlib.suppress(ValueError):  # cut off: that node has not answered
            (_, node, facts), _ = json.JSONDecoder().raw_decode(_MARK + piece)
            yield node, facts


def _end(process: subprocess.Popen[str]) -> None:
    """It and what it has started on this machine: the ssh or srun of each node."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_POLITE_S)


def _telling(lines: Sequence[str]) -> str:
    """The line that most likely says why: the error of Python or of ssh rather than the launcher's banner around it."""
    named = [
        line for line in lines if "Error" in line or "error" in line or "ssh:" in line or "not found" in line or "refused" in line
    ]
    return (named or list(lines) or [""])[-1][:300]


def same(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The fingerprint of the nodes: that of the first one, without its name.

    Raises:
        StudyError: They don't run the same software.
    """
    names = list(found)
    first = found[names[0]]
    for name in names[1:]:
        differ = differences(first, found[name], names[0], name, _SHARED)
        if differ:
            raise StudyError(
                "launcher", "nodes", f"don't run the same software: {'; '.join(differ)}",
                "Install one environment on all of them, in one place, or leave that node out",
            )  # fmt: skip
    return {key: value for key, value in first.items() if key != "scalebench"}


def cpus(found: Mapping[str, Mapping[str, Any]], count: int) -> int | None:
    """CPUs that processes on so many of the nodes may use, whichever these are; None where the nodes are not alike.

    >>> cpus({"a": {"cpu_budget": 16}, "b": {"cpu_budget": 16}}, 2)
    32
    """
    budgets = {facts.get("cpu_budget") for facts in found.values()}
    one = budgets.pop() if len(budgets) == 1 else None
    return None if one is None else count * int(one)


def differences(
    first: Mapping[str, Any], other: Mapping[str, Any], one: str, another: str, keys: Sequence[str] = _OF_ONE_MACHINE
) -> list[str]:
    """What two nodes differ in, of those parts of a fingerprint and of packages, in words with their names."""
    ours, theirs = first.get("packages") or {}, other.get("packages") or {}
    pairs = [(key, first.get(key), other.get(key)) for key in keys]
    pairs += [(key, ours.get(key), theirs.get(key)) for key in sorted({*ours, *theirs})]
    return [f"{key} {here} on {one}, {there} on {another}" for key, here, there in pairs if here != there]
