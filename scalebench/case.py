"""A case: one point of a sweep, defined by what is asked only, so that its id is equal on all machines."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from multiprocessing import get_all_start_methods
from typing import Any

from scalebench.command import PROGRAM, short_name

#: values that a label does not name
_USUAL = {"mpi_mode": "world", "start_method": get_all_start_methods()[0], "distribution": "block"}

SCALINGS = ("strong", "weak")
LOCAL = "local"  #: the launcher that starts hosts on this machine


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that is needed to run one point again, nothing that was measured. None: the case lacks that axis."""

    workload: str  #: ``really_hard_task``, ``module:attribute`` with its keyword arguments, or a program's command
    kind: str | None = None  #: of the ``really_hard_task`` family
    size: str | None = None  #: how much, in the kind's unit
    imbalance: float | None = None  #: half-width of the spread of task sizes, relative to their mean
    items_digest: str | None = None  #: of given items; None where they follow from ``tasks``
    seed: int = 0  #: of the imbalance
    scaling: str = "strong"  #: ``strong`` or ``weak``
    variant: str | None = None  #: name of another start command for the host
    backend: str = "serial"
    start_method: str | None = None
    mpi_mode: str | None = None
    distribution: str | None = None
    workers: int = 1  #: processes, threads or ranks that run tasks
    blas_threads: int | None = None  #: asked for in each worker
    binding: str | None = None
    chunksize: int | None = None  #: None: the interface's own default
    tasks: int = 1  #: in all
    launcher: str = LOCAL  #: how hosts are started
    nodes: int = 1  #: that the workers are on

    @cached_property
    def case_id(self) -> str:
        """16 hexadecimal digits that name what was asked. How it was started is not part of it: a laptop and a cluster can be compared."""
        text = json.dumps(asdict(replace(self, launcher=LOCAL)), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def reference(self) -> str:
        """``module:attribute`` of the workload, without its keyword arguments."""
        return self.workload.partition("(")[0]

    @property
    def label(self) -> str:
        """For people: ``crunch-processes-w4``, and those axes that don't have their usual value."""
        if self.backend == PROGRAM:
            parts = [short_name(self.workload), *([self.size] if self.size else [])]
        else:
            parts = [self.kind or self.reference.replace(":", ".").rpartition(".")[2], self.backend]
        own = {"mpi_mode": self.mpi_mode, "start_method": self.start_method, "distribution": self.distribution}
        parts += [value for axis, value in own.items() if value and value != _USUAL[axis]]
        parts.append(f"w{self.workers}")
        parts += [f"n{self.nodes}"] if self.nodes > 1 else []
        usual = 1 if self.backend == PROGRAM else None
        parts += [f"b{self.blas_threads}"] if self.blas_threads not in (None, usual) else []
        parts += [f"bound-to-{self.binding}"] if self.binding else []
        parts += [f"c{self.chunksize}"] if self.chunksize else []
        parts += [self.variant] if self.variant else []
        return "-".join(parts)

    def asked(self) -> dict[str, Any]:
        """The columns of a row that say what was asked."""
        return asdict(self)
