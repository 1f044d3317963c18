"""The table of ``docs/reliability.md``: read from the page, written back into it."""

import itertools
import re
from pathlib import Path

from faults.catalogue import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_TABLE = re.compile(r"(<!-- faults -->\n).*(<!-- end -->\n)", re.DOTALL)
_HEAD = "| what the task does | with | status | message |\n|---|---|---|---|\n"

#: what differs from one time or machine to the next, and what stands for it
_VARIES = (
    (re.compile(r"\bin worker \d+ on \S+"), "in worker N"),
    (re.compile(r"\b(process|rank) \d+"), r"\1 N"),
    (re.compile(r" during '\w+'"), ""),
    (re.compile(r"0x[0-9a-f]+"), "0x..."),
    (re.compile(r"\b\d+\.\d+(?:e[-+]\d+)?|\b\d{6,}\b"), "N"),
    (re.compile(r"/\S+/(?=[\w.]+\.py\b)"), ".../"),
    (re.compile(r"killed \d+ of this"), "killed N of this"),
)

Cells = dict[tuple[str, str], tuple[str, str]]  #: fault's name, backend -> status, message


def in_general(message: str) -> str:
    """A message without what differs from one time to the next."""
    for pattern, instead in _VARIES:
        message = pattern.sub(instead, message)
    return message


def render(cells: Cells) -> str:
    """The table: of each fault, one row for the backends that tell the same."""
    lines = []
    for fault in FAULTS:
        told = [(cells[fault.name, backend], backend) for backend in fault.on if (fault.name, backend) in cells]
        first = f"{fault.what}"
        for outcome in dict.fromkeys(outcome for outcome, _ in told):
            backends = [backend for found, backend in told if found == outcome]
            lines.append(f"| {first} | {', '.join(backends)} | {outcome[0]} | {_escaped(outcome[1])} |\n")
            first = ""
    return _HEAD + "".join(lines)


def read() -> Cells:
    """The cells of the page."""
    table = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert table is not None
    names = {fault.what: fault.name for fault in FAULTS}
    cells, name = {}, None
    for line in itertools.islice(table[0].splitlines(), 3, None):
        if line.startswith("| "):
            what, backends, status, message = (one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1])
            name = names.get(what) if what else name
            if name is not None:
                cells |= {(name, backend): (status, _plain(message)) for backend in backends.split(", ")}
    return cells


def write(cells: Cells) -> None:
    """Put the table of these cells into the page."""
    text, found = _TABLE.subn(lambda match: f"{match[1]}\n{render(cells)}\n{match[2]}", PAGE.read_text(encoding="utf-8"))
    assert found == 1
    PAGE.write_text(text, encoding="utf-8")


def _escaped(message: str) -> str:
    return f"`{message}`".replace("|", "\\|") if message else ""


def _plain(cell: str) -> str:
    return cell.strip("`").replace("\\|", "|")
