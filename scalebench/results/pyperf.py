"""pyperf's JSON: each of its runs is a fresh process, which is a launch here; its values are rounds.

A value is seconds per call: the time of a loop divided by ``loops`` and ``inner_loops``, warm-ups with loops of their
own too. Here ``tasks`` is loops times inner loops and ``wall_s`` the whole loop. Metadata of the suite hold for its
benchmarks, those of a benchmark for its runs. Runs without values calibrate the loops; they are left out. So are
benchmarks whose unit is not the second, and a finding says so.

pyperf runs all processes of a benchmark one after the other. So ``block`` only numbers them: they are launches, not
blocks in random order, and the spread between them is not that between runs.

Read here: format version 1.0, which perf 0.8.3 and later and all of pyperf write. https://pyperf.readthedocs.io/
"""

from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from scalebench.errors import ResultsError
from scalebench.findings import Finding, NotATime
from scalebench.results import foreign
from scalebench.results.json_file import count, finite, mapping, seconds, sequence
from scalebench.results.result import Result

TOOL = "pyperf"
FORMAT = "1.0"


def wrote(content: dict[str, Any]) -> bool:
    """Whether it looks like a file of this tool."""
    benchmarks = content.get("benchmarks")
    first = benchmarks[0] if isinstance(benchmarks, list) and benchmarks else None
    return "version" in content and isinstance(first, dict) and "runs" in first


def read(content: dict[str, Any], path: Path, digest: str) -> Result:
    """Rows and what is known about the machine.

    Raises:
        ResultsError: Another version of the format, or a field that is missing or holds what it can't.
    """
    if content["version"] != FORMAT:
        raise ResultsError(f"{path} has pyperf's format version {content['version']!r}, {FORMAT!r} is read.\n"
                           "A newer pyperf converts it: python -m pyperf convert OLD.json -o NEW.json")  # fmt: skip
    suite = mapping(content.get("metadata"), f"{path}: metadata")
    tables: list[pd.DataFrame] = []
    findings: list[Finding] = []
    loads: list[float] = []
    seen: set[str] = set()
    for index, one in enumerate(sequence(content["benchmarks"], f"{path}: benchmarks")):
        where = f"{path}: benchmarks[{index}]"
        benchmark = mapping(one, where)
        common = {**suite, **mapping(benchmark.get("metadata"), f"{where}.metadata")}
        runs = [mapping(run, f"{where}.runs[{number}]") for number, run in enumerate(sequence(benchmark.get("runs"), where))]
        name = _name(common, runs, where)
        if name in seen:
            raise ResultsError(f"{where} is a second {name!r}: which one to compare can't be known")
        seen.add(name)
        if (unit := common.get("unit", "second")) != "second":
            findings.append(NotATime(case=name, unit=str(unit)))
            continue
        tables += _launches(name, common, runs, f"{where} ({name})")
        told = (finite(mapping(run.get("metadata"), f"{where}.metadata").get("load_avg_1min")) for run in runs)
        loads += [load for load in told if load is not None]
    if not tables:
        raise ResultsError(f"{path} holds no times: " + ("; ".join(map(str, findings)) or "no benchmark has a value"))
    about = _about(suite, digest)
    about |= {"load_average": median(loads) if loads else None, "findings": [finding.described() for finding in findings]}
    return foreign.result(tables, about, path)


def _name(common: dict[str, Any], runs: list[dict[str, Any]], where: str) -> str:
    first = mapping(runs[0].get("metadata"), f"{where}.runs[0].metadata") if runs else {}
    name = common.get("name") or first.get("name")
    if not isinstance(name, str):
        raise ResultsError(f"{where} has no name in its metadata: it can't be joined with another.\nGive it one: --name")
    return name


def _launches(name: str, common: dict[str, Any], runs: list[dict[str, Any]], where: str) -> list[pd.DataFrame]:
    """The processes that measured."""
    tables: list[pd.DataFrame] = []
    for number, run in enumerate(runs):
        if run.get("values"):
            metadata = {**common, **mapping(run.get("metadata"), f"{where}.runs[{number}].metadata")}
            tables.append(_launch(name, metadata, run, f"{where}.runs[{number}]").assign(block=len(tables), suite=TOOL))
    return tables


def _launch(name: str, metadata: dict[str, Any], run: dict[str, Any], where: str) -> pd.DataFrame:
    inner = count(metadata.get("inner_loops", 1), f"{where}.metadata.inner_loops")
    calls = count(metadata.get("loops", 1), f"{where}.metadata.loops") * inner
    values = [seconds(one, f"{where}.values[{at}]") for at, one in enumerate(sequence(run["values"], f"{where}.values"))]
    warm = [_warmup(one, inner, f"{where}.warmups[{at}]") for at, one in enumerate(sequence(run.get("warmups"), where))]
    memory = metadata.get("mem_max_rss")
    return foreign.rows(
        name,
        wall_s=[wall_s for _, wall_s in warm] + [one * calls for one in values],
        calls=[calls_warm for calls_warm, _ in warm] + [calls] * len(values),
        round=list(range(len(warm) + len(values))),
        warmup=[True] * len(warm) + [False] * len(values),
        rss_peak_bytes=memory if type(memory) is int and 0 <= memory < 2**63 else None,
    )


def _warmup(one: object, inner: int, where: str) -> tuple[int, float]:
    """Calls and seconds of ``[loops, seconds per call]``."""
    pair = sequence(one, where)
    if len(pair) != 2:
        raise ResultsError(f"{where} has {len(pair)} numbers: a warm-up is its loops and its seconds per call")
    calls = count(pair[0], f"{where}[0]") * inner
    return calls, seconds(pair[1], f"{where}[1]") * calls


def _about(suite: dict[str, Any], digest: str) -> dict[str, Any]:
    """Of the metadata that all benchmarks share. The host's name is left where it is."""
    implementation = {"cpython": "CPython", "pypy": "PyPy"}.get(str(suite.get("python_implementation")))
    version = str(suite.get("python_version", "")).split(" (")[0]
    python = f"{implementation or suite.get('python_implementation')} {version}" if version else None
    known = {
        "cpu": suite.get("cpu_model_name"),
        "logical_cpus": suite.get("cpu_count"),
        "system": suite.get("platform"),
        "python": python,
        "cpu_affinity": suite.get("cpu_affinity"),
        "cpu_config": suite.get("cpu_config"),
    }
    return {
        "run_id": f"{TOOL}-{digest}", "tool": TOOL, "tool_version": suite.get("perf_version"), "machine": known,
        "git_commit": suite.get("commit_id"), "started_at": None,
    }  # fmt: skip
