"""Tables as TOML, that a study is read from again: names and values as they must be written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def to_toml(table: Mapping[str, Any]) -> str:
    """A study as a TOML file; what is null is left out, for that is what it means.

    >>> print(to_toml({"blocks": 5, "size": [None], "suites": {"one": {"workers": [1, 2], "kwargs": {"grid": {"n": 9}}}}}))
    blocks = 5
    <BLANKLINE>
    [suites.one]
    workers = [1, 2]
    <BLANKLINE>
    [suites.one.kwargs]
    grid = { n = 9 }
    """
    return "\n".join(_lines(table, ())).strip("\n")


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    own = path[-1:] == ("kwargs",)  # a function's arguments are values whatever they hold, in their order
    plain = {key: value for key, value in table.items() if own or (not isinstance(value, dict) and _kept(value))}
    if path and (plain or not table):
        yield ""
        yield f"[{'.'.join(map(key_text, path))}]"
    for key, value in plain.items():
        yield f"{key_text(key)} = {value_text(value)}"
    for key, value in table.items():
        if isinstance(value, dict) and not own and (value or path):  # an empty table says nothing where it is the study's own
            yield from _lines(value, (*path, key))


def _kept(value: object) -> bool:
    return value is not None and not (isinstance(value, list | tuple) and all(one is None for one in value))


def key_text(key: str) -> str:
    """A key: bare where it may be, which letters of other alphabets may not.

    >>> print(key_text("blas_threads"), key_text("λ"))
    blas_threads "λ"
    """
    return key if key and all(one.isascii() and (one.isalnum() or one in "-_") for one in key) else _text(key)


def value_text(value: object) -> str:
    """A value, or several; text for what is neither number nor text."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key_text(key)} = {value_text(one)}' for key, one in value.items())} }}"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return '"none"' if value is None else _text(str(value))


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for characters beyond 16 bits and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
