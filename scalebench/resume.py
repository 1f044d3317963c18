"""A run that did not come to its end, to be continued: what it was asked, and what it has measured.

A run is of one machine, one set of versions and one state of the code: where one of them is another today, it is not
continued. What was measured is never measured again; a launch that was in flight when the run ended was not stored, and is.
Not here: how it goes on (``runner``), its files (``results.store``).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scalebench
from scalebench.case import Case
from scalebench.errors import ResultsError, ScalebenchError
from scalebench.launch import Launch
from scalebench.results.kept import readable
from scalebench.results.load import DEFAULT_RESULTS, find_runs, latest_run, load, read_about
from scalebench.results.schema import SCHEMA_VERSION
from scalebench.study import NOT_OF_A_PROGRAM, Study, described, suite_of, workload_name
from scalebench.sweep import expand

if TYPE_CHECKING:
    import pandas as pd

_ROUND = ("round", "warmup", "status", "message")  #: columns that fewer than all rounds of a launch may share


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a run left behind."""

    folder: Path
    about: Mapping[str, Any]  #: its ``run.json``
    rounds: "pd.DataFrame"

    def study(self) -> Study:
        """The study, from what the run tells of it.

        Raises:
            ResultsError: It does not tell all of it: a function of a notebook has no name, long items were not kept.
        """
        stored = self.about.get("study", {})
        told, lacks = readable(stored)
        changes = {key: value for key, value in told.items() if value is not None and value != [None]}
        way_out = f"Give the same study again, and --resume {self.folder}"
        if lacks:
            raise ResultsError(f"{self.folder}: the run does not tell all of its study ({', '.join(lacks)}).\n{way_out}")
        try:
            study = Study(**changes)
            expand(study)
        except (ScalebenchError, TypeError) as error:
            raise ResultsError(f"{self.folder}: its study can't be read back: {error}\n{way_out}") from None
        if differs := _differences(stored, study):
            raise ResultsError(f"{self.folder}: the run does not tell all of its study ({', '.join(differs)}).\n{way_out}")
        return study

    def check(self, study: Study, starts: Mapping[str, Mapping[str, Any]], commit: str | None, now: Mapping[str, Any]) -> None:
        """Refuse what would not be the same run.

        Args:
            study: What shall be measured.
            starts: What is known about each variant, now that they are prepared.
            commit: The state of the code that is measured, where it is known.
            now: The fingerprint of the machine that it would be measured on.
        Raises:
            ResultsError: The study, the machine, a version, a variant or the code is another one.
        """
        if differs := _differences(self.about.get("study", {}), study):
            raise ResultsError(f"{self.folder} is of another study: {', '.join(differs)}.\nLeave the study out to go on with it: scalebench run --resume {self.folder}")  # fmt: skip
        then = self.about.get("machine", {})
        changed = [name for name in ("machine_id", "cpu_budget", "python") if then.get(name) != now.get(name)]
        packages = {"scalebench": self.about.get("scalebench"), **(then.get("packages") or {})}
        here = {"scalebench": scalebench.__version__, **(now.get("packages") or {})}
        changed += [f"{name} {packages.get(name)} -> {here.get(name)}" for name in sorted({*packages, *here}) if packages.get(name) != here.get(name)]  # fmt: skip
        if self.about.get("git_commit") != commit:
            changed.append(f"git commit {self.about.get('git_commit')} -> {commit}")
        if self.about.get("variants") != {name: dict(about) for name, about in starts.items()}:
            changed.append("variants")
        if not set(self.rounds["case_id"]) <= {entry.case.case_id for entry in expand(study).entries}:
            changed.append("items")  # as many others: a run may keep their number only
        if changed:
            raise ResultsError(f"{self.folder} was begun under other conditions: {', '.join(changed)}.\nA run is of one machine and one state of all code. Begin another: scalebench run; 'scalebench compare' takes both")  # fmt: skip

    def launches(self, cases: Iterable[Case]) -> dict[tuple[int, str], list[Launch]]:
        """Its launches as they were, by block and ``case_id``: the attempts in their order."""
        known = {case.case_id: case for case in cases}
        found: dict[tuple[int, str], list[Launch]] = {}
        for (block, case_id, _), rows in self.rounds.groupby(["block", "case_id", "attempt"], sort=True):
            found.setdefault((int(str(block)), str(case_id)), []).append(_as_it_was(known[str(case_id)], rows))
        return found

    @property
    def stored(self) -> int:
        """How many launches it has; one that failed may be made once more."""
        return len(self.rounds[["block", "case_id"]].drop_duplicates())

    @property
    def elapsed_s(self) -> float:
        """How long was measured: as it was told, else the start, rounds and end of each launch. No clock that may be set back."""
        told = self.about.get("actual_s")
        if isinstance(told, int | float):
            return float(told)
        launches = self.rounds.drop_duplicates(["case_id", "block", "attempt"])
        return float(self.rounds["wall_s"].sum() + launches[["startup_s", "shutdown_s", "canary_s"]].sum().sum())


