"""A study: what to sweep and how hard to look. Read from TOML, Python or flags; checked before anything is measured.

One word serves as key, flag and column. Top-level axes hold for the whole study; each of its ``suites`` overrides
what it names. Not here: what the axes multiply out to (``sweep``), what it will cost (``plan``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scalebench import axes
from scalebench.backends.registry import references
from scalebench.case import LOCAL, SCALINGS
from scalebench.command import KEYS, PLACEHOLDERS, PROGRAM, Program, check_axes, read_program
from scalebench.errors import StudyError
from scalebench.host.answers import digest
from scalebench.items import items_text, kwargs_kept, read_items, read_items_file, read_kwargs
from scalebench.launchers.registry import make_launcher
from scalebench.launchers.registry import references as launchers
from scalebench.results.kept import ADDRESS
from scalebench.sending import digest_of
from scalebench.variants import read_variants
from scalebench.workloads.describe import Workload
from scalebench.workloads.family import NAME
from scalebench.workloads.kinds import KINDS, get_kind

#: keys that multiply: each may hold several values
AXES = ("kind", "size", "imbalance", "tasks", "scaling", "backend", "start_method", "mpi_mode", "distribution",
        "workers", "nodes", "blas_threads", "binding", "chunksize", "variant")  # fmt: skip
#: keys that a suite may have
SUITE_KEYS = (*AXES, "workload", "items", "items_file", "kwargs", "total", "task_timing", *KEYS)
#: keys that are of a function's tasks
NOT_OF_A_PROGRAM = ("workload", "kind", "imbalance", "backend", "binding", "items", "items_file", "kwargs", "total", "start_method",
                    "mpi_mode", "distribution", "chunksize", "scheduler")  # fmt: skip
#: the words that a key takes, where they are the same on every machine
CHOICES = {
    "scaling": SCALINGS, "start_method": ("fork", "forkserver", "spawn"), "mpi_mode": ("world", "spawn"), "distribution": ("block", "cyclic"),
    "binding": ("none", "cores", "threads"), "task_timing": ("on", "off"),
}  # fmt: skip
_LONGEST_VALUE = 40  # characters of an argument in a workload's name


@dataclass(frozen=True, kw_only=True)
class Study:
    """What to measure. Every axis takes one value, a list, or text with commas.

    >>> Study(kind="sleep", workers=[1, 2], backend="threads").workers
    (1, 2)

    Raises:
        StudyError: For any value that can't be measured; it says key, value, rule and way out.
    """

    name: str = "study"  #: in columns and reports
    workload: str | Callable[..., Any] | Workload = NAME  #: ``really_hard_task``, ``module:attribute``, a function or a Workload
    command: Any = None  #: a program instead of a workload: its command, text or list, with ``{workers}``, ``{size}`` and so on
    shell: bool = False  #: whether /bin/sh reads the command
    figure_of_merit: Any = None  #: a regular expression; its group is a number in the program's output
    prepare: Any = None  #: a command to be run before each round, not timed
    ignore_failure: bool = False  #: whether a round counts though the command failed
    items: Any = None  #: what tasks are called with: a sequence, or text as ``range(200)``; else 0, 1, ... tasks - 1
    items_file: Any = None  #: a file of items instead: JSON, CSV or text
    kwargs: Any = None  #: keyword arguments of each task: a table, or text as ``steps=1000, method='rk4'``
    kind: Any = "crunch"  #: of the ``really_hard_task`` family
    size: Any = None  #: how much work a task is, in the kind's unit; None: the kind's default
    imbalance: Any = 0.0  #: half-width of the spread of task sizes relative to their mean, 0 to 1
    tasks: Any = 24  #: in all for strong scaling, per worker for weak
    scaling: Any = "strong"  #: strong: the same total work; weak: the same work per worker
    backend: Any = "serial,processes,threads"  #: names, or ``all``
    start_method: Any = None  #: of worker processes: fork, forkserver, spawn; None: Python's own default
    mpi_mode: Any = None  #: of mpi-pool: world, spawn; None: world
    distribution: Any = None  #: of tasks to the ranks of mpi: block, cyclic; None: block
    workers: Any = "1..2x"  #: counts; x is the CPU budget, n the machine's CPUs
    nodes: Any = 1  #: machines that the workers of MPI, or of a command that names {nodes}, are on; others have one
    blas_threads: Any = 1  #: in each worker
    binding: Any = "none"  #: of each worker to a CPU or core of its own: none, cores, threads
    chunksize: Any = None  #: tasks sent at a time; None: the interface's own default
    variants: Any = field(default_factory=dict)  #: start commands of the host by name: tables, or texts as ``git:HEAD~1``
    variant: Any = None  #: which of them; None: all
    blocks: Any = 5  #: passes over all cases, each in its own random order; with ``precision`` that decides
    rounds: Any = None  #: timed rounds a launch; None: at least 5, more where they are short
    precision: Any = None  #: go on until every interval is within this share of its value, at least eight blocks
    budget: Any = None  #: seconds to spend on blocks, not in a queue; the block that would pass it is not begun
    timeout: Any = None  #: seconds a round may take; None: from the estimate
    seed: Any = 0  #: of the order of cases and of the imbalance
    scheduler: Any = None  #: the address of workers that somebody has started, for backends that take one; None: their own, here
    total: Any = None  #: of the size's units (turns, us, products, 16 bytes), in all: tasks follow, but at least ``tasks``
    task_timing: str = "on"  #: off: tasks are not recorded one by one
    launcher: str = LOCAL  #: how hosts are started: local, mpiexec, slurm
    launcher_options: Any = field(default_factory=dict)  #: of that launcher: a table, or texts as ``partition=debug``
    suites: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  #: tables by name; each overrides keys of the study
    missing_backends_fail: bool = True  #: whether a backend that is asked for by name and unavailable counts as a failed case
    baselines: bool = True  #: whether the cases are added that ratios are taken against; without them variants take less time

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.name, str):
            raise StudyError("name", self.name, "must be text", 'For example name = "mine"')
        if not isinstance(self.workload, (str, Workload)) and not callable(self.workload):
            raise StudyError("workload", self.workload, "neither text nor callable", "For example mypackage.module:simulate")
        for key in ("missing_backends_fail", "baselines"):
            if not isinstance(getattr(self, key), bool):
                raise StudyError(key, getattr(self, key), "must be true or false", "Leave it out for true")
        if not isinstance(self.suites, Mapping) or not all(isinstance(one, Mapping) for one in self.suites.values()):
            raise StudyError("suites", self.suites, "each suite is a table", "Write [suites.NAME], then its keys")
        self._read_items(put)
        put(self, "kwargs", read_kwargs(self.kwargs))
        if self.kwargs and reference_of(self) == NAME:
            rule = f"{NAME} takes none; its axes are kind, size and imbalance"
            raise StudyError("kwargs", self.kwargs, rule, "Leave kwargs out, or name a workload of your own")
        if self.items is not None and workload_name(self) == NAME and not all(isinstance(one, int) for one in self.items):
            raise StudyError("items", self.items, f"{NAME} takes whole numbers", "Give whole numbers, or a workload of your own")
        kinds = axes.parse_names("kind", self.kind, KINDS, "kind of really_hard_task")
        put(self, "kind", tuple(kinds))
        sizes = (None,) if self.size is None else axes.parse_axis("size", self.size)
        put(self, "size", tuple(None if one is None else str(one) for one in sizes))
        self._check_sizes()
        rule = "must be a number from 0 to 1: the half-width of the spread of task sizes"
        put(
            self,
            "imbalance",
            tuple(axes.parse_number("imbalance", one, 0, 1, rule) for one in axes.parse_axis("imbalance", self.imbalance)),
        )
        put(self, "tasks", tuple(axes.parse_integers("tasks", self.tasks)))
        put(self, "scaling", tuple(axes.parse_names("scaling", self.scaling, CHOICES["scaling"], "scaling")))
        program = program_of(self)
        if program is None:
            put(self, "backend", tuple(axes.parse_names("backend", self.backend, [*references(), "all"], "backend")))
        for key in ("start_method", "mpi_mode", "distribution"):
            if getattr(self, key) is not None:
                put(self, key, tuple(axes.parse_names(key, getattr(self, key), CHOICES[key], key.replace("_", " "))))
        if program is not None and self.workers is _DEFAULTS["workers"] and "workers" not in program.placeholders:
            put(self, "workers", 1)
        put(self, "workers", tuple(axes.parse_workers(self.workers)))
        self._read_launcher(put)
        put(self, "blas_threads", tuple(axes.parse_integers("blas_threads", self.blas_threads)))
        asked = [one or "none" for one in axes.parse_axis("binding", self.binding)]
        named = axes.parse_names("binding", asked, CHOICES["binding"], "binding")
        put(self, "binding", tuple(None if one == "none" else one for one in named))
        axes.parse_name("task_timing", str(self.task_timing), CHOICES["task_timing"], "task timing")
        if self.total is not None:
            put(self, "total", axes.parse_integer("total", self.total))
        if self.chunksize is not None:
            put(self, "chunksize", tuple(axes.parse_integers("chunksize", self.chunksize)))
        put(self, "variants", read_variants(self.variants))
        put(self, "variant", self._read_variant())
        self._check_settings(put)
        if program is not None:
            self._check_program(program, put)
        for name, overrides in self.suites.items():
            suite_of(self, name, overrides)

    def _read_items(self, put: Callable[[Any, str, Any], None]) -> None:
        if self.items_file is None:
            put(self, "items", read_items(self.items))
            return
        put(self, "items_file", str(self.items_file))
        items = read_items_file(self.items_file)
        if self.items is not None and not (isinstance(self.items, list) and self.items == items):
            raise StudyError("items_file", self.items_file, "and items are given", "Give one of the two")
        put(self, "items", items)

    def _check_program(self, program: Program, put: Callable[[Any, str, Any], None]) -> None:
        if self.backend in (_DEFAULTS["backend"], tuple(axes.as_list(_DEFAULTS["backend"]))):
            put(self, "backend", (PROGRAM,))
        usual = {"workload": NAME, "kind": ("crunch",), "imbalance": (0.0,), "backend": (PROGRAM,), "binding": (None,)}
        for key in NOT_OF_A_PROGRAM:
            if getattr(self, key) not in (usual.get(key), {}):
                rule = "is of a function's tasks; a command is started as it is"
                raise StudyError(key, getattr(self, key), rule, f"Leave {key} out, or the command")
        several = {axis: getattr(self, axis) for axis in ("workers", "size", "tasks")}
        lacking = {name for name in ("size", "variant") if getattr(self, name) == (None,)}
        check_axes(program, several, PLACEHOLDERS.keys() - lacking)

    def _read_launcher(self, put: Callable[[Any, str, Any], None]) -> None:
        axes.parse_name("launcher", str(self.launcher), launchers(), "launcher")
        put(self, "launcher_options", axes.parse_table("launcher_options", self.launcher_options))
        if self.launcher != LOCAL or self.launcher_options:
            make_launcher(self.launcher, self.launcher_options)
        put(self, "nodes", tuple(axes.parse_integers("nodes", self.nodes)))

    def _check_sizes(self) -> None:
        if self.command is not None:
            return
        for name in self.kind:
            for size in self.size:
                kind = get_kind(name)
                try:
                    kind.parse(size or kind.default_size)
                except ValueError as error:
                    raise StudyError(
                        "size", size, f"not a size of {name!r}, which is in {kind.size_unit} ({error})",
                        f"For example --size {kind.default_size}; give each kind its own sizes in its own suite",
                    ) from None  # fmt: skip

    def _read_variant(self) -> tuple[str | None, ...]:
        """Names of the variants asked for; the one None where the study has none."""
        if self.variant is None or self.variant == (None,):
            return tuple(self.variants) or (None,)
        if not self.variants:
            rule = "a name of no variant, the study has none"
            raise StudyError("variant", self.variant, rule, "Write [variants.NAME] with python, env or revision")
        return tuple(axes.parse_names("variant", self.variant, self.variants, "variant"))

    def _check_settings(self, put: Callable[[Any, str, Any], None]) -> None:
        for key, least in {"blocks": 1, "rounds": 1, "seed": 0}.items():
            if key != "rounds" or self.rounds is not None:
                put(self, key, axes.parse_integer(key, getattr(self, key), least=least))
        for key in ("budget", "timeout"):
            if getattr(self, key) is not None:
                put(self, key, axes.parse_duration(key, getattr(self, key)))
        if self.scheduler is not None and not (isinstance(self.scheduler, str) and self.scheduler.strip()):
            raise StudyError(
                "scheduler", self.scheduler, "must be an address or a queue", "For example tcp://10.0.0.1:8786, or slurm"
            )
        if self.precision is not None:
            rule = "must be a share of the value, from 0.1% to 50%"
            put(self, "precision", axes.parse_number("precision", self.precision, 0.001, 0.5, rule))


_DEFAULTS = {one.name: one.default for one in fields(Study)}


def program_of(study: Study) -> Program | None:
    """The program that is measured; None where it is a workload."""
    asked = {key: getattr(study, key) for key in KEYS}
    if study.command is not None:
        return read_program(asked)
    for key, value in asked.items():
        if value not in (None, False):
            raise StudyError(key, value, "is of a program, and the study has no command", f"Give --command, or leave {key} out")
    return None


def suite_of(study: Study, name: str, overrides: Mapping[str, Any]) -> Study:
    """The study that one suite is: this one with what the suite overrides, and no suites of its own."""
    for key in overrides:
        axes.parse_name(f"suites.{name}", key, SUITE_KEYS, "key of a suite")
    try:
        return replace(study, name=name, suites={}, **_items_of(overrides))
    except StudyError as error:
        raise StudyError(f"suites.{name}.{error.key}", error.value, error.rule, error.way_out) from None


def each_suite(study: Study) -> list[Study]:
    """The suites, or the study itself where it has none."""
    return [suite_of(study, name, overrides) for name, overrides in study.suites.items()] or [study]


def override(study: Study, changes: Mapping[str, Any]) -> Study:
    """With some keys replaced, in every suite too where it may have that key, since a flag is meant for all of them."""
    if "variants" in changes:
        changes = {"variant": None, **changes}
    changes = _items_of(changes)
    of_suites = {key: value for key, value in changes.items() if key in SUITE_KEYS}
    suites = {name: {**overrides, **of_suites} for name, overrides in study.suites.items()}
    return replace(study, suites=suites, **changes)


def required_backends(study: Study) -> set[str]:
    """Those whose absence is a failure: asked for by name, in a study that doesn't say otherwise."""
    if not study.missing_backends_fail:
        return set()
    return {name for suite in each_suite(study) for name in suite.backend if name != "all"}


