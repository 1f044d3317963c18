"""What ``fit`` and ``predict`` have in common: which file, which of its curves."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scalebench.cli.parser import add_limit
from scalebench.errors import ResultsError, UsageError, count

if TYPE_CHECKING:
    import pandas as pd

    from scalebench.analysis.laws.curves import Curve
    from scalebench.results.result import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="TABLE|RUN", help="a CSV, TSV or parquet table, or a run's folder, id or file, or latest"
    )
    parser.add_argument(
        "--scaling",
        choices=("strong", "weak"),
        help="what the table is of, or which curves of a run (default: all; a table that does not say is taken for strong)",
    )
    parser.add_argument("--where", metavar="COLUMN=VALUE", action="append", default=[], help="only these rows; may be repeated")
    parser.add_argument(
        "--column",
        metavar="NAME",
        action="append",
        default=[],
        help="take this column where several would do; wall_s=NAME, throughput=NAME or workers=NAME says what it holds",
    )
    parser.add_argument(
        "--cpus",
        metavar="N",
        type=_cpus,
        help="CPUs that the workers may use (default: what a run says): more workers are oversubscribed, and left out by laws",
    )
    parser.add_argument("--oversubscribed", action="store_true", help="fit across the number of CPUs, too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_limit(parser)


def _cpus(text: str) -> int:
    """By this, since argparse would tell neither the rule nor the way out."""
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--cpus {text}: a whole number, 1 or more.\nGive the number of CPUs that the workers could use")
    return int(text)


def read_curves(asked: argparse.Namespace) -> tuple[list["Curve"], bool]:
    """The curves of what was asked for, and whether they are a run's."""
    path = Path(asked.source)
    if _is_table(path):
        return [_of_table(path, _conditions(asked), asked)], False
    return _of_run(asked), True


def read_run(asked: argparse.Namespace) -> tuple["Result", "pd.DataFrame"]:
    """What was asked for, which must be a run, and those of its rounds that were meant."""
    from scalebench.results.load import load

    conditions = _conditions(asked)
    if _is_table(path := Path(asked.source)):
        raise UsageError(
            f"{path} is no run, and only a run holds what can be simulated.\nGive one; of a table of times leave --simulate out"
        )
    result = load(asked.source)
    rounds = result.rounds
    for name, value in conditions.items():
        if name not in rounds:
            raise UsageError(
                f"--where {name}={value}: a run has no column {name!r}.\nExamples: backend, kind, blas_threads, suite"
            )
        there = rounds[name].astype("string")
        rounds = rounds[there == value]
        if rounds.empty:
            raise UsageError(
                f"--where {name}={value}: no such row.\nThere are: {', '.join(sorted(there.dropna().unique())[:12])}"
            )
    return result, rounds


def _conditions(asked: argparse.Namespace) -> dict[str, str]:
    conditions = {}
    for text in asked.where:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--where {text}: not COLUMN=VALUE.\nExample: --where backend=threads")
        conditions[name] = value
    return conditions


def place(asked: argparse.Namespace) -> str:
    """What was read, as other commands and other days know it."""
    from scalebench.results.load import latest_run

    return str(latest_run()) if asked.source == "latest" else str(asked.source)


def _is_table(path: Path) -> bool:
    """Whether it is a file, and none of a run; what is broken is told by the reader of tables."""
    from scalebench.results.load import is_json

    if not path.exists() or path.is_dir() or is_json(path):
        return False
    if path.suffix != ".parquet" or not path.is_file():
        return True
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"scalebench.schema_version" not in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return True


def _of_table(path: Path, conditions: dict[str, str], asked: argparse.Namespace) -> "Curve":
    from scalebench.analysis.laws.curves import Curve
    from scalebench.results.any_table import read_table

    whole = read_table(path)
    if {"run_id", "case_id", "backend"} <= set(whole.columns):
        raise ResultsError(f"{path} holds the rounds of a run, many curves in one.\nGive the run itself, or export it as JSON")
    chosen = whole.where(conditions)
    points = chosen.points(asked.column)
    notes = [f"{name} is {', '.join(values)}: all taken as repeats of one curve; choose one with --where {name}={values[0]}."
             for name, values in chosen.texts(asked.column).items() if name not in ("scaling", "oversubscribed")]  # fmt: skip
    points, scaling, assumed = _scaling(points, path, asked.scaling)
    points, left_out = _within_cpus(points, asked)
    counts = points["workers"].nunique()
    if counts < 2:
        what = "nothing is left" if not counts else f"a single count, {count(points['workers'].iloc[0], 'worker')}"
        raise ResultsError(f"{path}: {what}; how something scales takes two, a law four.\nMeasure more worker counts")
    if assumed:
        notes.append(_assumption(points))
    return Curve(identity={}, scaling=scaling, table=points, notes=(*left_out, *notes))


def _scaling(points: "pd.DataFrame", path: Path, asked: str | None) -> tuple["pd.DataFrame", str, bool]:
    """Rows of one kind of scaling, which it is, and whether it was taken for granted."""
    if "scaling" not in points:
        return points, asked or "strong", asked is None
    there = sorted(points["scaling"].unique())
    if asked is None and len(there) > 1:
        raise UsageError(f"{path} has rows of strong and of weak scaling.\nSay which: --scaling strong, or --scaling weak")
    if asked is not None and asked not in there:
        raise UsageError(f"--scaling {asked}: the table says that its rows are of {there[0]} scaling.\nLeave the flag out")
    scaling = asked or there[0]
    return points[points["scaling"] == scaling], scaling, False


def _within_cpus(points: "pd.DataFrame", asked: argparse.Namespace) -> tuple["pd.DataFrame", list[str]]:
    beyond = points["workers"] > asked.cpus if asked.cpus is not None else points["workers"] < 0
    if "oversubscribed" in points:
        beyond |= points["oversubscribed"]
    if not beyond.any() or asked.oversubscribed:
        return points, []
    listed = ", ".join(map(str, sorted(points.loc[beyond, "workers"].unique())))
    return points[~beyond], [f"Left out, oversubscribed: {listed} workers (--oversubscribed keeps them)."]


def _assumption(points: "pd.DataFrame") -> str:
    text = "Taken for strong scaling, the same work at each count; say --scaling weak if the work grew with the workers."
    if "wall_s" in points:
        walls = points.groupby("workers")["wall_s"].median()
        if walls.iloc[-1] >= walls.iloc[0]:
            return f"More workers took no less time: is this weak scaling? {text}"
    return text


def _of_run(asked: argparse.Namespace) -> list["Curve"]:
    from scalebench.analysis.laws.curves import curves

    result, rounds = read_run(asked)
    if asked.cpus is not None:
        rounds = rounds.assign(oversubscribed=rounds["oversubscribed"].fillna(value=False) | (rounds["workers"] > asked.cpus))
    found = [one for one in curves(rounds, oversubscribed=asked.oversubscribed) if asked.scaling in (None, one.scaling)]
    if not found:
        which = f" of {asked.scaling} scaling" if asked.scaling else ""
        raise ResultsError(
            f"{result.path} has no curve{which}: no backend ran well with two worker counts.\nMeasure more: --workers 1,2,4,8"
        )
    return found
