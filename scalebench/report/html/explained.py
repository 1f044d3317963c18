"""What a finding's page says, as a part of a report's: it opens offline, so nothing is left to a link.

The pages are those of ``docs/findings/``: a wheel brings them along, a checkout has them beside the package.
"""

import re
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "findings", _HERE.parents[2] / "docs" / "findings")


def page_of(code: str) -> str | None:
    """The page of a finding, as Markdown; None where there is no such page."""
    pages = [folder / f"{code}.md" for folder in _FOLDERS if re.fullmatch(r"SB\d+", code, re.ASCII)]
    return next((page.read_text(encoding="utf-8") for page in pages if page.is_file()), None)


def explained(code: str) -> Any:
    """All of the page but its title and example, as HTML; None where there is no such page."""
    text = page_of(code)
    if text is None:
        return None
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text[text.index("\n## ") :])
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = "h4"
        # other pages are not here, and their names say enough
        token.children = (
            [one for one in token.children or [] if not one.type.startswith("link")] if token.children else token.children
        )
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704  of our own pages, HTML in them escaped
