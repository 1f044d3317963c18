"""What the nodes of a launcher are, asked before anything is measured: do they answer, do they run the same software?"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from scalebench.errors import StudyError

#: what each node runs: it prints one line, with what a result depends on
TELL = (
    "import json, platform; import scalebench; from scalebench.machine import fingerprint; "
    "print(json.dumps(['scalebench-node', platform.node(), {**fingerprint(), 'scalebench': scalebench.__version__}]))"
)
_MARK = '["scalebench-node"'
#: parts of a fingerprint that must be equal on all nodes
_SHARED = ("python", "scalebench", "packages")


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
        told = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
            start_new_session=True,  # no terminal, so that nobody asks for a password there
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NodesError(f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise NodesError(str(error)) from None
    found: dict[str, dict[str, Any]] = {}
    for line in told.stdout.splitlines():
        if (start := line.find(_MARK)) >= 0:
            _, node, facts = json.loads(line[start:])
            found[node] = facts
    if len(found) < wanted:
        lines = [line.strip() for line in (told.stderr + "\n" + told.stdout).splitlines() if line.strip() and _MARK not in line]
        raise NodesError(_telling(lines) or f"{len(found)} of {wanted} nodes answered")
    return found


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
        differ = [
            f"{key} {first.get(key)} on {names[0]}, {found[name].get(key)} on {name}"
            for key in _SHARED[:2]
            if first.get(key) != found[name].get(key)
        ]
        ours, theirs = first.get("packages") or {}, found[name].get("packages") or {}
        differ += [
            f"{key} {ours.get(key)} on {names[0]}, {theirs.get(key)} on {name}"
            for key in sorted({*ours, *theirs})
            if ours.get(key) != theirs.get(key)
        ]
        if differ:
            raise StudyError(
                "launcher", "nodes", f"don't run the same software: {'; '.join(differ)}",
                "Install one environment on all of them, in one place, or leave that node out",
            )  # fmt: skip
    return {key: value for key, value in first.items() if key != "scalebench"}
