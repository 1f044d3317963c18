"""Measure a study and print its scaling tables.

scalebench run                                        the default study, five minutes on two cores
scalebench run --profile quick                        less; full for more
scalebench run --kind blas --size 400x4 --backend processes --workers 1..2x --blas-threads 1,2
scalebench run study.toml --blocks 10
scalebench run mypackage.module:simulate --items 'range(200)' --workers 1,2,4
scalebench run mypackage.module:simulate --items-file runs.csv --kwargs "steps=1000, method='rk4'"
scalebench run mypackage.module:simulate --variant old=git:HEAD~1 --variant new      two versions, interleaved
scalebench run --command 'xz -T{workers} -kf data' --workers 1,2,4    any program
scalebench run study.toml --dry-run                   what would be measured, and how long it takes
scalebench run --resume latest                        go on with a run that was interrupted

Without a study, a function or a profile the default study is measured. Settings (--blocks, --budget) change it; a flag of
an axis alone (--workers, --backend, --kind ...) replaces it: then strong scaling of crunch is measured, with those values and
none of the default study's suites. In a study file, or a profile that is named, such a flag changes that key in every suite.
What neither flags nor a study file name comes from [tool.scalebench] of the nearest pyproject.toml, where there is one.

A function is called with one item at a time. Its first item is run before all else: what it raises is shown once, and where
the study would take long, a question is asked on a terminal.

Ctrl-C ends the run after the round in flight, a second one at once, and so does SIGTERM; what was measured is kept, and --resume
goes on from there: on the same machine, with the same versions and the same state of the code.

Exit statuses: 0 fine; 2 wrong use, nothing was measured; 3 some cases failed, crashed, timed out or gave other answers; 4
the run can't go on, since its results can't be stored any more or hosts can't be started (what was measured before is kept);
130 interrupted (143 by SIGTERM), what was measured is kept.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalebench.cli.dry_run import human, print_plan
from scalebench.errors import UsageError
from scalebench.interruption import Interruption, say, whoever_reads

if TYPE_CHECKING:
    from scalebench.resume import Earlier
    from scalebench.runner import Runner
    from scalebench.study import Study

_MANY_CASES = 1000
_LONG_S = 600.0  #: that nobody should be surprised by

#: flag, metavar, help: the study's axes; lists by commas
_AXES = {
    "kind": ("KIND", "sleep, spin, crunch, blas, stream"),
    "size": ("SIZE", "work of a task, in the kind's unit: 50000 (turns), 400x4 (matrix order x products), 64MiB"),
    "imbalance": ("SHARE", "half-width of the spread of task sizes, 0 to 1"),
    "tasks": ("N", "in all; per worker for weak scaling"),
    "items": ("ITEMS", "what tasks are called with: 'range(200)' or '[3, 5, 10, 15]'"),
    "items-file": ("FILE", "items from a .json array, a .csv with a heading, or a .txt of one item a line"),
    "kwargs": ("ARGUMENTS", "keyword arguments of every call: \"steps=1000, method='rk4'\", or JSON"),
    "scaling": ("WHICH", "strong, weak"),
    "backend": ("NAME", "see 'scalebench backends'; or all"),
    "workers": ("N", "1,2,4 - 1..8 - 1..2x (x: the CPU budget) - 1..2n (n: the machine's CPUs)"),
    "nodes": ("N", "machines that MPI ranks, or a command with {nodes}, are on (needs a --launcher for several)"),
    "blas-threads": ("N", "in each worker"),
    "binding": ("NAME", "of workers to CPUs: none, cores, threads"),
    "chunksize": ("N", "tasks sent at a time"),
    "start-method": ("NAME", "fork, forkserver, spawn"),
    "mpi-mode": ("NAME", "world, spawn"),
    "distribution": ("NAME", "block, cyclic"),
}
_VARIANT = (
    "another start command for the host, repeated: NAME=PYTHON (a path, or a virtual environment's folder), NAME=git:REVISION "
    "(of the workload's repository), NAME=env:KEY=VALUE[,KEY=VALUE], or NAME alone (no change). All are measured in the same blocks"
)
_SETTINGS = {
    "blocks": ("N", "passes over all cases (default 5)"),
    "rounds": ("N", "timed rounds a launch (default: 5 or more)"),
    "precision": ("SHARE", "go on, block by block, until every interval is this narrow: 2%%"),
    "budget": ("TIME", "begin no block that would not end in time: 90s, 5m, 1.5h"),
    "timeout": ("TIME", "that a round may take (default: from the estimate)"),
    "seed": ("N", "of the order of cases and of the imbalance"),
}
_PLACES = {
    "launcher": ("NAME", "how hosts start: local, mpiexec (over hosts), slurm (see 'scalebench backends')"),
    "scheduler": (
        "ADDRESS",
        "use workers that you have started there: tcp://HOST:PORT of a dask scheduler; slurm: in jobs of their own",
    ),
}
#: of a program that is measured instead of a function
_PROGRAM = {
    "command": (
        "COMMAND",
        "started as it is, no shell: './app --threads {blas_threads} --n {size}'. Filled in are {workers}, "
        "{blas_threads}, {nodes}, {size}, {tasks}, {seed}, {variant}, {python}; {{ and }} are braces",
    ),
    "figure-of-merit": ("REGEX", "a number to be read from its output: its one group, of the last match"),
    "prepare": ("COMMAND", "run before each round, not timed"),
}
_PROGRAM_SWITCHES = {
    "shell": "let /bin/sh read the command; each value is quoted for it",
    "ignore-failure": "count a round whatever its exit status was",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", nargs="?", metavar="STUDY.toml | module:function", help="what to measure")
    parser.add_argument(
        "--profile", metavar="NAME", help="quick, default, full, granularity or dispatch: a study that comes with scalebench"
    )
    for title, flags in (
        ("axes of the sweep (several values by commas)", _AXES),
        ("how hard to look", _SETTINGS),
        ("where tasks run", _PLACES),
    ):
        group = parser.add_argument_group(title)
        for flag, (metavar, help_text) in flags.items():
            group.add_argument(f"--{flag}", metavar=metavar, help=help_text)
        if flags is _AXES:
            group.add_argument("--variant", metavar="NAME=WHAT", action="append", help=_VARIANT)
        elif flags is _PLACES:
            group.add_argument(
                "--launcher-option",
                metavar="KEY=VALUE",
                action="append",
                help="of the launcher, repeated: hosts=node1,node2; partition=debug; time=30:00",
            )
    group = parser.add_argument_group("a program instead of a function")
    for flag, (metavar, help_text) in _PROGRAM.items():
        group.add_argument(f"--{flag}", metavar=metavar, help=help_text)
    for flag, help_text in _PROGRAM_SWITCHES.items():
        group.add_argument(f"--{flag}", action="store_const", const=True, help=help_text)
    parser.add_argument(
        "--no-baselines",
        action="store_true",
        help="don't add the cases that speedup and efficiency need: enough to compare variants",
    )
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that was interrupted: its folder, its id, or latest; what it has is kept",
    )
    parser.add_argument("--results", metavar="DIR", help="where the run's folder is made (default: results)")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the cases and the time they will take, measure nothing else"
    )
    parser.add_argument(
        "--yes", action="store_true", help=f"measure without a question what takes long or has more than {_MANY_CASES} cases"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON: all rows, as export writes them")


def main(asked: argparse.Namespace) -> int:
    with Interruption("interrupted; nothing was measured yet") as interruption:
        return _main(asked, interruption)


def _main(asked: argparse.Namespace, interruption: Interruption) -> int:
    from scalebench import cli
    from scalebench.analysis.scaling import failed_cases
    from scalebench.case import LOCAL
    from scalebench.forecast import end, forecast, sweep_of
    from scalebench.results.load import load
    from scalebench.resume import read_earlier
    from scalebench.runner import Runner
    from scalebench.scheduler import starter_of_jobs
    from scalebench.study import each_suite, required_backends
    from scalebench.study_file import project_defaults
    from scalebench.sweep import expand

    earlier = None
    if asked.resume is not None:
        earlier = read_earlier(asked.resume, asked.results or project_defaults()[1].get("results"))
        interruption.told = f"interrupted; nothing more was measured yet, what was before is in {earlier.folder}"
    study = _study_of(earlier, asked) if earlier is not None and not _names_study(asked) else _study(asked)
    named = _names_study(asked) or earlier is not None
    agree = _Agree(ask=not (asked.yes or asked.dry_run), less="--budget 5m" if named else "--profile quick, or --budget 5m")
    entries = expand(study).entries
    cases = len(entries)
    if cases > _MANY_CASES and not (asked.yes or asked.dry_run):
        raise UsageError(
            f"{cases} cases: more than {_MANY_CASES} are measured only if you say so.\nGive --yes, or narrow an axis; --dry-run shows them"
        )
    if not asked.dry_run and earlier is None:
        _check_writable(asked.results)
    in_jobs = starter_of_jobs(study.scheduler, {entry.case.backend for entry in entries}) is not None
    if asked.dry_run and (study.launcher != LOCAL or in_jobs):
        print_plan(study, sweep_of(study), None, earlier, as_json=asked.json)
        return cli.OK
    if any(suite.command is None for suite in each_suite(study)):  # the environment of a command is left as it is
        _add_working_folder()
    if sys.stderr.isatty():  # a first item may take an hour
        say("first, each workload once, serially: for the right answers, and how long it takes")
    ahead = forecast(study, agree=agree.first_item, earlier=earlier)
    agree.whole(ahead.estimate_s)
    if asked.dry_run:
        print_plan(study, ahead.sweep, ahead.estimate_s, earlier, as_json=asked.json)
        end(ahead.sweep)
        return cli.OK
    folder = _measure(Runner(study, ahead, asked.results), interruption)
    result = load(folder)
    failed = failed_cases(result.rounds, required_backends(study))
    with whoever_reads(sys.stdout):
        if asked.json:
            from scalebench.results.exchange import as_json

            print(as_json(result))
        else:
            from scalebench.report.terminal import print_report

            print_report(result)
    return cli.CASES_FAILED if failed else cli.OK


def _measure(runner: "Runner", interruption: Interruption) -> Path:
    """All that is left to measure; the run's folder. Whatever ends it, what was measured is kept and said to be there."""
    from scalebench.plan import blocks_for
    from scalebench.progress import Progress
    from scalebench.report.console import command

    launches = len(runner.ahead.sweep.entries) * blocks_for(runner.study)
    status = "interrupted"
    try:
        interruption.patient = True  # before anything is said: whoever reads it may answer with Ctrl-C at once
        with Progress(launches, runner.ahead.estimate_s, runner.stored) as progress:
            runner.run(progress.launched, interruption.asked)
        status = "finished"
    finally:
        interruption.patient = False
        with interruption.held():
            folder = runner.finish(status)
            interruption.told = f"interrupted; what was measured is in {folder}"
            if status != "finished":
                say(f"{interruption.told}   Next: {command('run', '--resume', folder)}")
                interruption.told = ""
    return folder


