"""Drive a study: blocks of launches in random order, each stored before the next is begun.

Launches are randomised complete blocks: two things measured one after the other differ by the machine's mood.
Adaptive are the rounds of a launch (from its warm-up in block 0) and the number of whole blocks; precision is judged
after a block, never within a launch.
"""

import subprocess
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import scalebench
from scalebench import machine, plan
from scalebench.case import Case
from scalebench.errors import brief
from scalebench.findings import BlasThreadsNotAsAsked, Finding, FitsCache, Oversubscribed, TooFewBlocks
from scalebench.launch import Launch, launch
from scalebench.launchers import local
from scalebench.prepare import clear, prepare
from scalebench.results.load import Result, load
from scalebench.results.schema import SCHEMA_VERSION
from scalebench.results.store import Store
from scalebench.study import Study
from scalebench.sweep import Entry, Sweep, expand, shuffled

_ATTEMPTS = 2  # a case that failed as often is given up
_MOST_BLOCKS = 100  # when a precision is asked for and no budget ends it
_LEAST_BLOCKS = 3  # that give an interval

#: told after each launch: which one, what came of it
Observer = Callable[[Entry, int, Launch], None]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a study will measure and what that will cost, before it is begun."""

    sweep: Sweep
    references: dict[tuple[Any, ...], plan.Reference]
    estimate_s: float


def forecast(study: Study, only: Set[Case] | None = None) -> Forecast:
    """Expand a study, prepare its variants (until :meth:`Runner.finish`) and measure its references.

    Args:
        study: What to sweep.
        only: The cases of it that will be launched; all when None.
    Raises:
        WorkloadError: The workload can't be imported, or it fails serially.
    """
    sweep = expand(study)
    if only is not None:
        sweep.entries = [entry for entry in sweep.entries if entry.case in only]
    prepare(sweep)
    try:
        references = plan.measure_references(sweep)
    except BaseException:
        clear(sweep)
        raise
    return Forecast(sweep, references, plan.estimate_s([entry.case for entry in sweep.entries], references, study))


class Runner:
    """One run of a study: a store, what is known about its cases, and what became of them."""

    def __init__(self, study: Study, ahead: Forecast, results: str | Path) -> None:
        self.study = study
        self.ahead = ahead
        self.started = machine.clock()
        self.store = Store.create(results, {
            "schema_version": SCHEMA_VERSION,
            "scalebench": scalebench.__version__,
            "study": study.described(),
            "suites": ahead.sweep.suites,
            "machine": machine.fingerprint(),
            "git_commit": _git_commit(),
            "variants": {name: dict(start.about) for name, start in ahead.sweep.starts.items()},
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load_average": machine.load_average(),
            "cases": len(ahead.sweep.entries),
            "estimate_s": ahead.estimate_s,
            "status": "running",
        })  # fmt: skip
        self._rounds: dict[Case, int] = {}  #: the same for all variants of a case: the least of more rounds is less
        self._failures: dict[str, int] = {}
        self._closed: dict[str, tuple[str, str]] = {}  #: case_id -> status, message of what is not launched any more
        self._findings: dict[tuple[str, str], Finding] = {}
        self._blocks: set[int] = set()  # begun

    def launch(self, entry: Entry, block: int, *, rounds: int | None = None) -> Launch:
        """Launch a case in a block, once more where it failed, and store each attempt before the next is begun."""
        case = entry.case
        self._blocks.add(block)
        reference = self.ahead.references.get(plan.reference_key(case))
        told = None
        for attempt in range(_ATTEMPTS):
            identity = {
                "run_id": self.store.run_id, "machine_id": machine.fingerprint()["machine_id"], "study": self.study.name,
                "suite": entry.suite, "block": block, "attempt": attempt,
            }  # fmt: skip
            told = self._closed_launch(case, identity)
            if told is None:
                planned = self._rounds.get(replace(case, variant=None)) if rounds is None else rounds
                told = launch(case, identity, self.ahead.sweep, self.study, reference, planned, entry.task_timing)
            self.store.write_launch(f"{block:04}-{case.case_id}-{attempt}", told.rows(), told.tasks())
            self._learn(case, told)
            if told.status in ("ok", "unavailable", "skipped") or case.case_id in self._closed:
                break
        assert told is not None
        return told

    def _closed_launch(self, case: Case, identity: dict[str, Any]) -> Launch | None:
        """A row instead of a launch, where the case can't run or was given up."""
        if case.case_id not in self._closed:
            reason = local.unavailable(case.backend, self.ahead.sweep.start_of(case))
            if reason is None:
                return None
            self._closed[case.case_id] = ("unavailable", reason)
        told = Launch(case, {**identity, "case_id": case.case_id})
        told.fail(*self._closed[case.case_id])
        return told

    def _learn(self, case: Case, told: Launch) -> None:
        """Rounds for the next blocks, cases to give up, findings."""
        if told.status == "ok":
            self._rounds.setdefault(replace(case, variant=None), sum(not one["warmup"] for one in told.rounds))
        elif told.status in ("unavailable", "skipped"):
            self._closed.setdefault(case.case_id, (told.status, told.message or ""))
        else:
            self._failures[case.case_id] = self._failures.get(case.case_id, 0) + 1
            if self._failures[case.case_id] >= _ATTEMPTS:
                why = f"not launched again: {told.status} {_ATTEMPTS} times, last with: {brief(told.message)}"
                self._closed[case.case_id] = ("skipped", why)
        for finding in doubts(case, told):
            self._findings.setdefault((finding.code, case.case_id), finding)

    def run(self, observe: Observer) -> None:
        """All blocks that the study asks for: as many as planned, fewer for the budget, more for the precision."""
        while (reason := self.stop_reason()) is None:
            block = len(self._blocks)
            for entry in shuffled(self.ahead.sweep.entries, self.study.seed, block):
                observe(entry, block, self.launch(entry, block))
        self.store.about["stop_reason"] = reason

    def stop_reason(self) -> str | None:
        """Why no further block is begun; None when one is."""
        study, done = self.study, len(self._blocks)
        if not done:
            return None
        elapsed = machine.clock() - self.started
        if study.budget is not None and elapsed * (done + 1) / done > study.budget:
            return "budget"
        if study.precision is None:
            return "blocks" if done >= study.blocks else None
        if done >= _LEAST_BLOCKS and self._precise_enough():
            return "precision"
        return "most blocks" if done >= _MOST_BLOCKS else None

    def _precise_enough(self) -> bool:
        from scalebench.analysis.scaling import launches, worst_precision

        worst = worst_precision(launches(load(self.store.folder).rounds))
        return worst is not None and worst <= self.study.precision

    def finish(self, status: str = "finished") -> Path:
        """Compact the parts and close the run; returns its folder."""
        if len(self._blocks) < _LEAST_BLOCKS:
            self._findings[TooFewBlocks.code, ""] = TooFewBlocks(blocks=len(self._blocks))
        clear(self.ahead.sweep)
        self.store.compact()
        self.store.save(
            status=status,
            actual_s=machine.clock() - self.started,
            findings=[finding.described() for finding in self._findings.values()],
        )
        return self.store.folder


