"""``serial``: a plain loop in the host itself. The baseline."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from scalebench.backends.base import PlainProcess, T
from scalebench.host import worker


class Serial(PlainProcess):
    """No pool at all: what the code costs without any interface."""

    name: ClassVar[str] = "serial"
    summary: ClassVar[str] = "a plain loop, the baseline"
    axes: ClassVar[dict[str, tuple[Any, ...]]] = {}
    only_one_worker: ClassVar[bool] = True

    def open(self, workers: int, job: worker.Job) -> "_Loop":
        if workers != 1:
            raise ValueError(f"serial has one worker, not {workers}")
        worker.install(job)
        return _Loop()


class _Loop:
    chunksize_found: int | None = None

    def before_round(self, function: Callable[[Any], Any]) -> None:
        pass

    def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        run = worker.in_place(function)
        return [run(item) for item in items]

    def each_worker(self, function: Callable[[], T]) -> list[T]:
        return [function()]

    def close(self) -> None:
        pass
