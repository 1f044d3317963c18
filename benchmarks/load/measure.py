"""Very many cases, tasks and workers, very large items and results: does it finish or say why not, in bounded memory? ``nox -s load``.

Each line is a process of its own that measures one thing through the same controller as ``scalebench run`` does; its peak memory
is that of the controller alone. The peak of the hosts is that of the largest process in any of its rows.

``real`` lines start real hosts. ``faked`` ones put a function that returns at once in the place of a launch: what is looked at
there is the controller's own work (runner, store, compaction), which is the same, and 10,000 real launches take an hour.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BACKENDS = ("serial", "threads", "processes", "multiprocessing", "multiprocess", "joblib", "dask", "ray", "mpi", "mpi-pool")
TIMEOUT_S = 300.0  #: of a round with 256 workers or large items: longer is a row that says so
CONTROLLER_MIB = 1024  #: what the controller may take, whatever is measured
_FAULTS = frozenset(
    {"failed", "crashed", "mismatch"}
)  # that a row may not have: a time-out and a refusal are limits that are told
REPORT_MIB = 2048  #: what a report of it may take
Told = dict[str, Any]


def _peak_mib() -> float:
    """Of this process alone; ``VmHWM``, since ``ru_maxrss`` would know the parent's."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def _cases(count: int, blocks: int = 1) -> Any:
    """A study of about so many cases, all of next to no work, with one reference."""
    from scalebench import Study

    chunks = list(range(1, count // 2 + 1))
    return Study(kind="crunch", size=10, tasks=4, backend="processes", start_method="fork", workers="1,2", chunksize=chunks, blocks=blocks, rounds=1)  # fmt: skip


def plan_of(count: int, _: Path) -> Told:
    """The dry plan, as the command prints it."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); import measure; measure.dry_run({count})"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {"status": told.stdout.splitlines()[-1], "controller": float(told.stderr.splitlines()[-1])}


def dry_run(count: int) -> None:
    """What ``plan_of`` starts."""
    from scalebench import cli

    chunks = ",".join(map(str, range(1, count // 2 + 1)))
    cli.main(["run", "--dry-run", "--kind", "crunch", "--size", "10", "--tasks", "4", "--backend", "processes", "--workers", "1,2",
              "--chunksize", chunks])  # fmt: skip
    print(_peak_mib(), file=sys.stderr)


def _measured(study: Any, place: Path, growth: bool = False) -> Told:
    """Measure a study as the command does; ``growth``: how the memory was at each tenth of it."""
    from scalebench.forecast import forecast
    from scalebench.runner import Runner

    runner = Runner(study, forecast(study), place)
    launches = len(runner.ahead.sweep.entries) * study.blocks
    looks: list[float] = []
    statuses: dict[str, str] = {}
    done = 0

    def observe(_entry: Any, _block: int, told: Any) -> None:
        nonlocal done
        statuses[told.status] = told.message or ""
        done += 1
        if growth and done % max(1, launches // 10) == 0:
            with open("/proc/self/statm") as statm:
                looks.append(int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)

    runner.run(observe)
    folder = runner.finish()
    peak = _peak_mib()
    from scalebench.results.load import load

    rounds = load(folder).rounds
    hosts = rounds["rss_peak_bytes"].astype(float).max()
    status = ", ".join(f"{name}: {' '.join(text.split())[-150:]}" if text else name for name, text in sorted(statuses.items()))
    grew = f"; {looks[0]:.0f} MiB after a tenth, {looks[-1]:.0f} at the end" if looks else ""
    return {"controller": peak, "hosts": float(hosts) / 2**20 if hosts == hosts else None, "failed": not _FAULTS.isdisjoint(statuses),
            "status": f"{status}; {rounds['case_id'].nunique()} cases{grew}", "folder": str(folder)}  # fmt: skip


def real(count: int, place: Path) -> Told:
    """A run of so many cases with real hosts."""
    return _measured(_cases(count), place, growth=True)


def faked(count: int, place: Path) -> Told:
    """A run of so many cases whose launches return at once."""
    _fake_launches()
    return _measured(_cases(count), place, growth=True)


def resumed(count: int, place: Path) -> Told:
    """The same, interrupted in the middle and resumed."""
    from scalebench.forecast import forecast
    from scalebench.resume import read_earlier
    from scalebench.runner import Runner

    _fake_launches()
    study = _cases(count)
    runner = Runner(study, forecast(study), place)
    left = count // 2

    def ends() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        runner.run(lambda *_: None, ends)
    except KeyboardInterrupt:
        runner.finish("interrupted")
    earlier = read_earlier("latest", place)
    runner = Runner(study, forecast(study, earlier=earlier), place)
    runner.run(lambda *_: None)
    folder = runner.finish()
    peak = _peak_mib()
    from scalebench.results.load import load

    launches = load(folder).rounds[["case_id", "block", "attempt"]].drop_duplicates()
    told = {"controller": peak, "status": f"{len(launches)} launches, {runner.store.about['status']}"}
    return told if len(launches) == len(runner.ahead.sweep.entries) else {**told, "failed": True}


def _fake_launches() -> None:
    import numpy as np

    from scalebench import runner
    from scalebench.launch import Launch

    def launch(case: Any, identity: Told, *_: Any) -> Launch:
        told = Launch(
            case, {**identity, "case_id": case.case_id, "canary_s": 0.004, "started_at": "2026-01-01T00:00:00.000+00:00"}
        )
        told.found |= {"workers_found": case.workers, "oversubscribed": False, "runnable_threads": case.workers, "cpu_budget": 2}
        ones = np.ones(case.tasks)
        for number in range(2):
            wall_s = 0.01 / case.workers * (1 + case.case_id.count("a") / 100)
            told.rounds.append({"round": 0, "warmup": number == 0, "status": "ok", "wall_s": wall_s, "work_units": 40, "busy_s": 0.01,
                                "busy_max_s": wall_s, "cpu_s": 0.01, "cpu_wait_s": 0.0, "task_timing": "on", "answers": "same"})  # fmt: skip
        told.columns.append({"round": 0, "task": np.arange(case.tasks), "node": ones.astype(int), "worker": ones.astype(int),
                             "start_s": ones, "stop_s": ones, "cpu_s": ones, "cpu_wait_s": ones, "work_units": ones.astype(int)})  # fmt: skip
        return told

    runner.launch = launch


def report_of(form: str, place: Path) -> Told:
    """A report of the run that is there, in a form."""
    folder = next(place.glob("*/run.json")).parent
    out = place / f"report-{form}"
    code = ("import sys; sys.path.insert(0, sys.argv[1]); from measure import _peak_mib; from scalebench import cli; "
            "status = cli.main(sys.argv[2:]); print(_peak_mib(), file=sys.stderr); sys.exit(status)")  # fmt: skip
    words = {"recommend": ["recommend", str(folder)], "fit": ["fit", str(folder)], "list": ["list", str(place)]}.get(
        form, ["report", str(folder), "--format", form, "-o", str(out), "--force"]
    )
    told = subprocess.run([sys.executable, "-c", code, str(HERE), *words], capture_output=True, text=True, check=False)
    size = out.stat().st_size if out.exists() else len(told.stdout)
    status = f"{size / 1e6:.1f} MB" if not told.returncode else " ".join(told.stderr.split())[:200]
    if told.returncode:
        return {"controller": None, "status": status, "failed": True}
    return {"controller": float(told.stderr.splitlines()[-1]), "status": status}


def tasks_of(backend: str, place: Path) -> Told:
    """A million tasks in one round; a thousand at a time where the interface can, else it would be of pipes."""
    from scalebench import Study

    study = Study(kind="crunch", size=1, tasks=10**6, backend=backend, workers=2, chunksize=1000, blocks=1, rounds=1, timeout=TIMEOUT_S, baselines=False)  # fmt: skip
    return _measured(study, place)


def workers_of(backend: str, place: Path) -> Told:
    """256 workers, on whatever there is."""
    from scalebench import Study

    study = Study(kind="crunch", size=1000, tasks=512, backend=backend, workers=256, blocks=1, rounds=1, timeout=TIMEOUT_S, baselines=False)  # fmt: skip
    return _measured(study, place)


def items_of(backend: str, place: Path) -> Told:
    """Four items of 50 MB."""
    from heavy import SIZE

    from scalebench import Study

    study = Study(workload="heavy:length", items=[bytes([number]) * SIZE for number in range(4)], backend=backend, workers=2, blocks=1,
                  rounds=1, timeout=TIMEOUT_S, baselines=False)  # fmt: skip
    return _measured(study, place)


def results_of(backend: str, place: Path) -> Told:
    """Four results of 50 MB."""
    from scalebench import Study

    study = Study(workload="heavy:large", items=range(4), backend=backend, workers=2, blocks=1, rounds=1, timeout=TIMEOUT_S, baselines=False)  # fmt: skip
    return _measured(study, place)


#: what a line is called -> how it is measured, with what, and the limit in MiB
Line = tuple[Callable[[Any, Path], Told], Any, int]


def lines(cases: int, real_cases: int) -> dict[str, Line]:
    """All lines of the table, in its order; those of a report look at the run of the line before."""
    found: dict[str, Line] = {
        f"{cases:,} cases, dry run": (plan_of, cases, CONTROLLER_MIB),
        f"{real_cases:,} cases, real": (real, real_cases, CONTROLLER_MIB),
        f"{cases:,} cases, faked": (faked, cases, CONTROLLER_MIB),
    }
    for form in ("terminal", "markdown", "json", "html", "csv", "recommend", "fit", "list"):
        found[f"{cases:,} cases, {form}"] = (report_of, form, REPORT_MIB)
    found[f"{cases:,} cases, faked, resumed"] = (resumed, cases, CONTROLLER_MIB)
    for what, measure in (("1,000,000 tasks", tasks_of), ("256 workers", workers_of), ("items of 50 MB", items_of),
                          ("results of 50 MB", results_of)):  # fmt: skip
        for backend in BACKENDS[1 if measure is workers_of else 0 :]:
            found[f"{what}, {backend}"] = (measure, backend, CONTROLLER_MIB)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="of a study (default 10,000)")
    parser.add_argument("--real-cases", type=int, default=1000, help="of a study that is run with real hosts (default 1,000)")
    parser.add_argument("--only", default="", help="lines whose names hold this")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    every = lines(asked.cases, asked.real_cases)
    if asked.one is not None:
        measure, what, _ = every[asked.one]
        from scalebench.errors import ScalebenchError

        try:
            print(json.dumps(measure(what, Path(asked.place))))
        except ScalebenchError as error:
            print(json.dumps({"controller": _peak_mib(), "status": f"refused: {' '.join(str(error).split())[:200]}"}))
        return 0
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    print(
        "| what | s | controller MiB | largest process of a host MiB | limit MiB | | status |\n|---|---:|---:|---:|---:|---|---|"
    )
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, (measure, _, limit)) in enumerate(every.items()):
            if asked.only not in name:
                continue
            place = Path(scratch) / ("cases" if measure in (faked, report_of) else str(number))
            place.mkdir(exist_ok=True)
            began = time.perf_counter()
            command = [sys.executable, __file__, "--one", name, "--place", str(place), "--cases", str(asked.cases), "--real-cases", str(asked.real_cases)]  # fmt: skip
            told = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - began
            try:
                figures = json.loads(told.stdout.splitlines()[-1])
            except (ValueError, IndexError):
                figures = {"status": " ".join(told.stderr.split())[-200:] or f"ended with {told.returncode}", "failed": True}
            peak = figures.get("controller")
            over = figures.get("failed", False) or (peak or 0) > limit
            missed += over
            shown = ["-" if one is None else f"{one:.0f}" for one in (peak, figures.get("hosts"))]
            text = str(figures["status"]).replace("|", "/")
            print(
                f"| {name} | {seconds:.0f} | {' | '.join(shown)} | {limit} | {'MISSED' if over else 'met'} | {text} |", flush=True
            )
    print(f"\n{missed} missed")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
