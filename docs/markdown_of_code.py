"""Markdown of what stands in code: docstrings, comments beside fields, plain words. For ``update_reference.py``."""

import dataclasses
import inspect
import re
from collections.abc import Iterable, Sequence

#: of plain words what is typed: quoted text, flags, placeholders, names
_TYPED = re.compile(
    r"""(?<!\w)(["'])(?P<quoted>(?:(?!\1).)+)\1(?!\w)|(?<![\w-])--?[a-z][a-z-]*|\[tool\.\w+\]|\{\w+\}|\b\w+_\w+\b"""
)
_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table; cells are Markdown."""
    lines = [[one.replace("|", "\\|").replace("\n", " ") for one in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [[*head], ["---"] * len(head), *lines])


def code(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```"


def quoted(text: object) -> str:
    """Code in a line."""
    return f"`{text}`" if f"{text}" else ""


def prose(text: str) -> str:
    """Plain words as Markdown: what is typed as code, nothing else as markup."""
    text, parts, end = " ".join(text.split()), [], 0
    for typed in _TYPED.finditer(text):
        parts += [escape(text[end : typed.start()]), quoted(typed["quoted"] or typed[0])]
        end = typed.end()
    return "".join([*parts, escape(text[end:])])


def escape(text: str) -> str:
    """No markup."""
    return re.sub(r"[\\*_<>\[]", lambda one: {"<": "&lt;", ">": "&gt;"}.get(one[0], f"\\{one[0]}"), text)


def documented(text: str | None) -> str:
    """A docstring as Markdown: its sections as lists, its examples as code."""
    lines: list[str] = []
    inside = False
    for line in _ROLE.sub(r"`\1`", (text or "").replace("``", "`")).expandtabs().splitlines():
        shown = line
        if inside != line.startswith((">>> ", "... ", *(("",) if inside and line.strip() else ()))):
            lines.append("```" if inside else "```python")
            inside = not inside
        if heading := re.fullmatch(r"(Args|Returns|Raises|Yields):", line):
            shown = f"\n**{heading[1].replace('Args', 'Arguments')}**\n"
        elif not inside and (item := re.fullmatch(r" {4}([\w, ]+): (.*)", line)):
            shown = f"- `{item[1]}`: {item[2]}"
        elif not inside:
            shown = line.strip() if not line.startswith("        ") else f"  {line.strip()}"
        lines.append(shown)
    return "\n".join([*lines, *["```"] * inside])


def comments(of: type) -> dict[str, str]:
    """By field of a class: what the ``#:`` beside it, or above it, says."""
    found, above = {}, ""
    for line in inspect.getsource(of).splitlines():
        if match := re.match(r" {4}(\w+): .*?#: (.*)", line):
            found[match[1]] = match[2]
        elif (match := re.match(r" {4}(\w+): ", line)) and above:
            found[match[1]] = above
        above = line.strip().removeprefix("#: ") if line.strip().startswith("#: ") else ""
    return {name: text.replace("``", "`") for name, text in found.items()}


def defaults(of: type) -> dict[str, str]:
    """By field of a class: its default, as it would be typed; empty where there is none."""
    return {
        one.name: repr(one.default_factory()) if one.default_factory is not dataclasses.MISSING
        else "" if one.default is dataclasses.MISSING else repr(one.default)
        for one in dataclasses.fields(of)
    }  # fmt: skip
