"""What was measured, as one object, and what its rows must be whoever wrote them. How it is read is for ``load``."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.case import SCALINGS
from scalebench.errors import ResultsError
from scalebench.results.json_file import mapping, sequence
from scalebench.results.schema import LARGEST, ROUNDS, SCHEMA_VERSION, STATUSES, Column

if TYPE_CHECKING:
    import pandas as pd

#: of what is known about a run, what is looked into: texts; objects, by the objects in them; lists, by the type of what is in them
_TEXTS = ("run_id", "status")
_OBJECTS = {"study": ("suites", "variants"), "suites": (), "machine": ("packages",), "variants": (), "summaries": ()}
_LISTS = {"findings": dict, "damaged": str, "resumed": dict, "runs": dict}


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: the rows, and what is known about the run."""

    rounds: "pd.DataFrame"  #: one row a round, with the columns of ``rounds.parquet``
    _tasks: "pd.DataFrame | Callable[[], pd.DataFrame]"  #: :attr:`tasks`, or what reads them when they are first looked at
    about: dict[str, Any]  #: study, machine, versions, findings: the content of ``run.json``
    path: Path | None = None  #: where it was read from

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What is known about each run."""
        return list(self.about.get("runs", [self.about]))

    @property
    def tasks(self) -> "pd.DataFrame":
        """One row a task of a round, with the columns of ``tasks.parquet``. Of many runs there are millions, so they are read when
        asked for.
        """
        return self._tasks() if callable(self._tasks) else self._tasks

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The doubts that were stored with the rows."""
        return [one for about in self.runs for one in about.get("findings", [])]


def checked_about(about: dict[str, Any], where: str) -> dict[str, Any]:
    """What is known about a run, or about several, once all that is looked into is what it must be; what is null is left out.

    Args:
        about: The content of ``run.json``.
        where: The file, for messages.
    Raises:
        ResultsError: A study that is no object, a finding that is none, ...
    """
    known = {key: value for key, value in about.items() if value is not None or key not in (*_TEXTS, *_OBJECTS, *_LISTS)}
    for key, inside in _OBJECTS.items():
        found = mapping(known.get(key), f"{where}: {key}")
        for one in inside:
            mapping(found.get(one), f"{where}: {key}.{one}")
    for key, of in _LISTS.items():
        for number, one in enumerate(sequence(known.get(key), f"{where}: {key}")):
            if not isinstance(one, of):
                raise ResultsError(f"{where}: {key}[{number}] is a {type(one).__name__}, not as scalebench writes it")
    for key in _TEXTS:
        if not isinstance(known.get(key, ""), str):
            raise ResultsError(f"{where}: {key} is a {type(known[key]).__name__}, not text")
    if "runs" in known:
        if any("runs" in one for one in known["runs"]):
            raise ResultsError(f"{where}: a run among runs holds runs itself, not as scalebench writes it")
        known["runs"] = [checked_about(one, f"{where}: runs[{number}]") for number, one in enumerate(known["runs"])]
    return known


def check_rounds(rounds: "pd.DataFrame", files: Iterable[tuple[Path, int]]) -> None:
    """Refuse rows that were changed after they were measured.

    Args:
        rounds: Of one or more files.
        files: Each file, and how many rows it gave.
    Raises:
        ResultsError: A round that ran well in no time, or in a time that is no number; a status or scaling that there is
            not; no workers, tasks or block where there must be one.
    """
    ours = rounds["backend"].notna()
    wrong = {
        "status": ~rounds["status"].isin(STATUSES),
        "scaling": ours & ~rounds["scaling"].isin(SCALINGS),
        "block": rounds["block"].isna() | rounds["block"].lt(0),
        **{name: ours & ~rounds[name].ge(1).fillna(value=False).astype(bool) for name in ("workers", "tasks")},
        "wall_s": rounds["status"].eq("ok") & ~((rounds["wall_s"] > 0) & (rounds["wall_s"] < LARGEST)),
    }
    rules = {"status": f"one of {', '.join(STATUSES)}", "scaling": f"one of {', '.join(SCALINGS)}", "block": "0 or more",
             "workers": "1 or more", "tasks": "1 or more", "wall_s": f"a time above 0, and below {LARGEST:g} s, where the status is ok"}  # fmt: skip
    for name, rows in wrong.items():
        _refuse(rows.fillna(value=True).to_numpy(dtype=bool), rounds, name, rules[name], "rounds", files)
    check_numbers(rounds, ROUNDS, "rounds", files)


def check_numbers(table: "pd.DataFrame", columns: tuple[Column, ...], name: str, files: Iterable[tuple[Path, int]]) -> None:
    """Refuse numbers that nothing can be computed with.

    Args:
        table: Of one or more files.
        columns: Its own.
        name: What its rows are called: rounds, tasks.
        files: Each file, and how many rows it gave.
    Raises:
        ResultsError: A float beyond :data:`LARGEST`.
    """
    for one in columns:
        if one.type == "float":
            _refuse(table[one.name].abs().gt(LARGEST).to_numpy(), table, one.name, f"a number below {LARGEST:g}", name, files)


def _refuse(bad: Any, table: "pd.DataFrame", column: str, rule: str, name: str, files: Iterable[tuple[Path, int]]) -> None:
    if bad.any():
        whole = [(file, row) for file, count in files for row in range(count)]
        file, row = whole[first := int(bad.argmax())]
        raise ResultsError(f"{file}, row {row} of the {name}: {column} is {table[column].iloc[first]}, not {rule}.\n"
                           "The file was changed after it was measured: take it as it was written")  # fmt: skip


def check_version(version: object, file: Path) -> int:
    """The schema version of a file; one that this scalebench does not know is refused."""
    text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= SCHEMA_VERSION:
        raise ResultsError(
            f"{file} has schema version {text[:40]!r}, this scalebench reads 1 to {SCHEMA_VERSION}.\n"
            "A newer scalebench reads it: install the one that wrote the file"
        )
    return int(text)
