"""The charts of a result as files of pictures, by vl-convert: no browser, no network."""

from collections.abc import Callable
from typing import Any, TypeVar

from scalebench.errors import ResultsError
from scalebench.report.formats import needs
from scalebench.results.result import Result

WHITE = {"background": "white"}
Picture = TypeVar("Picture", str, bytes)


def pictures(result: Result, name: str, draw: Callable[[dict[str, Any], str], Picture]) -> dict[str, Picture]:
    """Each chart drawn.

    Raises:
        ResultsError: The result has nothing to draw.
    """
    needs("altair", "vl_convert", of=name)
    from scalebench.report.charts import charts

    found = charts(result)
    if not found:
        raise ResultsError(
            f"nothing to draw: {result.path} has no case that ran well, too many runs, or too many cases.\nSee its tables: scalebench report"
        )
    version = vegalite_version(found[0].spec)
    return {chart.name: draw({**chart.spec, "config": {**chart.spec.get("config", {}), **WHITE}}, version) for chart in found}


def vegalite_version(spec: dict[str, Any]) -> str:
    """Of the versions of Vega-Lite that vl-convert has, the newest of the specification's major one."""
    import vl_convert

    major = str(spec.get("$schema", "v6")).rpartition("/v")[2].split(".")[0]
    known: list[str] = vl_convert.get_vegalite_versions()
    return [one for one in known if one.split(".")[0] == major][-1]
