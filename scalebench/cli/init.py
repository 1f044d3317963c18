"""Write a commented study of a function, to be edited and run.

scalebench init mypackage.module:simulate
scalebench init mypackage.module:simulate -o studies/simulate.toml

The function is imported, to see that it is there and what it takes; it is not called.
"""

import argparse
import inspect
import sys
from pathlib import Path
from typing import Any

from scalebench.errors import UsageError, WorkloadError

_STUDY = """\
# What scalebench measures, and how hard it looks.     scalebench run {path}
# Lines that begin with "# " and a key show its default, or an example; take the "#" away to change it.

workload = {workload}{takes}

# What the function is called with, one item a task: a range or a list, or a file (.json, .csv, .txt) beside this one.
items = "range(24)"
# items_file = "items.csv"

# Keyword arguments of every call stand in a table of their own, at the end of this file.

# ---- axes: one value, or a list of values that multiply; text with commas is a list
backend = ["serial", "processes"]     # scalebench backends: what works here
workers = "1..2x"                     # x: the CPUs of this process, n: of the machine; "1,2,4" "1..8" "x,2x"
# blas_threads = [1, 2]               # in each worker: of NumPy's BLAS, OpenMP
# binding = "none"                    # of workers to CPUs: none, cores, threads
# chunksize = [1, 8]                  # tasks sent at a time; the interface's own choice where it is left out
# start_method = "fork"               # of processes: fork, forkserver, spawn
# mpi_mode = "world"                  # of mpi-pool: world, spawn
# distribution = "block"              # of mpi: block, cyclic
# scaling = ["strong", "weak"]        # weak: as many items again for each worker

# ---- how hard to look
blocks = 5                            # passes over all cases, each in a random order; an interval takes 3
# rounds = 5                          # timed passes over the items in a launch; more by itself where they are short
# precision = "2%"                    # go on until every interval is this narrow ...
# budget = "10m"                      # ... or the time is over
# timeout = "5m"                      # that a pass over the items may take
# seed = 0                            # of the order of cases
# task_timing = "on"                  # off: tasks are not recorded one by one
# baselines = true                    # false: without the cases that speedup needs; enough to compare variants
# missing_backends_fail = true        # false: a backend that is not here is left out without a failure

# ---- where: on this machine, or on others (docs/cluster.md)
# nodes = [1, 2]                      # that MPI ranks are on; one where hosts start on this machine
# launcher = "slurm"                  # how hosts start: local, mpiexec, slurm; scalebench backends shows them
# scheduler = "tcp://10.0.0.1:8786"   # of dask, or HOST:PORT of ray: workers that are there already; "slurm": dask's in jobs
# launcher_options = {{}}               # of that launcher, as {{ partition = "debug", time = "30:00" }}

# Several sweeps in one study: each overrides what it names.
# [suites.more-than-cpus]
# backend = "processes"
# workers = "2x,4x"

# The same cases with another start command, interleaved, block by block: scalebench compare RUN
# [variants.old]
# revision = "HEAD~1"
# [variants.new]

# The function's other arguments.
{kwargs}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function", metavar="module:function", help="what to measure; also a scalebench.Workload")
    parser.add_argument("-o", "--output", metavar="FILE", default="study.toml", help="where to (default: study.toml)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.report.console import command
    from scalebench.report.files import check
    from scalebench.results.store import write_atomically
    from scalebench.sweep import check_reference

    check_reference(asked.function)
    path = Path(asked.output)
    if path.suffix != ".toml":
        raise UsageError(f"--output {path}: the name must end in .toml, so that scalebench run knows it")
    check(path, force=asked.force, folder=False)
    text = study_text(asked.function, _load(asked.function), path)
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}.\nGive another name with -o") from None
    print(f"{path}: a study of {asked.function}, with all keys that there are")
    print(f"Results: none yet   Next: {command('run', path, '--dry-run')}")
    return cli.OK


def study_text(reference: str, value: Any, path: Path) -> str:
    """The study of a function or a Workload, as TOML."""
    from scalebench.report.toml import value_text
    from scalebench.workloads.describe import as_workload

    try:
        workload = as_workload(value, reference)
    except TypeError as error:
        raise WorkloadError(f"workload = {reference!r}: {error}.\nName a function of one item") from None
    given = 1 if workload.setup is None else 2
    try:
        parameters = list(inspect.signature(workload.function).parameters.values())[given:]
    except (TypeError, ValueError):  # built in, and tells nothing
        parameters = []
    own = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    needed = [one.name for one in own if one.default is one.empty]
    takes = f"\n# It needs {', '.join(needed)} besides the item: give them in [kwargs], at the end." if needed else ""
    lines = [("" if needed else "# ") + "[kwargs]", *(_argument(one) for one in own)]
    return _STUDY.format(path=path, workload=value_text(reference), takes=takes, kwargs="\n".join(lines))


def _argument(parameter: inspect.Parameter) -> str:
    from scalebench.report.toml import key_text, value_text

    default, key = parameter.default, key_text(parameter.name)
    if default is parameter.empty:
        return f"{key} = 0     # has no default; is this right?"
    if (
        isinstance(default, (bool, int, float, str))
        and default == default
        and abs(default if not isinstance(default, str) else 0) < 2**63
    ):
        return f"# {key} = {value_text(default)}"
    return f"# {parameter.name}: {type(default).__name__} by default"


def _load(reference: str) -> Any:
    """Import it here: what it takes is to be seen, nothing is measured."""
    import functools
    from importlib import import_module

    module, _, attribute = reference.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return functools.reduce(getattr, attribute.split("."), import_module(module))
    except BaseException as error:  # noqa: BLE001 - the user's module may raise anything, sys.exit too
        raise WorkloadError(
            f"workload = {reference!r}: can't be imported: {type(error).__name__}: {error}.\n"
            "Give module:function, importable by this Python; the working folder is looked in too"
        ) from None
    finally:
        sys.path.remove(str(Path.cwd()))