def _study_of(earlier: "Earlier", asked: argparse.Namespace) -> "Study":
    """What the run says itself, with options of its launcher that are given now: where a queue is, or how long a job may be, may be
    another. What is code is named: this is the one command that runs what stands in a results folder.
    """
    from dataclasses import replace

    from scalebench.axes import parse_table
    from scalebench.errors import StudyError, printable, shortened
    from scalebench.study import each_suite, program_of, workload_name

    study = earlier.study()
    if asked.launcher not in (None, study.launcher):
        rule = f"{earlier.folder} was begun with {study.launcher!r}, and a run is of one launcher"
        raise StudyError("launcher", asked.launcher, rule, "Leave --launcher out, or begin another run")
    if asked.launcher_option is not None:
        options = parse_table("launcher_options", asked.launcher_option)
        study = replace(study, launcher_options={**study.launcher_options, **options})
    runs = [workload_name(suite) for suite in each_suite(study)]  # of a program its command
    runs += [
        program.prepare.text for suite in each_suite(study) if (program := program_of(suite)) is not None and program.prepare
    ]
    started = [variant.python for variant in study.variants.values() if variant.python]
    named = dict.fromkeys(map(str, [*runs, *started]))
    named.pop("really_hard_task", None)
    if named:
        told = printable(shortened(", ".join(named), 1000)).replace("\n", " ")
        say(f"runs what {earlier.folder}/run.json names: {told}")
    return study