def doubts(case: Case, told: Launch) -> list[Finding]:
    """The findings that one launch gives rise to."""
    found: list[Finding] = []
    facts = told.found
    if facts.get("oversubscribed"):
        found.append(Oversubscribed(case=case.label, threads=facts["runnable_threads"], cpus=facts["cpu_budget"]))
    low, high = facts.get("blas_found_min"), facts.get("blas_found_max")
    if case.blas_threads is not None and low is not None and high is not None and {low, high} != {case.blas_threads}:
        found.append(BlasThreadsNotAsAsked(case=case.label, asked=case.blas_threads, found_min=low, found_max=high))
    cache = machine.last_level_cache_bytes()
    held = plan.held_bytes(case)
    if case.kind == "stream" and held is not None and cache is not None and held <= cache:
        found.append(FitsCache(case=case.label, held_bytes=held, cache_bytes=cache))
    return found


def run(study: Study | None = None, *, results: str | Path = "results", observe: Observer | None = None) -> Result:
    """Measure a study, the default one when None, and return what was measured.

    Args:
        study: What to sweep.
        results: Folder that the run's folder is made in.
        observe: Called after each launch with the entry, the block and the launch.
    Returns:
        The rows, as stored. ``path`` is the run's folder.
    Raises:
        StudyError, WorkloadError, ResultsError: Before anything is measured.
    """
    from scalebench.study import profile

    study = profile() if study is None else study
    runner = Runner(study, forecast(study), results)
    status = "interrupted"
    try:
        runner.run(observe or (lambda *_: None))
        status = "finished"
    finally:
        folder = runner.finish(status)
    return load(folder)


def _git_commit() -> str | None:
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
