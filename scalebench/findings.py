"""Doubts as data: a code, its numbers, advice. Stored with the rows, shown in every report, explained in docs/findings/."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from scalebench.errors import count

_NAMED = 5  #: cases that a sentence lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A reason not to take a result at its face value."""

    code: ClassVar[str]

    def described(self) -> dict[str, Any]:
        """As plain JSON values: code, numbers, and the sentence with its advice."""
        return {"code": self.code, **asdict(self), "text": str(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitsCache(Finding):
    """``stream`` arrays that the last-level cache holds: not a measurement of memory."""

    code: ClassVar[str] = "SB101"
    case: str  #: label
    held_bytes: int  #: by all workers together
    cache_bytes: int

    def __str__(self) -> str:
        return (f"{self.case}: {self.held_bytes / 2**20:.0f} MiB fit the last-level cache of {self.cache_bytes / 2**20:.0f} MiB: "
                "this is the cache's speed, not memory's; use a larger --size")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTooShort(Finding):
    """A task of somebody's own function is over before it can be told from what is done beside it."""

    code: ClassVar[str] = "SB102"
    LEAST_S: ClassVar[float] = 20e-6  #: within it the recorder shares a reading of the CPU clock between two tasks
    workload: str
    task_s: float  #: of the mean task, run serially

    def __str__(self) -> str:
        return (f"{self.workload}: a task takes {1e6 * self.task_s:.2g} us: what is measured is the interface that sends it, "
                "hardly the function; let an item stand for more work, or use a larger --chunksize")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersUnchecked(Finding):
    """Nothing says that parallel runs give the answers of the serial one."""

    code: ClassVar[str] = "SB103"
    workload: str
    answers: str | None  #: type of an answer that can't be compared
    varies: int | None = None  #: else the first task that was answered in another way when it was run once more

    def __str__(self) -> str:
        if self.varies is not None:
            return (f"{self.workload}: run once more, item {self.varies} gave another answer: nobody checked that parallel runs give "
                    "the right ones; seed its random generator by item, or give a scalebench.Workload its check")  # fmt: skip
        why = "returns None" if self.answers == "None" else f"returns {self.answers}, which has no digest"
        return (f"{self.workload}: {why}: nobody checked that parallel runs give the right answers; "
                "return numbers, text, arrays or lists of them, or give a scalebench.Workload its check")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversubscribed(Finding):
    """More threads want a CPU than may use one."""

    code: ClassVar[str] = "SB104"
    case: str
    threads: int  #: expected to want a CPU at a time
    cpus: int  #: that the workers may use

    def __str__(self) -> str:
        return (f"{self.case}: {self.threads} threads on {self.cpus} CPUs: times include waiting for a CPU; "
                "fewer --workers or --blas-threads would not")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BlasThreadsNotAsAsked(Finding):
    """The BLAS of a worker uses another number of threads than it was told to."""

    code: ClassVar[str] = "SB105"
    case: str
    asked: int
    found_min: int
    found_max: int

    def __str__(self) -> str:
        found = f"{self.found_min}" if self.found_min == self.found_max else f"{self.found_min} to {self.found_max}"
        return (f"{self.case}: {self.asked} BLAS threads asked for, {found} found in the workers: the code sets them itself "
                "(threadpool_limits, set_num_threads), or the library gives no more than there are CPUs")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewBlocks(Finding):
    """Fewer than three blocks: nothing says how far another run might be off."""

    code: ClassVar[str] = "SB110"
    LEAST: ClassVar[int] = 3  #: that ``analysis.statistics`` gives an interval for
    blocks: int

    def __str__(self) -> str:
        return f"{count(self.blocks, 'block')}: no interval can be given from fewer than {self.LEAST}; use --blocks 5"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionMissed(Finding):
    """A precision was asked for, and the run ended before every interval was as narrow."""

    code: ClassVar[str] = "SB111"
    wanted: float  #: half an interval's width relative to its value
    judged: int  #: cases
    ended: str  #: why no further block was begun
    missed: list[dict[str, Any]]  #: the widest first: case_id, case, quantity, precision, blocks, blocks_needed

    def __str__(self) -> str:
        named = [f"{one['case']} {one['quantity']} {_share(one['precision'])}" for one in self.missed[:_NAMED]]
        more = len(self.missed) - len(named)
        listed = ", ".join(named) + (f", and {more} more" if more else "")
        needed = [one["blocks_needed"] for one in self.missed]
        blocks = (
            f"about {count(max(needed), 'block')} would do" if all(needed) else "no number of blocks can be told that would do"
        )
        return (f"precision {self.wanted:.2g} ({_share(self.wanted)}) was missed by {len(self.missed)} of {count(self.judged, 'case')} "
                f"(ended by: {self.ended}): {listed}; {blocks}: more --budget, fewer cases, or a quieter machine")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsDamaged(Finding):
    """Launches of a run, or their tasks, are left out: their files were cut off or changed."""

    code: ClassVar[str] = "SB112"
    folder: str
    parts: list[str]  #: names of files below ``parts/``

    def __str__(self) -> str:
        more = f" and {len(self.parts) - 3} more" if len(self.parts) > 3 else ""
        told = [f"{self.folder}: left out, since their content is not what was written: {', '.join(self.parts[:3])}{more}"]
        if any(part.endswith(".rounds.parquet") for part in self.parts):
            told.append(f"their launches are made again by scalebench run --resume {self.folder}")
        if any(part.endswith(".tasks.parquet") for part in self.parts):
            told.append("tasks are lost where the rounds of their launch are whole: those count, without an account")
        return "; ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDrifted(Finding):
    """The canary had another level for a part of the run: the machine changed under it."""

    code: ClassVar[str] = "SB120"
    first: int  #: launch of the stretch, in order of time, from 0
    last: int
    launches: int  #: of the run
    inside_s: float  #: median canary of the stretch
    outside_s: float  #: of the other launches
    chance: float  #: of such a stretch on a machine that varies without order

    def __str__(self) -> str:
        change = 100 * (self.inside_s / self.outside_s - 1)
        return (f"from launch {self.first} to {self.last} of {self.launches} the machine was {abs(change):.0f}% "
                f"{'slower' if change > 0 else 'faster'} (canary {1e3 * self.inside_s:.3g} ms, else {1e3 * self.outside_s:.3g} ms; "
                "chance without drift at most 1%): trust ratios within a block more than seconds, and repeat the run before "
                "you compare it with another")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineBusy(Finding):
    """Others used CPUs that the run was to have."""

    code: ClassVar[str] = "SB121"
    taken: float  #: CPUs of the budget, mean of the looks
    cpus: int  #: the CPU budget
    looks: int  #: one at the start of each block, while the run itself slept
    load_average: float | None  #: of the minute before the run

    def __str__(self) -> str:
        load = "" if self.load_average is None else f"; load average {self.load_average:.2g} at the start"
        return (f"others used {self.taken:.2g} of {self.cpus} CPUs at the start of blocks ({count(self.looks, 'look')}{load}): cases that want "
                "all CPUs waited for one; end what else runs, or use fewer --workers")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUnsteady(Finding):
    """The same small task took very different times: a neighbour, or a clock that changes."""

    code: ClassVar[str] = "SB122"
    low_s: float  #: 5% quantile of the canary
    high_s: float  #: 95% quantile
    launches: int

    def __str__(self) -> str:
        return (f"the same small task took {1e3 * self.low_s:.3g} to {1e3 * self.high_s:.3g} ms (the middle 90% of {self.launches} "
                "launches): intervals are wide for a reason that is not the code; fix the CPU's clock, bind workers, or use "
                "a machine without neighbours")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RawDataCutOff(Finding):
    """A file of pytest-benchmark holds some of its rounds only."""

    code: ClassVar[str] = "SB130"
    case: str  #: full name of the benchmark
    rounds: int  #: that were measured
    where: str  #: they end

    def __str__(self) -> str:
        return (f"{self.case}: {self.rounds} rounds were measured, but {self.where}: somebody cut them off; "
                "the file's own summary of all rounds is used")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NotATime(Finding):
    """A benchmark of pyperf measured something else than time."""

    code: ClassVar[str] = "SB131"
    case: str  #: name of the benchmark
    unit: str

    def __str__(self) -> str:
        return (
            f"{self.case}: left out, its unit is the {self.unit}, and only times are compared; measure it without --track-memory"
        )


def _share(value: float | None) -> str:
    return "no interval" if value is None else f"\u00b1{100 * value:.2g}%"


FINDINGS: tuple[type[Finding], ...] = (FitsCache, TaskTooShort, AnswersUnchecked, Oversubscribed, BlasThreadsNotAsAsked,
                                       TooFewBlocks, PrecisionMissed, PartsDamaged, MachineDrifted,
                                       MachineBusy, MachineUnsteady, RawDataCutOff, NotATime)  # fmt: skip