def _names_study(asked: argparse.Namespace) -> bool:
    """Whether the command line says anything of what to measure."""
    flags = (*_AXES, *_SETTINGS, *(flag for flag in _PLACES if flag != "launcher"), *_PROGRAM, *_PROGRAM_SWITCHES)
    named = [asked.study, asked.profile, asked.variant, *(getattr(asked, flag.replace("-", "_")) for flag in flags)]
    return asked.no_baselines or any(one is not None for one in named)


def _study(asked: argparse.Namespace) -> "Study":
    """The study that the arguments name, with what the flags change, above the project's defaults; their ``results`` become one of
    the arguments.
    """
    from scalebench.study import Study, override
    from scalebench.study_file import of_program, of_study, profile, project_defaults, read_study

    file, project = project_defaults()
    if file is not None and project:
        say(f"defaults of {file}: {', '.join(project)}")
    asked.results = asked.results or project.get("results", "results")
    defaults = of_study(project)
    changes = {
        flag.replace("-", "_"): value
        for flag in (*_AXES, *_SETTINGS, *_PLACES, *_PROGRAM, *_PROGRAM_SWITCHES)
        if (value := getattr(asked, flag.replace("-", "_"))) is not None
    }
    if asked.no_baselines:
        changes["baselines"] = False
    if asked.variant is not None:
        changes["variants"] = asked.variant
    if asked.launcher_option is not None:
        changes["launcher_options"] = asked.launcher_option
    for other in (asked.study, asked.profile) if asked.command is not None else ():
        if other is not None:
            raise UsageError(f"a study ({other}) and --command: give one of the two")
    if asked.study is not None and asked.profile is not None:
        raise UsageError(f"a study ({asked.study}) and --profile {asked.profile}: give one of the two")
    if asked.study is not None and asked.study.endswith(".toml"):
        return override(read_study(asked.study, defaults), changes)
    if asked.study is not None:
        return Study(**{**defaults, "name": asked.study.rpartition(":")[2] or asked.study, "workload": asked.study, **changes})
    if asked.command is not None:
        return Study(**{**of_program(defaults), "name": "program", **changes})
    if asked.profile is None and any(flag.replace("-", "_") in changes for flag in _AXES):
        return Study(**{**defaults, **changes})
    base = override(profile(asked.profile or project.get("profile", "default"), defaults), changes)
    if "backend" in changes:
        from dataclasses import replace

        base = replace(base, missing_backends_fail=True)
    return base


