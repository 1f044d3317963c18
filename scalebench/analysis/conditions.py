"""What differs between the things compared besides what is compared: machine, versions, commit, CPU budget, load.

Read from what is stored with the rows, and from the rows where only they are there. Nothing is guessed: what a file
does not say is not listed as a difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: keys of a fingerprint, in the order in which they are shown
_MACHINE = ("machine_id", "cpu", "architecture", "logical_cpus", "physical_cores", "cpu_budget", "cpu_affinity", "memory_gib",
            "last_level_cache_bytes", "numa_nodes", "governor", "cpu_config", "system", "python")  # fmt: skip
#: moods rather than facts: shown wherever they are known
MOODS = ("load_average", "canary_s")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not equal on all sides: a value, or several of several runs, for each side; None: not known."""

    field: str
    values: tuple[str | None, ...]


def differences(sides: Sequence[tuple[Sequence[dict[str, Any]], pd.DataFrame]]) -> list[Difference]:
    """What is known of at least two sides and not the same on all that know it, and the moods of the machines.

    Args:
        sides: Of each, what is known about its runs (``run.json``), and its rows.
    """
    known = [_known(runs, rounds) for runs, rounds in sides]
    fields = list(dict.fromkeys([*_MACHINE, *(name for one in known for name in one)]))
    fields = [name for name in fields if name not in MOODS] + list(MOODS)
    found = []
    for name in fields:
        values = [one.get(name) for one in known]
        told = [value for value in values if value]
        if (name in MOODS and told) or (len(told) > 1 and len(set(told)) > 1):
            found.append(Difference(name, tuple(", ".join(value) if value else None for value in values)))
    return found


def not_recorded(sides: Sequence[tuple[Sequence[dict[str, Any]], pd.DataFrame]]) -> list[list[str]]:
    """For each side, which facts of a machine it does not say though another does."""
    known = [_known(runs, rounds) for runs, rounds in sides]
    every = [
        name
        for name in ("machine_id", "cpu", "cpu_budget", "system", "python", "git_commit")
        if any(name in one for one in known)
    ]
    return [[name for name in every if name not in one] for one in known]


def machines(rounds: pd.DataFrame) -> set[str]:
    """The ids of the machines that rows are of; empty where they don't say."""
    return set(rounds["machine_id"].dropna())


def _known(runs: Sequence[dict[str, Any]], rounds: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """By field: the distinct values of all runs, as text."""
    found: dict[str, dict[str, None]] = {}
    for about in runs:
        for name, value in _facts(about):
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    for name in ("machine_id", "cpu_budget"):
        if name not in found and rounds[name].notna().any():
            found[name] = dict.fromkeys(map(str, sorted(rounds[name].dropna().unique())))
    loads = [about["load_average"] for about in runs if isinstance(about.get("load_average"), int | float)]
    if loads:
        found["load_average"] = {f"{np.median(loads):.2f}": None}
    if rounds["canary_s"].notna().any():
        found["canary_s"] = {f"{rounds['canary_s'].median():.4f}": None}
    return {name: tuple(values) for name, values in found.items()}


def _facts(about: dict[str, Any]) -> list[tuple[str, Any]]:
    machine = about.get("machine", {})
    facts = [(name, machine.get(name)) for name in _MACHINE]
    facts += (machine.get("packages") or {}).items()
    commit = about.get("git_commit")
    facts += [("scalebench", about.get("scalebench")), (str(about.get("tool")), about.get("tool_version"))]
    facts.append(("git_commit", None if commit is None else str(commit)[:12] + str(commit)[40:]))
    return facts
