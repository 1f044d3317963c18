"""What a check looks at and what it gives."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["broken", "warning", "note", "ok"]
#: the worst first. broken: that part can't be measured; warning: figures will be worse or wider than need be; note: good to know
STATUSES: tuple[Status, ...] = ("broken", "warning", "note", "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What one check found."""

    status: Status
    text: str  #: what was found, with its numbers, as a sentence without its full stop
    advice: str = ""  #: what to do about it; empty where there is nothing to do
    figures: Mapping[str, Any] = field(default_factory=dict)  #: the numbers; None for what could not be found


@dataclass(frozen=True, slots=True)
class System:
    """The files and variables that describe this machine; another ``root`` describes another one."""

    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def read(self, path: str) -> str | None:
        """The text of a file of ``/proc`` or ``/sys`` without blanks around it; None where there is none, or no right to it."""
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError):
            return None

    def number(self, path: str) -> int | None:
        """The same, where it is one whole number."""
        text = self.read(path)
        return int(text) if text is not None and text.lstrip("-").isdigit() else None

    def each(self, pattern: str) -> dict[str, str]:
        """The texts of all files of a pattern, by path."""
        found = {}
        for file in sorted(self.root.glob(pattern.lstrip("/"))):
            path = "/" + str(file.relative_to(self.root))
            if (text := self.read(path)) is not None:
                found[path] = text
        return found


def cpu_list(text: str) -> list[int]:
    """CPUs as Linux lists them.

    >>> cpu_list("0-2,5")
    [0, 1, 2, 5]
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit():
            found += range(int(first), int(last or first) + 1)
    return found


def percent(share: float) -> str:
    """A share of 1 for people."""
    return f"{100 * share:.2g}%"
