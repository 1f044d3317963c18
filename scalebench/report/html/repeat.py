"""What it takes to measure a run again: machine, versions, the study as a file, the command."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    machine, study = about.get("machine", {}), about.get("study", {})
    facts = {key: value for key, value in machine.items() if key != "packages"}
    facts |= {key: about.get(key) for key in ("started_at", "actual_s", "load_average", "status", "git_commit")}
    name = "".join(one if one.isalnum() or one in "-_" else "-" for one in str(study.get("name") or "study"))
    notes = []
    if (items := study.get("items")) is not None:
        kept = str(items).startswith(("[", "range("))
        if not kept:
            notes.append(f"The items are not kept ({items}): add them, as items = [...].")
        study = {key: value for key, value in study.items() if key != ("items_file" if kept else "items")}
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


def to_toml(table: Mapping[str, Any]) -> str:
    """A study as a TOML file; what is null is left out, for that is what it means.

    >>> print(to_toml({"blocks": 5, "size": [None], "suites": {"one": {"workers": [1, 2]}}}))
    blocks = 5
    <BLANKLINE>
    [suites.one]
    workers = [1, 2]
    """
    return "\n".join(_lines(table, ())).strip("\n")


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict) and _kept(value)}
    if path and (plain or not table):
        yield ""
        yield f"[{'.'.join(map(_key, path))}]"
    for key, value in plain.items():
        yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, dict) and (value or path):  # an empty table says nothing where it is the study's own
            yield from _lines(value, (*path, key))


def _kept(value: object) -> bool:
    return value is not None and not (isinstance(value, list | tuple) and all(one is None for one in value))


def _key(key: str) -> str:
    return key if key and all(one.isascii() and (one.isalnum() or one in "-_") for one in key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return '"none"' if value is None else _text(str(value))


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for characters beyond 16 bits and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
