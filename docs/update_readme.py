"""Write the figures and pictures of the README from the committed reference run: ``python docs/update_readme.py``.

Each block between ``<!-- reference: NAME -->`` and ``<!-- end -->`` is replaced, and the files in ``docs/images/`` are drawn;
a test compares them.
"""

import re
from pathlib import Path

from scalebench import Result, load
from scalebench.analysis.scaling import scaling
from scalebench.report.charts import charts
from scalebench.report.charts.base import Chart
from scalebench.report.efficiency import account_tables
from scalebench.report.markdown import escape, table_to_markdown
from scalebench.report.tables import ratio, scaling_tables

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
#: file -> the chart in it
PICTURES = {"speedup": "speedup-strong-1", "losses": "losses-1"}


def blocks(result: Result) -> dict[str, str]:
    """What stands in each block."""
    tables = {table.title.partition(":")[0]: table_to_markdown(table) for table in scaling_tables(result)}
    accounts = {table.title.partition(":")[0]: table_to_markdown(table) for table in account_tables(result)}
    return {
        **{f"{name} picture": picture(name, chart) for name, chart in pictures(result).items()},
        "strong": tables["strong"],
        "blas": tables["blas"],
        "finding": finding(result),
        "account": accounts["blas"],
    }


def pictures(result: Result) -> dict[str, Chart]:
    """The chart of each file."""
    found = {chart.name: chart for chart in charts(result)}
    return {name: found[chart] for name, chart in PICTURES.items()}


def picture(name: str, chart: Chart) -> str:
    """A link to it, with its alternative text."""
    return f"![{escape(chart.alternative)}](docs/images/{name}.svg)\n"


def svg(chart: Chart) -> str:
    """On white, since a file knows nothing of the page's colours."""
    import vl_convert

    spec = {**chart.spec, "config": {**chart.spec["config"], "background": "white"}}
    return str(vl_convert.vegalite_to_svg(spec)) + "\n"


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
    IMAGES.mkdir(exist_ok=True)
    for name, chart in pictures(reference()).items():
        (IMAGES / f"{name}.svg").write_text(svg(chart), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8"), reference()), encoding="utf-8")
