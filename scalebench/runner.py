"""Drive a study: blocks of launches in random order, each stored before the next is begun.

Launches are randomised complete blocks: two things measured one after the other differ by the machine's mood.
Adaptive are the rounds of a launch (from its warm-up in block 0; where a precision is asked, planned anew after each
block) and the number of whole blocks; precision is judged after a block, never within a launch. How is for
``analysis.planning`` and ``analysis.precision`` to say: the runner keeps the rows and asks them.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scalebench
from scalebench import machine, plan
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.command import PROGRAM
from scalebench.doubts import doubts, doubts_of_canary, doubts_of_workload
from scalebench.errors import brief
from scalebench.findings import (
    Finding,
    MachineBusy,
    PrecisionMissed,
    TooFewBlocks,
)
from scalebench.forecast import Forecast, end, git_commit
from scalebench.launch import INTERRUPTED, Launch, launch
from scalebench.launchers.base import never
from scalebench.results.schema import ROUNDS, SCHEMA_VERSION, to_frame
from scalebench.results.store import Store
from scalebench.resume import Earlier
from scalebench.study import Study, described
from scalebench.sweep import Entry, shuffled

if TYPE_CHECKING:
    import pandas as pd

    from scalebench.analysis.planning import Plan

_ATTEMPTS = 2  # a case that failed as often is given up
_MOST_BLOCKS = 100  # when a precision is asked for and no budget ends it

#: told after each launch: which one, what came of it
Observer = Callable[[Entry, int, Launch], None]


class Runner:
    """One run of a study: a store, what is known about its cases, and what became of them."""

    def __init__(self, study: Study, ahead: Forecast, results: str | Path) -> None:
        """Make the run's folder below ``results``, or go on with the one that was begun earlier.

        Raises:
            ResultsError: The folder can't be written.
        """
        self.study = study
        self.ahead = ahead
        #: when it would have begun had it measured all along: neither interrupted nor waiting for a queue
        self.started = machine.clock() - (0.0 if ahead.earlier is None else ahead.earlier.elapsed_s)
        #: block and case_id -> what was stored before the run was resumed
        self._earlier: dict[tuple[int, str], list[Launch]] = {}
        try:
            self.store = self._begin(results) if ahead.earlier is None else self._go_on(ahead.earlier)
        except BaseException:
            end(ahead.sweep)
            raise
        ahead.sweep.launcher.begin_run(self.store.run_id)
        self._rounds: dict[Case, int] = {}  #: the same for all variants of a case: the least of more rounds is less
        self._failures: dict[str, int] = {}
        self._closed: dict[str, tuple[str, str]] = {}  #: case_id -> status, message of what is not launched any more
        self._findings: dict[tuple[str, str], Finding] = {}
        self._note_references()
        self._blocks: set[int] = set()  # begun
        self._frames: list[pd.DataFrame] = []  #: of each block, kept where a precision is judged
        #: of the block that is being measured: a row takes ten times as much as one of a frame
        self._rows: list[dict[str, Any]] = []
        self._costs: dict[str, tuple[float, float]] = {}  #: case_id -> s of a round, s of the launch without counted rounds
        self._plan: Plan | None = None
        self._canary_s: list[float] = []
        self._used_by_others: list[float] = []  #: CPUs, one look a block

    @property
    def stored(self) -> int:
        """How many launches are left of before the run was resumed: they are not made again."""
        return len(self._earlier)

    def _begin(self, results: str | Path) -> Store:
        study, ahead = self.study, self.ahead
        return Store.create(results, {
            "schema_version": SCHEMA_VERSION,
            "scalebench": scalebench.__version__,
            "study": described(study),
            "suites": ahead.sweep.suites,
            "machine": ahead.machine,
            "git_commit": git_commit(),
            "variants": {name: dict(start.about) for name, start in ahead.sweep.starts.items()},
            "started_at": _now(),
            "load_average": machine.load_average(),
            "cases": len(ahead.sweep.entries),
            "estimate_s": ahead.estimate_s,
            "status": "running",
        })  # fmt: skip

    def _go_on(self, earlier: Earlier) -> Store:
        self._earlier = earlier.launches(entry.case for entry in self.ahead.sweep.entries)
        store = Store.reopen(earlier.folder, earlier.about)
        resumed = {
            "started_at": _now(),
            "load_average": machine.load_average(),
            "launches": sum(map(len, self._earlier.values())),
        }
        store.save(status="running", resumed=[*earlier.about.get("resumed", []), resumed])
        return store

    def launch(self, entry: Entry, block: int, *, rounds: int | None = None, ends: Callable[[], bool] = never) -> Launch:
        """Launch a case in a block, once more where it failed, and store each attempt before the next is begun.

        Attempts that were stored before the run was resumed are not made again; what they taught is learnt again.

        Raises:
            KeyboardInterrupt: ``ends`` said so; what was measured of the launch until then is stored.
        """
        case = entry.case
        if self.begins(block):
            self._blocks.add(block)
            if self.ahead.sweep.launcher.here:
                self._used_by_others.append(machine.cpus_in_use())
        reference = self.ahead.references.get(plan.reference_key(case))
        told = None
        earlier = self._earlier.pop((block, case.case_id), [])
        for told in earlier:
            self._note_costs(told, None)
            self._learn(case, told)
        for attempt in range(len(earlier), _ATTEMPTS):
            if told is not None and self._settled(case, told):
                break
            if ends():
                raise KeyboardInterrupt
            identity = {
                "run_id": self.store.run_id, "machine_id": self.ahead.machine["machine_id"], "study": self.study.name,
                "suite": entry.suite, "block": block, "attempt": attempt,
            }  # fmt: skip
            told = self._closed_launch(case, identity)
            if told is None:
                planned = self._rounds.get(replace(case, variant=None)) if rounds is None else rounds
                self._wait(case, ends)
                began = machine.clock()
                told = launch(case, identity, self.ahead.sweep, self.study, reference, planned, entry.task_timing, ends)
                self._note_costs(told, machine.clock() - began)
            if told.stop_reason == INTERRUPTED and all(one["warmup"] for one in told.rounds):
                raise KeyboardInterrupt  # a warm-up alone is no measurement: the launch is made again
            self.store.write_launch(f"{block:04}-{case.case_id}-{attempt}", told.rows(), told.tasks())
            self._learn(case, told)
            if told.stop_reason == INTERRUPTED:
                raise KeyboardInterrupt
        assert told is not None
        return told

    def _wait(self, case: Case, ends: Callable[[], bool]) -> None:
        """Return when a case can be launched, which a queue may put off: a budget is spent on blocks, not on that."""
        sweep, began = self.ahead.sweep, machine.clock()
        try:
            sweep.launcher.wait(ends)
            if sweep.jobs is not None and get_backend(case.backend).scheduler is not None:
                sweep.address = sweep.jobs.wait(ends)
        finally:
            self.started += machine.clock() - began

    def _settled(self, case: Case, told: Launch) -> bool:
        """Whether there is nothing to try once more."""
        return told.status in ("ok", "unavailable", "skipped") or case.case_id in self._closed

    def _closed_launch(self, case: Case, identity: dict[str, Any]) -> Launch | None:
        """A row instead of a launch, where the case can't run or was given up."""
        if case.case_id not in self._closed:
            reason = self.ahead.sweep.launcher.unavailable(case.backend, self.ahead.sweep.start_of(case))
            if reason is None:
                return None
            self._closed[case.case_id] = ("unavailable", reason)
        told = Launch(case, {**identity, "case_id": case.case_id})
        told.fail(*self._closed[case.case_id])
        return told

    def _note_costs(self, told: Launch, seconds: float | None) -> None:
        """``seconds``: of the whole launch; None where that is not known any more, and the start and the end are to do."""
        if told.identity.get("canary_s") is not None:
            self._canary_s.append(told.identity["canary_s"])
        if self.study.precision is None:
            return
        self._rows += told.rows()
        walls = [one["wall_s"] for one in told.rounds if not one["warmup"] and one["status"] == "ok"]
        if told.status == "ok" and walls:
            if seconds is None:
                seconds = sum(walls) + walls[0] + told.found.get("startup_s", 0.0) + told.found.get("shutdown_s", 0.0)
            self._costs[told.case.case_id] = (sum(walls) / len(walls), max(seconds - sum(walls), 1e-3))

    def _learn(self, case: Case, told: Launch) -> None:
        """Rounds for the next blocks, cases to give up, findings."""
        if told.status == "ok":
            if told.stop_reason != INTERRUPTED:  # else it has fewer than it was to have
                self._rounds.setdefault(replace(case, variant=None), sum(not one["warmup"] for one in told.rounds))
        elif told.status in ("unavailable", "skipped"):
            self._closed.setdefault(case.case_id, (told.status, told.message or ""))
        elif not told.taken_away:  # else it says nothing of the case
            self._failures[case.case_id] = self._failures.get(case.case_id, 0) + 1
            if self._failures[case.case_id] >= _ATTEMPTS:
                why = f"not launched again: {told.status} {_ATTEMPTS} times, last with: {brief(told.message)}"
                self._closed[case.case_id] = ("skipped", why)
        for finding in doubts(case, told, self.ahead.sweep.launcher):
            self._findings.setdefault((finding.code, case.case_id), finding)

    def run(self, observe: Observer, ends: Callable[[], bool] = never) -> None:
        """All blocks that the study asks for: as many as planned, fewer for the budget, more for the precision.

        Args:
            observe: Told of each launch but those of before the run was resumed.
            ends: See :meth:`launch`.
        """
        while self._earlier or (reason := self.ended_by()) is None:  # a block that was begun is ended
            block = len(self._blocks)
            for entry in shuffled(self.ahead.sweep.entries, self.study.seed, block):
                before = self._earlier.get((block, entry.case.case_id))
                told = self.launch(entry, block, ends=ends)
                if before is None or told is not before[-1]:
                    observe(entry, block, told)
            self.end_block()
            self._replan()
        self.store.about["ended_by"] = reason

    def end_block(self) -> None:
        """Give back the jobs of the last block, if one was begun: the next one has its own."""
        if not self._blocks:
            return
        self.ahead.sweep.launcher.block_ended()
        if self.ahead.sweep.jobs is not None:
            self.ahead.sweep.jobs.close()

    def _replan(self) -> None:
        """Where a precision is asked: from all rows so far, the rounds of the launches to come."""
        study = self.study
        if study.precision is None or study.rounds is not None:
            return
        import pandas as pd

        from scalebench.analysis import planning

        paired = self._paired()
        counted = self._frame().merge(paired[["case_id", "block", "attempt"]])
        running = self._costs.keys() - self._closed.keys()
        costs = pd.DataFrame.from_dict(self._costs, orient="index", columns=["round_s", "fixed_s"])
        self._plan = planning.plan(
            planning.case_components(counted[~counted["warmup"].astype(bool)], paired),
            costs[costs.index.isin(running)],
            wanted=float(study.precision),
            done=len(self._blocks),
            most_blocks=_MOST_BLOCKS,
            rounds_between=(plan.LEAST_ROUNDS, plan.MOST_ROUNDS),
            left_s=float("inf") if study.budget is None else study.budget - (machine.clock() - self.started),
        )
        most: dict[Case, int] = {}
        for entry in self.ahead.sweep.entries:
            case, rounds = replace(entry.case, variant=None), self._plan.rounds.get(entry.case.case_id, 0)
            most[case] = max(rounds, most.get(case, 0))
        self._rounds |= {case: rounds for case, rounds in most.items() if rounds}

    def _frame(self) -> "pd.DataFrame":
        import pandas as pd

        if self._rows:
            self._frames.append(to_frame(self._rows, ROUNDS))
            self._rows = []
        return pd.concat(self._frames, ignore_index=True)

    def _paired(self) -> "pd.DataFrame":
        from scalebench.analysis.scaling import launches, with_baseline

        return with_baseline(launches(self._frame()))

    def ended_by(self) -> str | None:
        """Why no further block is begun; None when one is."""
        study, done = self.study, len(self._blocks)
        if not done:
            return None
        if study.precision is not None and self._precise_enough():
            return "precision"
        if study.precision is None and done >= study.blocks:
            return "blocks"
        if self.over_budget():
            return "budget"
        if study.precision is None:
            return None
        if all(entry.case.case_id in self._closed for entry in self.ahead.sweep.entries):
            return "no case left"
        return "most blocks" if done >= _MOST_BLOCKS else None

    def begins(self, block: int) -> bool:
        """Whether its first launch is still to come."""
        return block not in self._blocks

    def over_budget(self) -> bool:
        """Whether another block would end after the budget: by the mean of those done, and by what is planned."""
        if self.study.budget is None or not self._blocks:
            return False
        elapsed = machine.clock() - self.started
        planned = 0.0 if self._plan is None else self._plan.block_s
        return elapsed + max(elapsed / len(self._blocks), planned) > float(self.study.budget)

    def _precise_enough(self) -> bool:
        from scalebench.analysis.precision import LEAST, reached

        paired = self._paired() if len(self._blocks) >= LEAST else None
        last = max(self._blocks)
        # nothing is precise where nothing ran
        return paired is not None and bool(paired["block"].eq(last).any()) and reached(paired, float(self.study.precision), last)

    def _judge_precision(self, status: str) -> None:
        """Which cases missed what was asked, and by how much."""
        if self.study.precision is None or not (self._rows or self._frames):
            return
        from scalebench.analysis import precision

        paired = self._paired()
        wide = precision.missed(paired, float(self.study.precision))
        labels = {entry.case.case_id: entry.case.label for entry in self.ahead.sweep.entries}
        wide.insert(0, "case", wide["case_id"].map(labels))
        missed = json.loads(wide.drop(columns="run_id").to_json(orient="records", double_precision=6))  # null for what is absent
        if missed:
            self._findings[PrecisionMissed.code, ""] = PrecisionMissed(
                wanted=float(self.study.precision),
                judged=paired["case_id"].nunique(),
                ended=self.store.about.get("ended_by") or status,
                missed=missed,
            )

    def _judge_machine(self) -> None:
        """Whether the machine was in one mood, and ours; of others nothing is known."""
        if not self.ahead.sweep.launcher.here:
            return
        from scalebench.analysis import mood

        for finding in doubts_of_canary(self._canary_s):
            self._findings[finding.code, ""] = finding
        taken = mood.shortage(self._used_by_others, machine.cpu_budget(), machine.logical_cpus())
        if taken is not None:
            self._findings[MachineBusy.code, ""] = MachineBusy(
                taken=taken,
                cpus=machine.cpu_budget(),
                looks=len(self._used_by_others),
                load_average=self.store.about["load_average"],
            )

    def _note_references(self) -> None:
        for entry in self.ahead.sweep.entries:
            reference = self.ahead.references.get(plan.reference_key(entry.case))
            if entry.case.kind is None and entry.case.backend != PROGRAM and reference is not None:
                for finding in doubts_of_workload(entry.case.workload, reference):
                    self._findings.setdefault((finding.code, entry.case.workload), finding)

    def finish(self, status: str = "finished") -> Path:
        """Compact the parts and close the run; returns its folder."""
        if len(self._blocks) < TooFewBlocks.LEAST:
            self._findings[TooFewBlocks.code, ""] = TooFewBlocks(blocks=len(self._blocks))
        self._judge_precision(status)
        self._judge_machine()
        end(self.ahead.sweep)
        self.store.compact()
        self.store.save(
            status=status,
            actual_s=machine.clock() - self.started,
            findings=[finding.described() for finding in self._findings.values()],
        )
        return self.store.folder


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
