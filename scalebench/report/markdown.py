"""Tables as Markdown, each a pipe table that renders anywhere."""

from collections.abc import Iterable

from scalebench.report.tables import Table


def to_markdown(tables: Iterable[Table]) -> str:
    """All tables; the backend, a heading in the terminal, is the first column here."""
    return "\n".join(_one(table) for table in tables)


def _one(table: Table) -> str:
    lines = [f"**{escape(table.title)}**", ""]
    lines.append("| backend | " + " | ".join(map(escape, table.head)) + " |")
    lines.append("|---|" + "---:|" * (len(table.head) - 1) + "---|")
    section = ""
    for index, row in enumerate(table.rows):
        section = table.sections.get(index, section)
        lines.append(f"| {escape(section)} | " + " | ".join(map(escape, row)) + " |")
    lines += ["", *(escape(note) + "  " for note in table.notes), ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Text that stays text: no markup of Markdown or HTML, no line break."""
    for character in "\\`*_|<>&":
        text = text.replace(character, {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(character, f"\\{character}"))
    return " ".join(text.split())
