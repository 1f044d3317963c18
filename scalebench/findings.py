"""Doubts as data: a code, its numbers, advice. Stored with the rows, shown in every report, explained in docs/findings/."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


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
    blocks: int

    def __str__(self) -> str:
        return f"{self.blocks} block(s): no interval can be given from fewer than 3; use --blocks 5"


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


FINDINGS: tuple[type[Finding], ...] = (FitsCache, Oversubscribed, BlasThreadsNotAsAsked, TooFewBlocks, RawDataCutOff, NotATime)
