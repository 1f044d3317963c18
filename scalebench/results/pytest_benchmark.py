"""pytest-benchmark's JSON: one session is a run of one launch a benchmark, in one process, never in random order.

Its times are seconds per call: a round's duration divided by its ``iterations``. A file keeps the single rounds
(``stats.data``) or a summary of them only; then the one row of a benchmark is its median, ``round`` is null, and the
quartiles stand in ``about["summaries"]``. Raw data that are cut off (fewer than ``rounds``, or something else among
the numbers, as tools that shorten such files leave behind) are not used, and a finding says so.

Read here: what versions 2.5 to 5 write. Format: https://pytest-benchmark.readthedocs.io/
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from scalebench.errors import ResultsError
from scalebench.findings import Finding, RawDataCutOff
from scalebench.results import foreign
from scalebench.results.json_file import count, mapping, seconds, sequence
from scalebench.results.result import Result

TOOL = "pytest-benchmark"


def wrote(content: dict[str, Any]) -> bool:
    """Whether it looks like a file of this tool."""
    return "benchmarks" in content and ("machine_info" in content or "commit_info" in content)


def read(content: dict[str, Any], path: Path, digest: str) -> Result:
    """Rows and what is known about the session.

    Raises:
        ResultsError: A field that is missing or holds what it can't.
    """
    tables: list[pd.DataFrame] = []
    findings: list[Finding] = []
    summaries: dict[str, Any] = {}
    for index, one in enumerate(sequence(content["benchmarks"], f"{path}: benchmarks")):
        where = f"{path}: benchmarks[{index}]"
        benchmark = mapping(one, where)
        name = benchmark.get("fullname") or benchmark.get("name")
        if not isinstance(name, str):
            raise ResultsError(f"{where} has no name")
        if foreign.case_id(name) in summaries or any(table["workload"].iloc[0] == name for table in tables):
            raise ResultsError(f"{where} is a second {name!r}: which one to compare can't be known")
        stats = mapping(benchmark.get("stats"), f"{where}.stats")
        where += f" ({name}): stats"
        whole, cut = _raw(stats, where)
        if whole is None:
            summaries[foreign.case_id(name)] = _summary(stats, where)
        if cut:
            findings.append(RawDataCutOff(case=name, rounds=stats["rounds"], where=cut))
        tables.append(_rows(name, stats, whole, where).assign(suite=benchmark.get("group") or TOOL))
    if not tables:
        raise ResultsError(f"{path} holds no benchmark: none was run, or all failed")
    about = _about(content, path, digest)
    about |= {"summaries": summaries, "findings": [finding.described() for finding in findings]}
    return foreign.result(tables, about, path)


def _raw(stats: dict[str, Any], where: str) -> tuple[list[float] | None, str | None]:
    """The single rounds, if all are there; where they are cut off, if they are."""
    data = sequence(stats.get("data"), f"{where}.data")
    if not data:
        return None, None
    rounds = count(stats.get("rounds"), f"{where}.rounds")
    for index, one in enumerate(data):
        if isinstance(one, str) or one is None:
            return None, f"data[{index}] is {str(one)[:40]!r}"
    values = [seconds(one, f"{where}.data[{index}]") for index, one in enumerate(data)]
    return (values, None) if len(values) == rounds else (None, f"data ends after {len(values)}")


def _summary(stats: dict[str, Any], where: str) -> dict[str, float | int | None]:
    """Seconds per call, and how many rounds they are of."""
    found: dict[str, float | int | None] = {
        name: None if stats.get(name) is None else seconds(stats[name], f"{where}.{name}") for name in ("min", "q1", "q3", "max")
    }
    return {**found, "median": seconds(stats.get("median"), f"{where}.median"),
            "rounds": count(stats.get("rounds"), f"{where}.rounds")}  # fmt: skip


def _rows(name: str, stats: dict[str, Any], whole: list[float] | None, where: str) -> pd.DataFrame:
    calls = count(stats.get("iterations"), f"{where}.iterations")
    if whole is None:
        told = f"a summary: the median of {stats['rounds']} rounds"
        return foreign.rows(name, wall_s=[stats["median"] * calls], calls=[calls], block=0, message=told)
    return foreign.rows(
        name, wall_s=[one * calls for one in whole], calls=[calls] * len(whole), block=0, round=list(range(len(whole)))
    )


def _about(content: dict[str, Any], path: Path, digest: str) -> dict[str, Any]:
    machine = mapping(content.get("machine_info"), f"{path}: machine_info")
    cpu = machine.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    commit = mapping(content.get("commit_info"), f"{path}: commit_info")
    known = {
        "cpu": cpu.get("brand_raw") or cpu.get("brand"),
        "architecture": machine.get("machine"),
        "logical_cpus": cpu.get("count"),
        "system": _text(machine, "system", "release"),
        "python": _text(machine, "python_implementation", "python_version"),
    }
    revision = commit.get("id")
    return {
        "run_id": f"{TOOL}-{digest}",
        "tool": TOOL,
        "tool_version": content.get("version"),
        "machine": known,
        "git_commit": f"{revision}, and changes" if revision and commit.get("dirty") else revision,
        "started_at": _utc(content.get("datetime")),
    }


def _text(machine: dict[str, Any], *names: str) -> str | None:
    return " ".join(str(machine[name]) for name in names if machine.get(name)) or None


def _utc(text: object) -> str | None:
    """The moment, where the file says in which time zone."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.isoformat() if moment.tzinfo else None
