"""What ``run.json`` keeps of a study: values that can be read again, or words in their place.

Words stand for items that are too many or have no text, for arguments that have none, and, since results are mailed, for addresses and paths of
a machine. Read too is what was written before 0.1 was released: there ``workload`` held the arguments as well, or the command.
"""

from collections.abc import Mapping
from typing import Any

ADDRESS = "(an address)"
PATH = "(a path)"


def readable(study: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A study without such words, and what it lacks then: key -> the words.

    >>> readable({"blocks": 5, "items": "9000 items", "suites": {"one": {"kwargs": "(model=Model#1f3a95c0)"}}})
    ({'blocks': 5, 'suites': {'one': {}}}, {'items': '9000 items', 'suites.one.kwargs': '(model=Model#1f3a95c0)'})
    """
    lacks: dict[str, str] = {}
    found = _of_suite(study, "", lacks)
    for key, of_table in (("suites", _of_suite), ("variants", _of_variant)):
        if isinstance(tables := study.get(key), Mapping):
            found[key] = {name: of_table(one, f"{key}.{name}.", lacks) if isinstance(one, Mapping) else one
                          for name, one in tables.items()}  # fmt: skip
    return found, lacks


def _of_suite(table: Mapping[str, Any], place: str, lacks: dict[str, str]) -> dict[str, Any]:
    """Of a suite, or of the study itself."""
    found, words = dict(table), dict[str, str]()
    if found.get("command") is not None:
        for key in ("workload", "backend"):  # before 0.1 the command again, and what its rows have for a backend
            found.pop(key, None)
    elif (reference := str(found.get("workload")).partition("("))[1]:
        found["workload"], words["kwargs"] = reference[0], "".join(reference[1:])
    if str(found.get("kwargs")).startswith("("):
        words["kwargs"] = found["kwargs"]
    if (items := found.get("items")) is not None:
        if str(items).startswith(("[", "range(")):
            found.pop("items_file", None)  # they were read from it
        else:
            words["items"] = str(items)
    if found.get("scheduler") == ADDRESS:
        words["scheduler"] = ADDRESS
    return _without(found, words, place, lacks)


def _of_variant(table: Mapping[str, Any], place: str, lacks: dict[str, str]) -> dict[str, Any]:
    if not isinstance(env := table.get("env"), Mapping):
        return dict(table)
    words = {key: PATH for key, value in env.items() if value == PATH}
    return {**table, "env": _without(env, words, f"{place}env.", lacks)}


def _without(table: Mapping[str, Any], words: Mapping[str, str], place: str, lacks: dict[str, str]) -> dict[str, Any]:
    """The table without what there are only words for; these are added to what is lacking."""
    lacks.update({f"{place}{key}": told for key, told in words.items()})
    return {key: value for key, value in table.items() if key not in words}
