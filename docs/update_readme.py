"""Write the figures of the README from the committed reference run: ``python docs/update_readme.py``.

Each block between ``<!-- reference: NAME -->`` and ``<!-- end -->`` is replaced; a test compares them.
"""

import re
from pathlib import Path

from scalebench import Result, load
from scalebench.analysis.scaling import scaling
from scalebench.report.efficiency import account_tables
from scalebench.report.markdown import table_to_markdown
from scalebench.report.tables import ratio, scaling_tables

ROOT = Path(__file__).parents[1]


def blocks(result: Result) -> dict[str, str]:
    """What stands in each block."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    accounts = {table.title.partition(":")[0]: table_to_markdown(table) for table in account_tables(result)}
    return {"strong": tables["strong"], "blas": tables["blas"], "finding": finding(result), "account": accounts["blas"]}


def finding(result: Result) -> str:
    """What became of the pool when each worker had two BLAS threads."""
    cases = scaling(result.rounds)
    pool = cases[(cases["suite"] == "blas") & (cases["backend"] == "processes") & (cases["workers"] == 2)]
    one, two = (pool[pool["blas_threads"] == threads].iloc[0] for threads in (1, 2))
    size, products = str(one["size"]).split("x")
    return (
        f"Two workers with two BLAS threads each, four threads on two CPUs, took **{ratio(two['wall_s'] / one['wall_s'])} times as long** "
        f"as two workers with one each ({two['wall_s'] * 1e3:.0f} ms against {one['wall_s'] * 1e3:.0f} ms; "
        f"{one['tasks']} tasks of {products} products of {size} x {size} matrices).\n"
    )


def updated(text: str, result: Result) -> str:
    """The README's text with its blocks as they should be."""
    for name, content in blocks(result).items():
        pattern = rf"(<!-- reference: {name} -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda match, content=content: f"{match[1]}\n{content}\n{match[2]}", text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"README.md has {found} blocks called {name!r}, there must be one")
    return text


def reference() -> Result:
    """The committed reference run that the README shows."""
    (run,) = (ROOT / "results" / "reference").glob("*/run.json")
    return load(run)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8"), reference()), encoding="utf-8")
