"""What ``scalebench run --dry-run`` prints: the cases, how many launches, how long, what would be submitted."""

from typing import TYPE_CHECKING

from scalebench.errors import count

if TYPE_CHECKING:
    from scalebench.resume import Earlier
    from scalebench.study import Study
    from scalebench.sweep import Sweep


def print_plan(study: "Study", sweep: "Sweep", estimate_s: float | None, earlier: "Earlier | None", *, as_json: bool) -> None:
    """``estimate_s``: of the whole study; None: nothing was measured, on other machines, to base one on."""
    from scalebench.backends.registry import get_backend
    from scalebench.plan import blocks_for

    entries, blocks = sweep.entries, blocks_for(study)
    launches, stored = len(entries) * blocks, 0 if earlier is None else earlier.stored
    left = max(launches - stored, 0)  # of a precision there may be more than are planned
    if estimate_s is not None:
        estimate_s *= left / launches
    submitted = sweep.launcher.planned([one.case for one in entries])
    in_jobs = [one.case.workers for one in entries if study.scheduler in get_backend(one.case.backend).jobs]
    if in_jobs:
        submitted.append(
            f"a block: {count(max(in_jobs), 'job')} of {study.scheduler}, one a worker, as dask-jobqueue is configured"
        )
    from scalebench.programs import filled_text

    if as_json:
        from scalebench.results.shapes import analysis
        from scalebench.study import described

        cases = [{"suite": one.suite, "case_id": one.case.case_id, **one.case.asked(), "added": one.added,
                  "command": filled_text(one.case, sweep)} for one in entries]  # fmt: skip
        print(
            analysis(
                "plan",
                study=described(study),
                estimate_s=estimate_s,
                blocks=blocks,
                stored=stored,
                cases=cases,
                submitted=submitted,
            )
        )
        return
    suite = None
    for entry in entries:
        if entry.suite != suite:
            suite = entry.suite
            print(f"{suite}:")
        added = f"   (added: {entry.added})" if entry.added else ""
        shown = filled_text(entry.case, sweep) or f"{entry.case.label}, {entry.case.scaling}, {count(entry.case.tasks, 'task')}"
        print(f"  {shown}{added}")
    print(
        f"{count(len(entries), 'case')} x {count(blocks, 'block')} = {count(launches, 'launch')}"
        + (f", of which {stored} {'is' if stored == 1 else 'are'} there: {left} left" if stored else "")
        + ("" if estimate_s is None else f", about {human(estimate_s)}")
        + ("" if study.precision is None else f"; more until every interval is within {study.precision:.2g} of its value")
    )
    for line in submitted:
        print(line)


def human(seconds: float) -> str:
    """A time that is no more exact than an estimate."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
