"""Examples of the documentation do what they say."""

import re

import pandas as pd
from pages import fences

import scalebench


def test_the_python_example_of_the_readme_measures_and_answers(tmp_path, monkeypatch):
    """As it stands, but with fewer items, workers, blocks and rounds."""
    monkeypatch.chdir(tmp_path)
    (example,) = (one.code for one in fences("README.md") if one.language == "python" and "sb.run" in one.code)
    names = {"__name__": "__main__"}
    assert "range(40)" in example
    assert '"1..2x"' in example
    exec(example.replace("range(40)", "range(8)").replace('"1..2x"', '"1,2", blocks=2, rounds=1'), names)
    result = names["result"]
    assert isinstance(result, scalebench.Result)
    assert set(result.rounds["status"]) == {"ok"}
    assert set(result.rounds["backend"]) == {"serial", "processes", "joblib"}
    for expression in re.findall(r"result\.\w+(?:\(\))?", example):
        if expression != "result.granularity()":  # of a study that sweeps sizes
            assert isinstance(eval(expression, names), pd.DataFrame | list)
