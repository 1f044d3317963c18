"""docs/json.md names the analyses that the commands print, and no others, each with its keys."""

import ast
import re
from pathlib import Path

import pandas as pd

from scalebench.analysis.laws.curves import Curve
from scalebench.analysis.laws.fit import fit
from scalebench.report.laws import fit_as_data, prediction_as_data

ROOT = Path(__file__).parents[2]


def printed():
    """First arguments of calls of ``analysis`` in the package, each with the names of the others; None stands for ``**``."""
    for path in (ROOT / "scalebench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "analysis" and node.args:
                yield ast.literal_eval(node.args[0]), [one.arg for one in node.keywords]


def told():
    """The cell of keys in the table, by analysis."""
    text = (ROOT / "docs" / "json.md").read_text()
    return dict(re.findall(r"^\| `([a-z]+)` \| `.*` \| (.*) \|$", text, re.MULTILINE))


def test_each_analysis_that_is_printed_is_in_the_table():
    assert set(told()) == {name for name, _ in printed()}


def test_the_keys_of_each_analysis_are_those_in_the_table():
    for name, keys in printed():
        if None not in keys:
            assert set(re.findall(r"`([a-z_]+)`", told()[name])) == set(keys), name


def test_the_keys_of_fits_and_predictions_are_too():
    table = pd.DataFrame({"workers": [1, 2, 4, 8, 16], "wall_s": [10.0, 5.5, 3.2, 2.0, 1.4]})
    found, curve = fit(table), Curve(identity={}, scaling="strong", table=table)
    for name, data in (("fit", fit_as_data(curve, found)), ("predict", prediction_as_data(curve, found, [32], None))):
        assert set(re.findall(r"`([a-z_]+)`", told()[name])) - {"curves", "curve"} == set(data), name