class _Agree:
    """Says how long a study will take, and asks, once, where that is long and somebody is there to answer."""

    def __init__(self, *, ask: bool, less: str) -> None:
        self._ask = ask and sys.stdin.isatty() and sys.stderr.isatty()
        self._less = less  # what would take less time, as it is typed

    def first_item(self, workload: str, item_s: float, pass_s: float, whole_s: float) -> None:
        """After the first item of a function, before the rest of them."""
        if max(pass_s, whole_s) >= _LONG_S:
            self._put(f"{workload}: the first item took {human(item_s)}; all of them one after the other will take about "
                      f"{human(pass_s)}, which comes first, the study about {human(whole_s)}")  # fmt: skip

    def whole(self, estimate_s: float) -> None:
        """After the references, before the first block."""
        if estimate_s >= _LONG_S:
            self._put(f"the study will take about {human(estimate_s)}; for less: {self._less}")

    def _put(self, text: str) -> None:
        say(f"scalebench: {text}")
        if not self._ask:
            return
        self._ask = False
        print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("not measured, as you said.\nGive fewer --items, --workers or --blocks, a --budget, or --yes")


def _check_writable(results: str) -> None:
    """Fail now rather than after the references were measured."""
    import tempfile

    from scalebench.errors import ResultsError

    try:
        Path(results).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=results).close()
    except OSError as error:
        raise ResultsError(
            f"results folder {results!r} can't be written: {error.strerror or error}.\nGive another with --results DIR"
        ) from None


def _add_working_folder() -> None:
    """``module:function`` is looked for in the working folder too, as 'python -m' does."""
    import os

    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), *([path] if path else [])])
