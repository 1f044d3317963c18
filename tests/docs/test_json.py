"""docs/json.md names the analyses that the commands print, and no others."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed():
    """First arguments of calls of ``analysis`` in the package."""
    for path in (ROOT / "scalebench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "analysis" and node.args:
                yield ast.literal_eval(node.args[0])


def test_each_analysis_that_is_printed_is_in_the_table():
    text = (ROOT / "docs" / "json.md").read_text()
    assert set(re.findall(r"^\| `([a-z]+)` \| `", text, re.MULTILINE)) == set(printed())
