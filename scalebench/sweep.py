"""What a study multiplies out to: its cases, and the baselines that it forgot.

Pure: nothing is started. An axis that a backend or workload lacks collapses to None and duplicates go. A case belongs
to the first suite that names it.
"""

import difflib
import functools
import itertools
import pickle
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MethodType
from typing import TYPE_CHECKING, Any

from scalebench import machine, scheduler
from scalebench.backends.base import OWN_AXES, Backend
from scalebench.backends.registry import get_backend, references
from scalebench.case import LOCAL, Case
from scalebench.command import PROGRAM, Program
from scalebench.errors import StudyError
from scalebench.launchers.base import Launcher, has_ranks
from scalebench.launchers.local import Local
from scalebench.sending import by_name, digest_of, pickled
from scalebench.study import Study, each_suite, program_of, reference_of, workload_name
from scalebench.variants import HERE, Start, Variant
from scalebench.workloads.describe import Workload
from scalebench.workloads.family import NAME
from scalebench.workloads.kinds import get_kind

if TYPE_CHECKING:
    from scalebench.jobs import Jobs

_TASK_BYTES = 1_200  # that a host and the controller hold of a task: measured, a million of them (benchmarks/load)
_MOST_TASKS = 8_192  # that a total is cut into: beyond, rounds of short tasks would last without telling more


@dataclass(frozen=True, slots=True)
class Entry:
    """A case of a study, the suite that it belongs to, and why it was added, if it was."""

    case: Case
    suite: str
    added: str | None = None  #: which baseline it is, where the study lacked it
    task_timing: str = "on"  #: whether its tasks are recorded one by one


@dataclass(slots=True, weakref_slot=True)
class Sweep:
    """All that a study measures."""

    entries: list[Entry] = field(default_factory=list)
    #: suite -> ids of all cases that it names or needs, those too that belong to an earlier suite
    suites: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, Sequence[Any]] = field(default_factory=dict)  #: ``items_digest`` -> the given items
    #: workload name -> the function to send by value; None where the name is a reference that gives it
    functions: dict[str, Callable[..., Any] | Workload | None] = field(default_factory=dict)
    #: workload name -> its keyword arguments, where it has some
    kwargs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)  #: workload name -> the program that it is
    variants: dict[str, Variant] = field(default_factory=dict)  #: those that the study defines, in its order
    scheduler: str | None = None  #: where workers are that somebody has started, or the queue in whose jobs they start
    jobs: "Jobs | None" = None  #: those of such a queue
    address: str | None = None  #: where workers are now
    starts: dict[str, Start] = field(default_factory=dict)  #: what became of them here, once they are prepared
    prepared: Callable[[], Any] | None = None  #: undoes the preparation
    launcher: Launcher = field(default_factory=lambda: Local({}))  #: starts the hosts

    def start_of(self, case: Case) -> Start:
        """How the hosts of a case start. That of a program is always the same: the variant is the program's."""
        return HERE if case.variant is None or case.backend == PROGRAM else self.starts[case.variant]


def expand(study: Study) -> Sweep:
    """The cases of a study, baselines included, in the order in which the study names them.

    Raises:
        StudyError: Cases that can't be, or whose tasks are more than memory could hold.
    """
    sweep = Sweep(variants=dict(study.variants), scheduler=study.scheduler, address=study.scheduler)
    seen: set[Case] = set()
    for suite in each_suite(study):
        asked: dict[Case, str | None] = dict.fromkeys(_multiply(suite, sweep))
        for case in list(asked):
            for why, baseline in baselines(case).items() if study.baselines else ():
                asked.setdefault(baseline, why)
        sweep.suites[suite.name] = [case.case_id for case in asked]
        for case, added in asked.items():
            if case not in seen:
                seen.add(case)
                sweep.entries.append(Entry(case, suite.name, added, suite.task_timing))
    if sweep.scheduler is not None:
        scheduler.check(sweep.scheduler, dict.fromkeys(entry.case.backend for entry in sweep.entries if entry.added is None))
    _check_tasks(max((entry.case.tasks for entry in sweep.entries if entry.case.backend != PROGRAM), default=0))
    return sweep


def _check_tasks(most: int) -> None:
    held, memory = most * _TASK_BYTES, machine.memory_bytes()
    if held > memory:
        rule = (
            f"{most:,} tasks in a case: to hold them takes about {held / 2**30:,.0f} GiB, and there are {memory / 2**30:,.1f} GiB"
        )
        raise StudyError("tasks", most, rule, "Give fewer, each of more work: a larger --size, or items that stand for more")