def workload_name(study: Study) -> str:
    """How the workload is called in columns: ``really_hard_task``, ``module:attribute(argument=value)`` or the command."""
    if (program := program_of(study)) is not None:
        return program.command.text
    return reference_of(study) + (_in_brackets(study.kwargs) if study.kwargs else "")


def reference_of(study: Study) -> str:
    """``module:attribute`` of the workload; of a function that no reference gives, what it would be."""
    if isinstance(study.workload, str):
        return study.workload
    function = study.workload.function if isinstance(study.workload, Workload) else study.workload
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}:{getattr(function, '__qualname__', type(function).__qualname__)}"


def described(study: Study) -> dict[str, Any]:
    """The study as plain JSON values, as a run's ``run.json`` keeps it, and ``results.kept`` reads it."""
    plain = {one.name: getattr(study, one.name) for one in fields(study)}
    plain["workload"] = reference_of(study)
    plain["variants"] = {name: one.described() for name, one in study.variants.items()}
    plain["items"] = None if study.items is None else items_text(study.items)
    if study.scheduler is not None and ":" in study.scheduler:
        plain["scheduler"] = ADDRESS  # of a machine: results are mailed
    plain["kwargs"] = _in_brackets(study.kwargs) if (kept := kwargs_kept(study.kwargs)) is None else kept
    if study.command is not None:
        plain |= dict.fromkeys(NOT_OF_A_PROGRAM)
    plain["suites"] = {name: {key: value for key, value in described(suite_of(study, name, overrides)).items() if key in overrides}
                       for name, overrides in study.suites.items()}  # fmt: skip
    return plain


def _items_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """With the other of ``items`` and ``items_file`` taken back where one is given."""
    if changes.get("items") is not None:
        return {"items_file": None, **changes}
    return {"items": None, **changes} if changes.get("items_file") is not None else dict(changes)


def _in_brackets(kwargs: Mapping[str, Any]) -> str:
    """The arguments in a workload's name."""
    return f"({', '.join(map(_shown, kwargs.items()))})"


def _shown(argument: tuple[str, Any]) -> str:
    """One of them: equal for equal values, on any machine; long ones by their digest."""
    name, value = argument
    if digest(value) is not None and len(shown := repr(value)) <= _LONGEST_VALUE:
        return f"{name}={shown}"
    return f"{name}={type(value).__name__}#{digest_of(f'kwargs.{name}', [value], type(value).__name__)[-8:]}"
