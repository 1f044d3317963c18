"""What mkdocs does not do by itself, so that the site is whole and works offline: called by ``mkdocs build``, see mkdocs.yml.

- A link that leaves ``docs/`` gets a page of its own in the site, below ``repository/``: what it names, Markdown as a page, other text as
  code. So the site needs no host, and a link to what is not there fails the build like any other.
- ``lecture.ipynb`` becomes a page. It is stored without outputs, so nothing is executed and there is nothing else to render.
- Diagrams are drawn now, as SVG, not by a script in the reader's browser.
"""

import itertools
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
#: where the site has what stands outside of docs/
OUTSIDE = "repository/"
NOTEBOOK = "lecture.ipynb"
_LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#:]+)(?P<rest>(?:#[^)\s]*)?\))")
#: what is no text of the page: fenced code, and code in a line
_CODE = re.compile(r"^(```|~~~).*?^\1[ \t]*$|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".sh": "bash", ".yml": "yaml", ".yaml": "yaml"}
_numbers = itertools.count(1)


def on_config(config: MkDocsConfig) -> None:
    """Diagrams are drawn by :func:`diagram`."""
    fence = {"name": "mermaid", "class": "diagram", "format": diagram}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]


def on_files(files: Files, *, config: MkDocsConfig) -> None:
    """The pages that are made of something else."""
    files.append(File.generated(config, "lecture.md", content=notebook((ROOT / DOCS / NOTEBOOK).read_text(encoding="utf-8"))))
    waiting = [(place(file.src_uri), file.content_string) for file in files if file.src_uri.endswith(".md")]
    while waiting:
        source, text = waiting.pop()
        for target in links(text):
            path = resolved(source, target)
            if path.startswith((DOCS, "../")) or not (ROOT / path).exists() or files.get_file_from_path(uri(path)):
                continue
            content = outside(path)
            files.append(File.generated(config, uri(path), content=content, inclusion=InclusionLevel.NOT_IN_NAV))
            waiting.append((path, content))


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has them."""
    source = place(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def link(found: re.Match[str]) -> str:
        path = resolved(source, found["target"])
        known = files.get_file_from_path(uri(path))
        if known is None or known is page.file:
            return found[0]  # mkdocs will say that it leads nowhere; the page of the notebook names the notebook itself
        return f"{found['before']}{posixpath.relpath(known.src_uri, here)}{found['rest']}"

    # a tilde that is escaped, as GitHub's Markdown wants it, is none here
    return in_text(markdown, lambda text: _LINK.sub(link, text).replace(r"\~", "~"))


def on_post_build(*, config: MkDocsConfig) -> None:
    """No page for what a server does not find: there is no server."""
    (Path(config.site_dir) / "404.html").unlink()


def in_text(markdown: str, change: Any) -> str:
    """The page with its text changed, and its code as it is."""
    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [change(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(markdown[end:])])


def links(markdown: str) -> list[str]:
    """What a page links to, without anchors and addresses."""
    return [found["target"] for found in _LINK.finditer(_CODE.sub("", markdown))]


def resolved(source: str, target: str) -> str:
    """What a link of the file ``source`` names; both from the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def place(src_uri: str) -> str:
    """Where in the repository a page of the site is from; the inverse of :func:`uri`."""
    if src_uri.startswith(OUTSIDE):
        path = src_uri.removeprefix(OUTSIDE)
        return path if (ROOT / path).is_file() else path.removesuffix(".md")
    return DOCS + src_uri


def uri(path: str) -> str:
    """Where in the site a file or folder of the repository is."""
    inside = path.removeprefix(DOCS)
    if path.startswith(DOCS):
        return "lecture.md" if inside == NOTEBOOK else inside
    return OUTSIDE + (path if path.endswith(".md") else f"{path}.md")


def outside(path: str) -> str:
    """The page of a file or a folder outside of docs/."""
    file = ROOT / path
    if file.is_dir():
        names = sorted(
            f"{one.name}/" if one.is_dir() else one.name for one in file.iterdir() if not one.name.startswith((".", "_"))
        )
        return f"# {path}/\n\nA folder of the repository:\n\n" + "".join(f"- `{name}`\n" for name in names)
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    return f"# {path}\n\n````{_LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n````\n"


def notebook(text: str) -> str:
    """Its cells, one after the other, and the way to the notebook itself."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    title, *rest = parts[0].split("\n\n")
    to_run = f"This page is a notebook: [{NOTEBOOK}]({NOTEBOOK}){{download}}"
    return "\n\n".join([title, to_run, *rest, *parts[1:]]) + "\n"


def diagram(source: str, language: str, css_class: str, options: Any, md: Any, **_: Any) -> str:
    """A Mermaid diagram as SVG, in a box of its own; all names in it are its own too, since a page may have several."""
    import mmdr

    drawn = str(mmdr.render(source).svg()).replace("merman", f"diagram-{next(_numbers)}")
    width = re.search(r"max-width: ?([\d.]+)px", drawn)
    if width is not None:
        drawn = drawn.replace('width="100%"', f'width="{float(width[1]):.0f}"', 1)
    return f'<div class="{css_class}">{drawn}</div>'
