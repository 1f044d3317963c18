"""Tables as Markdown, each a pipe table that renders anywhere."""

from scalebench.errors import printable
from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.state import unfinished
from scalebench.report.tables import Table, explained_by, findings_by_code, scaling_tables
from scalebench.results.result import Result

_ESCAPES = str.maketrans({**{one: f"\\{one}" for one in "\\`*_|[~"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def to_markdown(result: Result) -> str:
    """The report: all tables, then the doubts."""
    doubts = findings_by_code(result)
    listed = [
        *(f"- {escape(code)}: {escape(text)}" for code, text in doubts),
        *(f"- {escape(line)}" for line in explained_by(doubts)),
    ]
    tables = [*scaling_tables(result), *account_tables(result), *granularity_tables(result)]
    return "\n".join([*map(table_to_markdown, tables), *listed, *(f"- {escape(sentence)}" for sentence in unfinished(result))])


def table_to_markdown(table: Table) -> str:
    """One table; what is a heading in the terminal is the first column here."""
    lines = [f"**{escape(table.title)}**", ""]
    if table.rows:
        named = bool(table.sections)
        lines.append("| " + " | ".join([*[table.section_head] * named, *map(escape, table.head)]) + " |")
        lines.append("|" + "---|" * named + "---:|" * (len(table.head) - 1) + "---|")
        section = ""
        for index, row in enumerate(table.rows):
            section = table.sections.get(index, section)
            lines.append("| " + " | ".join(map(escape, [*[section] * named, *row])) + " |")
        lines.append("")
    lines += [*(escape(note) + "  " for note in table.notes), ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Text that stays text: no markup of Markdown or HTML, no line break."""
    return " ".join(printable(text).translate(_ESCAPES).split())