def shuffled(entries: Sequence[Entry], seed: int, block: int) -> list[Entry]:
    """The entries in the random order of a block, the same for the same seed.

    The variants of a case stand next to each other, in an order of their own, so that the machine has the least time to
    change between them.
    """
    generator = random.Random(f"scalebench-block-{seed}-{block}")
    together: dict[Case, list[Entry]] = {}
    for entry in entries:
        together.setdefault(replace(entry.case, variant=None), []).append(entry)
    order = list(together.values())
    generator.shuffle(order)
    return [entry for variants in order for entry in generator.sample(variants, len(variants))]


def baselines(case: Case) -> dict[str, Case]:
    """What the ratios of a case are taken against, by name; without the case itself."""
    one = replace(case, workers=1, nodes=1, tasks=case.tasks // case.workers if case.scaling == "weak" else case.tasks)
    serial = as_serial(one)
    if case.backend == PROGRAM:
        found = {"one-worker baseline": serial, "one-worker baseline with as many BLAS threads": one}
    else:
        found = {"serial baseline": serial, "one-worker baseline": one}
    if case.backend != PROGRAM and case.blas_threads not in (None, 1):
        found["serial baseline with as many BLAS threads"] = replace(serial, blas_threads=case.blas_threads)
    return {why: baseline for why, baseline in found.items() if baseline != case}


def as_serial(case: Case) -> Case:
    """The same tasks in the ``serial`` backend with one BLAS thread, and no axis that it lacks; a program with one worker."""
    if case.backend == PROGRAM:
        return replace(case, workers=1, nodes=1, blas_threads=1)
    own: dict[str, Any] = dict.fromkeys(OWN_AXES)
    threads = None if case.blas_threads is None else 1
    return replace(case, backend="serial", workers=1, nodes=1, blas_threads=threads, binding=None, **own)


def _multiply_program(suite: Study, program: Program, sweep: Sweep) -> list[Case]:
    """An axis that the command doesn't name collapses; threads are in its environment whether it does or not."""
    name, named = program.command.text, program.placeholders
    if sweep.programs.setdefault(name, program) != program:
        rule = "two suites run this command, with another prepare, figure_of_merit or ignore_failure"
        raise StudyError("command", name, rule, "Give each its own study")
    axes = (
        suite.scaling, suite.size if "size" in named else (None,), suite.tasks if "tasks" in named else (1,),
        suite.workers if "workers" in named else (1,), _nodes(suite) if "nodes" in named else (1,), suite.blas_threads, suite.variant,
    )  # fmt: skip
    return [
        Case(workload=name, size=size, seed=suite.seed, scaling=scaling, variant=variant, backend=PROGRAM, workers=workers,
             blas_threads=threads, tasks=tasks * workers if scaling == "weak" else tasks, launcher=suite.launcher, nodes=nodes)
        for scaling, size, tasks, workers, nodes, threads, variant in itertools.product(*axes)
        if nodes == 1 or "workers" not in named or workers >= nodes
    ]  # fmt: skip


def _multiply(suite: Study, sweep: Sweep) -> list[Case]:
    if (program := program_of(suite)) is not None:
        return _multiply_program(suite, program, sweep)
    workload = workload_name(suite)
    by_value = None if isinstance(suite.workload, str) or _refers_to(reference_of(suite), suite.workload) else suite.workload
    known = sweep.functions.setdefault(workload, by_value)
    # by identity, since an object may have any idea of equality; a bound method is made anew each time that it is looked up
    if known is not by_value and not (isinstance(by_value, MethodType) and known == by_value):
        raise StudyError("workload", workload, "two functions have this name", "Give each its own name, or its own study")
    if isinstance(suite.workload, str) and workload != NAME:
        check_reference(suite.workload)
    if suite.kwargs:
        sweep.kwargs[workload] = suite.kwargs
    items_digest = None
    if suite.items is not None:
        items_digest = digest_of("items", suite.items, f"{len(suite.items)} items")
        sweep.items[items_digest] = suite.items
    cases = []
    backends = dict.fromkeys(name for asked in suite.backend for name in (references() if asked == "all" else [asked]))
    for kind_name, scaling, backend_name in itertools.product(suite.kind, suite.scaling, backends):
        kind = get_kind(kind_name) if workload == NAME else None
        backend = get_backend(backend_name)
        own = itertools.product(*(_values(suite, backend, axis) for axis in OWN_AXES))
        for size, imbalance, tasks, workers, nodes, threads, binding, its_own, variant in itertools.product(
            suite.size if kind else (None,),
            suite.imbalance if kind else (None,),
            (len(suite.items),) if suite.items is not None else suite.tasks,
            (1,) if backend.only_one_worker else suite.workers,
            _nodes(suite) if has_ranks(backend) else (1,),
            suite.blas_threads if kind is None or kind.uses_blas else (None,),
            suite.binding,
            [dict(zip(OWN_AXES, values, strict=True)) for values in own],
            suite.variant,
        ):
            if workers < nodes:
                continue  # some node would have none
            if kind is not None and suite.total is not None and suite.items is None:
                tasks = max(tasks, _cut(suite.total, kind.parse(size or kind.default_size)[1]))
                if tasks < workers * (its_own["chunksize"] or 1):
                    continue  # too few chunks for the workers: it would tell of idle workers, not of the interface
            cases.append(Case(
                workload=workload,
                kind=kind.name if kind else None,
                size=(size or kind.default_size) if kind else None,
                imbalance=imbalance,
                items_digest=items_digest,
                seed=suite.seed,
                scaling=scaling,
                variant=variant,
                backend=backend_name,
                workers=workers,
                blas_threads=threads,
                binding=binding,
                tasks=tasks * workers if scaling == "weak" else tasks,
                launcher=suite.launcher,
                nodes=nodes,
                **its_own,
            ))  # fmt: skip
    return cases


def check_reference(reference: str) -> None:
    """``module:attribute``, both dotted names."""
    module, colon, attribute = reference.partition(":")
    if colon and all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        return
    way_out = "For example mypackage.module:simulate"
    if difflib.get_close_matches(reference, [NAME]):
        way_out = f"Did you mean {NAME!r}? {way_out}"
    elif module.endswith(".py"):
        way_out = f"Modules are named as in an import: {module.removesuffix('.py').replace('/', '.').strip('.')}:{attribute or 'function'}"
    elif not colon and "." in module and all(part.isidentifier() for part in module.split(".")):
        head, _, tail = module.rpartition(".")
        way_out = f"Did you mean {head}:{tail}?"
    raise StudyError("workload", reference, f"neither {NAME} nor module:attribute", way_out)


def _cut(total: int, units: int) -> int:
    """How many tasks of ``units`` a total makes: a power of two, so that workers and chunks share them evenly."""
    return 1 << (max(1, min(_MOST_TASKS, total // units)).bit_length() - 1)


def _values(suite: Study, backend: Backend, axis: str) -> tuple[Any, ...]:
    """Values of one of the backend's own axes: the study's, the backend's default, or the one None it collapses to."""
    if axis not in backend.axes:
        return (None,)
    asked: tuple[Any, ...] | None = getattr(suite, axis)
    return asked or backend.axes[axis]


def _nodes(suite: Study) -> tuple[int, ...]:
    """The nodes asked for, which collapse to one where hosts start on this machine only: the study of a cluster runs on a laptop too."""
    nodes: tuple[int, ...] = suite.nodes
    if suite.launcher != LOCAL:
        return nodes
    if 1 not in nodes:
        rule = "the launcher 'local' starts hosts on this machine and no other"
        way_out = "Give --launcher slurm, or --launcher mpiexec --launcher-option hosts=node1,node2; or --nodes 1"
        raise StudyError("nodes", nodes, rule, way_out)
    return (1,)


def _refers_to(reference: str, function: Callable[..., Any] | Workload) -> bool:
    """Whether a host that imports ``module:attribute`` finds this very function there."""
    module, _, name = reference.partition(":")
    try:
        found: Any = functools.reduce(getattr, name.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        return False
    return module != "__main__" and found is function


def job_and_items(case: Case, sweep: Sweep) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a host needs to run a case: the job for its workers and the recipe for the items, as values of JSON and bytes."""
    job: dict[str, Any] = {"workload": case.reference, "kind": case.kind}
    if (function := sweep.functions.get(case.workload)) is not None:
        import cloudpickle

        job["pickled"] = pickled("workload", case.workload, lambda: cloudpickle.dumps(function))
    if (kwargs := sweep.kwargs.get(case.workload)) is not None:
        job["kwargs"] = pickled("kwargs", ", ".join(kwargs), lambda: by_name(dict(kwargs)))
    items = None if case.items_digest is None else sweep.items[case.items_digest]
    if case.kind is not None:
        recipe: dict[str, Any] = {
            "kind": case.kind, "size": case.size, "tasks": case.tasks, "imbalance": case.imbalance, "seed": case.seed,
            "numbers": None if items is None else list(items),
        }  # fmt: skip
    elif items is None:
        recipe = {"tasks": case.tasks, "pickled": pickle.dumps(range(case.tasks))}
    else:
        recipe = {"tasks": case.tasks, "pickled": pickle.dumps(items)}
    return job, recipe
