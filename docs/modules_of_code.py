"""Every file of the package by what its docstring begins with, and which may import which. For ``update_reference.py``."""

import ast
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_of_code import documented, quoted, table

ROOT = Path(__file__).parents[1]


def parts() -> list[str]:
    """Of the page: its words, a section a folder, the contracts."""
    package = ROOT / "scalebench"
    found = []
    for one in [package, *sorted(path.parent for path in package.glob("**/*/__init__.py"))]:
        rows = [[quoted(path.name), purpose(path)] for path in sorted(one.glob("*.py")) if path.name != "__init__.py"]
        found += [
            f"## {one.relative_to(package.parent).as_posix()}/",
            purpose(one / "__init__.py"),
            table(["file", "what it is"], rows),
        ]
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return [
        "Every file of scalebench, by the first words of its docstring. The rooms, and how data flows through them: [architecture](../architecture.md).",
        *found,
        "## Import contracts",
        "Checked by import-linter (`lint-imports`, part of `nox -s lint`), of what is imported directly or through others; without `scalebench.`.",
        *(part for contract in said["contracts"] for part in (f"**{contract['name']}**", imports(contract))),
    ]


def purpose(path: Path) -> str:
    """The first paragraph of a file's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return documented(said.partition("\n\n")[0]).replace("\n", " ").strip()


def imports(contract: Mapping[str, Any]) -> str:
    """A contract of import-linter."""

    def names(those: Sequence[str]) -> str:
        return ", ".join(quoted(name.removeprefix("scalebench.")) for name in those)

    if contract["type"] == "layers":
        layers = [names(re.split(r" [|:] ", layer)) for layer in contract["layers"]]
        return "Each imports from below only:\n\n" + "\n".join(f"{number}. {layer}" for number, layer in enumerate(layers, 1))
    direct = ", directly," if contract.get("allow_indirect_imports") else ""
    return f"{names(contract['source_modules'])} imports{direct} none of {names(contract['forbidden_modules'])}."
