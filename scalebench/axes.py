"""Read the values of an axis: from a flag's text, a TOML value or a Python object, to a checked tuple.

Every error says the key, the value, the rule and the way out, before anything is measured.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scalebench import machine
from scalebench.errors import StudyError

_WORKERS_WAY_OUT = "Examples: 1,2,4 - 1..8 - 1..2x - x,2x - 1..2n"
MOST_INT = 2**63 - 1  # what a column of a result holds
_MOST_WORKERS = 1_000_000  # that a case may ask for
_TERM = re.compile(r"(?P<number>\d+(?:\.\d+)?)?(?P<unit>[xn])?")


def as_list(value: Any) -> list[Any]:
    """One value, a comma-separated text or an iterable, as a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    # bytes would be read as the numbers of their letters, a table as its keys
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, Mapping)) else [value]


def parse_axis(key: str, value: Any) -> list[Any]:
    """:func:`as_list`, refusing an empty axis."""
    values = as_list(value)
    if not values or any(one == "" for one in values):
        raise StudyError(
            key,
            value,
            "an axis needs at least one value, and none of them empty",
            f"Leave --{_flag(key)} out for its default, or give values separated by commas",
        )
    return values


def parse_integers(key: str, value: Any) -> list[int]:
    """An axis of whole numbers >= 1."""
    return [parse_integer(key, one) for one in parse_axis(key, value)]


def parse_integer(key: str, value: Any, *, least: int = 1) -> int:
    """One whole number >= ``least``."""
    try:
        number = int(value)
        whole = not isinstance(value, (bool, bytes, bytearray)) and (isinstance(value, str) or value == number)
    except (TypeError, ValueError, OverflowError):
        whole = False
        number = least
    if not whole or not least <= number <= MOST_INT:
        rule = f"must be a whole number, {least} or more" + (" and less than 2^63" if number > MOST_INT else "")
        raise StudyError(key, value, rule, f"For example --{_flag(key)} {max(least, 1)}")
    return number


def parse_number(key: str, value: Any, low: float, high: float, rule: str) -> float:
    """One number in [low, high]; ``"5%"`` reads as 0.05."""
    try:
        number = float(value[:-1]) / 100 if isinstance(value, str) and value.endswith("%") else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not low <= number <= high:
        raise StudyError(key, value, rule, f"For example --{_flag(key)} {max(low, min(high, 0.5)):g}")
    return number


def parse_names(key: str, value: Any, known: Iterable[str], what: str) -> list[str]:
    """An axis of names out of ``known``; the error names the nearest one."""
    return [parse_name(key, str(one), known, what) for one in parse_axis(key, value)]


def parse_name(key: str, name: str, known: Iterable[str], what: str) -> str:
    """One name out of ``known``."""
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise StudyError(key, name, f"no such {what}", f"{hint}There are: {', '.join(names)}")


def parse_table(key: str, value: Any) -> dict[str, str]:
    """A table of texts, from a mapping or from texts as ``key=value``; a value of None or true is written as TOML has it."""
    way_out = f"For example --{_flag(key).removesuffix('s')} time=30:00"
    if isinstance(value, Mapping):
        pairs: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        pairs = [
            (str(one).partition("=")[0], str(one).partition("=")[2]) for one in ([value] if isinstance(value, str) else value)
        ]
    else:
        raise StudyError(key, value, "must be a table, or texts as KEY=VALUE", way_out)
    found: dict[str, str] = {}
    for name, one in pairs:
        if not name or one == "" or not isinstance(one, str | int | float):
            raise StudyError(key, f"{name}={one}", "must be KEY=VALUE, a value that is text or a number", way_out)
        found[str(name)] = str(one).lower() if isinstance(one, bool) else str(one)
    return found


def parse_duration(key: str, value: Any) -> float:
    """Seconds from ``"90s"``, ``"5m"``, ``"1.5h"`` or a plain number; > 0."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(ms|s|m|h)?\s*", str(value))
    seconds = float(match[1]) * {"ms": 1e-3, "s": 1, "m": 60, "h": 3600}[match[2] or "s"] if match else 0
    if not 0 < seconds < math.inf:
        raise StudyError(key, value, "not a duration longer than zero", f"For example --{_flag(key)} 90s, 5m or 1.5h")
    return seconds


def parse_workers(value: Any, *, most: int = _MOST_WORKERS) -> list[int]:
    """Worker counts from ``1,2,4``, ``1..8``, ``1..2x``, ``x``, ``1..2n``, each up to ``most``; sorted, no duplicates.

    ``x`` is the CPU budget of this process, ``n`` the machine's CPU count. A range takes every count up to 8
    inside the budget, then powers of two, the physical core count, the budget, 1.5 and 2 times the budget, and both
    its ends.
    """
    counts: set[int] = set()
    for term in parse_axis("workers", value):
        low, dots, high = str(term).partition("..")
        if dots:
            counts |= _range(_endpoint(low, value, most), _endpoint(high, value, most), value)
        else:
            counts.add(_endpoint(low, value, most))
    return sorted(counts)


def _endpoint(text: str, value: Any, most: int) -> int:
    rule = (
        f"not a worker count: a whole number >= 1 and <= {most}, or a multiple of the CPU budget (2x) or the machine's CPUs (2n)"
    )
    match = _TERM.fullmatch(text.strip())
    if not text.strip() or not match:
        raise StudyError("workers", value, rule, _WORKERS_WAY_OUT)
    unit = {"x": machine.cpu_budget, "n": machine.logical_cpus}.get(match["unit"] or "", lambda: 1)()
    number = min(float(match["number"] or 1) * unit, most + 1)
    # 0.5x of an odd budget is rounded up; a plain 2.5 is a mistake
    count = math.ceil(number) if match["unit"] else int(number)
    if not 1 <= count <= most or (not match["unit"] and count != number):
        raise StudyError("workers", value, rule, _WORKERS_WAY_OUT)
    return count


def _range(low: int, high: int, value: Any) -> set[int]:
    if low > high:
        raise StudyError("workers", value, f"a range must rise, {low} is more than {high}", _WORKERS_WAY_OUT)
    budget = machine.cpu_budget()
    counts = set(range(1, min(8, budget) + 1)) | {2**power for power in range(high.bit_length())}
    counts |= {budget, math.ceil(1.5 * budget), 2 * budget, machine.physical_cores() or budget}
    return {low, high} | {count for count in counts if low <= count <= high}


def _flag(key: str) -> str:
    return key.rpartition(".")[2].replace("_", "-")
