"""Tables as LaTeX, in the style of booktabs; text of a result stays text.

The file is a fragment: ``\\usepackage{booktabs}`` stands in the document, ``\\input`` takes it in.
"""

from scalebench.errors import printable
from scalebench.report.efficiency import account_tables
from scalebench.report.granularity import granularity_tables
from scalebench.report.state import unfinished
from scalebench.report.tables import Table, explained_by, findings_by_code, scaling_tables
from scalebench.results.result import Result

_ESCAPES = str.maketrans({
    **{one: f"\\{one}" for one in "#$%&_{}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}", "[": "{[}", "]": "{]}", "-": "{-}", "*": "{*}",
})  # fmt: skip
_HEAD = "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc} in the document; \\input this file."


def to_latex(result: Result) -> str:
    """The report: all tables, then the doubts."""
    tables = [*scaling_tables(result), *account_tables(result), *granularity_tables(result)]
    doubts = findings_by_code(result)
    items = [f"\\item[{escape(code)}] {escape(text)}" for code, text in doubts]
    listed = ["\\begin{description}", *items, "\\end{description}", *map(escape, explained_by(doubts))] if doubts else []
    return "\n".join([_HEAD, *map(table_to_latex, tables), *listed, *map(escape, unfinished(result)), ""])


def table_to_latex(table: Table) -> str:
    """One table; what is a heading in the terminal is a line across it."""
    columns = len(table.head)
    lines = ["\\begin{table}[htbp]", "\\centering", "\\small", f"\\caption{{{escape(table.title)}}}"]
    if table.rows:
        lines += [f"\\begin{{tabular}}{{{'r' * (columns - 1)}l}}", "\\toprule"]
        lines += [_row(table.head), "\\midrule"] if any(table.head) else []
        for index, row in enumerate(table.rows):
            if index in table.sections:
                lines.append(f"\\multicolumn{{{columns}}}{{l}}{{\\textit{{{escape(table.sections[index])}}}}} \\\\")
            lines.append(_row(row))
        lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [f"\\par\\footnotesize {escape(note)}" for note in table.notes if note]
    return "\n".join([*lines, "\\end{table}", ""])


def _row(cells: list[str]) -> str:
    return " & ".join(map(escape, cells)) + " \\\\"


def escape(text: str) -> str:
    """Text that stays text: no command, no line break."""
    return " ".join(printable(text).translate(_ESCAPES).split())
