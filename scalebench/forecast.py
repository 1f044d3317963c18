"""What a study will measure, and what that will cost: its cases, launcher and variants made ready, its references measured.

Promises: where something can't be done, nothing was measured for it, and what was prepared is removed. Not here: blocks of launches
(``runner``).
"""

import subprocess
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scalebench import machine, plan, scheduler
from scalebench.backends.registry import get_backend
from scalebench.case import Case
from scalebench.errors import LauncherError, StudyError
from scalebench.jobs import Jobs
from scalebench.launchers.base import never
from scalebench.launchers.registry import make_launcher
from scalebench.prepare import clear, prepare
from scalebench.resume import Earlier
from scalebench.study import Study
from scalebench.sweep import Sweep, expand


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a study will measure and what that will cost, before it is begun."""

    sweep: Sweep
    references: dict[tuple[Any, ...], plan.Reference]
    estimate_s: float
    machine: dict[str, Any]  #: the fingerprint of what it is measured on
    earlier: Earlier | None = None  #: the run that it goes on with


#: told of a workload of one's own, after its first item: it, seconds of that item, of one pass over all, of the whole study
Agree = Callable[[str, float, float, float], None]


def sweep_of(study: Study, only: Set[Case] | None = None) -> Sweep:
    """The cases of a study, all or some, and the launcher that it asks for."""
    sweep = expand(study)
    if only is not None:
        sweep.entries = [entry for entry in sweep.entries if entry.case in only]
    sweep.launcher = make_launcher(study.launcher, study.launcher_options)
    return sweep


def end(sweep: Sweep) -> None:
    """Remove what was prepared for a sweep, and give back what its launcher took."""
    clear(sweep)
    sweep.launcher.close()
    if sweep.jobs is not None:
        sweep.jobs.close()


def _reach_workers(sweep: Sweep) -> None:
    """See that those workers are there that no launch starts, or can be: before anything is measured.

    Raises:
        StudyError: They are not.
    """
    if sweep.scheduler is None:
        return
    takers = [entry.case for entry in sweep.entries if get_backend(entry.case.backend).scheduler is not None]
    module = scheduler.starter_of_jobs(sweep.scheduler, (case.backend for case in takers))
    if module is not None:
        sweep.jobs = Jobs(sweep.scheduler, module, max(case.workers for case in takers))
        with _nothing_measured_yet("scheduler", sweep.scheduler):
            sweep.jobs.wait(never)
    elif sweep.launcher.here:  # else it is hosts elsewhere that must reach it
        scheduler.reach(sweep.scheduler)


@contextmanager
def _nothing_measured_yet(key: str, value: str) -> Iterator[None]:
    """A launcher that fails in here is an error of the study, of this key."""
    try:
        yield
    except LauncherError as error:  # of anybody's launcher: it may name no way out
        rule, _, way_out = str(error).partition(".\n")
        raise StudyError(key, value, rule.rstrip("."), way_out or f"Mend that, or leave {key} out") from None


def forecast(study: Study, only: Set[Case] | None = None, agree: Agree | None = None, earlier: Earlier | None = None) -> Forecast:
    """Expand a study, prepare its launcher and variants (until :meth:`Runner.finish`) and measure its references.

    Args:
        study: What to sweep.
        only: The cases of it that will be launched; all when None.
        agree: Told how long it will take, before most of it is spent; raises where that is too long.
        earlier: A run of this study to go on with.
    Raises:
        ResultsError: What was begun earlier is not this study on this machine.
        WorkloadError: The workload can't be imported, or it fails serially.
    """
    sweep = sweep_of(study, only)

    def looked(case: Case, first: plan.Reference) -> None:
        if agree is not None:
            guess = {plan.reference_key(case): first}
            whole = plan.estimate_s([entry.case for entry in sweep.entries], guess, study)
            agree(case.workload, first.durations[0], first.serial_s(case.tasks), whole)

    try:
        _reach_workers(sweep)
        with _nothing_measured_yet("launcher", study.launcher):
            sweep.launcher.prepare([entry.case for entry in sweep.entries])
        measured_on = sweep.launcher.machine() or machine.fingerprint()
        prepare(sweep)
        if earlier is not None:
            starts = {name: start.about for name, start in sweep.starts.items()}
            earlier.check(study, starts, git_commit(), measured_on)
        with _nothing_measured_yet("launcher", study.launcher):
            references = plan.measure_references(sweep, study.timeout, looked)
    except BaseException:
        end(sweep)
        raise
    estimate_s = plan.estimate_s([entry.case for entry in sweep.entries], references, study)
    return Forecast(sweep, references, estimate_s, measured_on, earlier)


def git_commit() -> str | None:
    """The commit that the working folder is at; None where it is in no repository."""
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
