"""What it takes to measure a run again: machine, versions, the study as a file, the command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalebench.report.toml import to_toml
from scalebench.results.kept import readable
from scalebench.results.result import Result

_MOST = 20  #: runs that are told in full


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Of one run."""

    run: str
    facts: list[tuple[str, str]]  #: what, value
    versions: list[tuple[str, str]]
    study: str  #: as TOML; empty where the run does not tell it
    command: str
    notes: list[str]


def repeat(result: Result) -> list[Again]:
    """Each run, but of very many the first ones."""
    return [_again(about) for about in result.runs[:_MOST] if about]


def _again(about: Mapping[str, Any]) -> Again:
    machine = about.get("machine", {})
    study, lacks = readable(about.get("study", {}))
    facts = {key: value for key, value in machine.items() if key != "packages"}
    facts |= {key: about.get(key) for key in ("started_at", "actual_s", "load_average", "status", "git_commit")}
    name = "".join(one if one.isalnum() or one in "-_" else "-" for one in str(study.get("name") or "study"))
    notes = []
    if lacks:
        told = ", ".join(f"{key} {words if words.startswith('(') else f'({words})'}" for key, words in lacks.items())
        notes.append(f"Not kept, and to be added: {told}.")
    variants = {key: one for key, one in (study.get("variants") or {}).items() if isinstance(one, Mapping) and one.get("python")}
    if variants:
        told = ", ".join(f"{one['python']} of {key}" for key, one in variants.items())
        notes.append(f"Of an interpreter the name alone is kept: {told}. Give the path where that is another one.")
    if ":" in str(study.get("workload", "")):
        notes.append(f"The workload {study['workload']} must be importable from where the command is typed.")
    return Again(
        run=str(about.get("run_id", "")),
        facts=[(key, _shown(value)) for key, value in facts.items() if value is not None],
        versions=[(key, str(value)) for key, value in {"scalebench": about.get("scalebench"), **(machine.get("packages") or {})}.items() if value],
        study=to_toml(study),
        command=f"scalebench run {name}.toml" if study else "",
        notes=notes,
    )  # fmt: skip


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