def read_earlier(run: str | Path, results: str | Path | None = None) -> Earlier:
    """A run that can be continued.

    Args:
        run: Its folder or id; ``latest`` for the one that was begun last.
        results: The folder of runs that an id or ``latest`` is looked for in; ``results`` when None.
    Raises:
        ResultsError: There is none, it is finished, or another scalebench began it.
    """
    results = results or DEFAULT_RESULTS
    folder = latest_run(results) if str(run) == "latest" else Path(run)
    if not folder.is_dir():
        folder = Path(results) / str(run)
    if not (folder / "run.json").is_file():
        runs = ", ".join(one.name for one in find_runs(results)[-3:]) or "none"
        raise ResultsError(f"no run at {str(run)!r}.\nIn {results} the last ones are: {runs}")
    about = read_about(folder)
    if about.get("status") == "finished":
        others = [str(one) for one in find_runs(folder.parent) if _status(one) not in (None, "finished")]
        way_out = f"Not finished: {', '.join(others[-3:])}" if others else "Measure anew: scalebench run"
        raise ResultsError(f"{folder} is finished: there is nothing to go on with.\n{way_out}")
    if about.get("schema_version") != SCHEMA_VERSION:
        raise ResultsError(f"{folder} was begun by another version of scalebench.\nEnd it with that one, or begin another")
    return Earlier(folder, about, load(folder).rounds)


def _status(folder: Path) -> object:
    try:
        return read_about(folder).get("status")
    except ResultsError:
        return None


def _differences(stored: Mapping[str, Any], study: Study) -> list[str]:
    """The keys of a study that are not as stored."""
    now = json.loads(json.dumps(described(study), default=str))
    stored = _as_today(stored, now, study)
    # where a queue is, or how long a job may be, is not what is measured
    return [key for key in {**stored, **now} if stored.get(key) != now.get(key) and key != "launcher_options"]


def _as_today(stored: Mapping[str, Any], now: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """What is stored of a study, where that was before 0.1: its ``workload`` was as in the columns, with the arguments, or the command.

    Args:
        stored: Of the study, or of what a suite overrides.
        now: The same as it would be stored today.
        study: The study, or the suite.
    """
    whole = dict(stored)
    if stored.get("workload") == workload_name(study) != now.get("workload"):
        keys = NOT_OF_A_PROGRAM if study.command is not None else ("workload", "kwargs")
        whole |= {key: now[key] for key in keys if key in now}
    for name, overrides in study.suites.items():
        if name in whole.get("suites", {}):
            suite = _as_today(stored["suites"][name], now["suites"][name], suite_of(study, name, overrides))
            whole["suites"] = {**whole["suites"], name: suite}
    return whole


def _as_it_was(case: Case, rows: "pd.DataFrame") -> Launch:
    told = [{str(key): value for key, value in row.items() if value == value and value is not None}  # not NaN
            for row in rows.astype(object).to_dict("records")]  # fmt: skip
    last = told[-1]
    rounds = [{**row, "message": row.get("message")} for row in told]
    common = {key: value for key, value in last.items() if key not in _ROUND}
    return Launch(case, common, common, rounds, [], [], last["status"], last.get("message"), last.get("stop_reason", "planned"))
