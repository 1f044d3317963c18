"""The Python face: measure a study, read results back, ask them questions, and see them in a notebook.

:class:`Result` is that of ``results.result`` with the questions that ``analysis`` answers and the look that ``report``
gives. It stands here, above all three, since ``results`` is below ``analysis`` and knows nothing of reports; whatever
takes the plain one takes this one too. Not here: any computation or layout of its own.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebench.errors import ResultsError, count
from scalebench.results import load as reader
from scalebench.results import result as plain

if TYPE_CHECKING:
    import pandas as pd

    from scalebench.analysis.laws.fit import Fit
    from scalebench.analysis.recommend import Recommendation
    from scalebench.launch import Launch
    from scalebench.report.inline import Shown
    from scalebench.runner import Observer
    from scalebench.study import Study
    from scalebench.sweep import Entry


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Result(plain.Result):
    """What was measured, what it means, and how it looks: in a notebook, and printed.

    ``rounds`` and ``tasks`` are the rows, ``about`` and ``findings`` what is known and doubted. The methods give the tables of
    the analysis as DataFrames; ``recommend`` and ``laws`` give lists that show themselves in words and tables.
    """

    def scaling(self) -> "pd.DataFrame":
        """One row a case: wall time, speedup and efficiency with their intervals. See ``analysis.scaling``."""
        from scalebench.analysis.scaling import scaling

        return scaling(self._with_workers().rounds)

    def efficiency(self) -> "pd.DataFrame":
        """The same rows with the factors of each efficiency, where the rest was lost, and a verdict in words."""
        from scalebench.analysis.efficiency import account
        from scalebench.report.efficiency import verdicts

        whole = account(self._with_workers().rounds)
        return whole.assign(verdict=verdicts(whole))

    def granularity(self) -> "pd.DataFrame":
        """METG(50%) of each curve of a study that sweeps sizes.

        Raises:
            ResultsError: No suite does.
        """
        from scalebench.analysis.granularity import LEAST_SIZES, granularity, sweeps

        if not sweeps(self._with_workers().rounds):
            raise ResultsError(f"{self._place} has no suite that sweeps sizes: METG takes {LEAST_SIZES} sizes of one kind.\n"
                               'Measure one: scalebench.Study(kind="crunch", size=[100, 1000, 10000, 100000], ...)')  # fmt: skip
        return granularity(self.rounds)

    def recommend(self) -> "Shown[Recommendation]":
        """What to use, an answer for each workload: a list that shows itself in sentences; ``.cases`` of each is a DataFrame.

        Raises:
            ResultsError: There is nothing to choose between.
        """
        from scalebench.report.inline import Shown
        from scalebench.report.recommend import recommend_texts, recommendations

        found = recommendations(self._with_workers())
        if not found:
            raise ResultsError(f"{self._place} has nothing to choose between: only sweeps of sizes, or no rounds at all.\n"
                               "Measure cases, for example backend=['processes', 'threads'], workers='1..2x'")  # fmt: skip
        return Shown(found, recommend_texts(self))

    def laws(self, *, oversubscribed: bool = False) -> "Shown[Fit]":
        """The laws of scaling fitted to each curve: a list that shows itself as tables, with what the data can't show.

        Args:
            oversubscribed: Fit across the number of CPUs too.
        Raises:
            ResultsError: No backend ran well with two worker counts.
        """
        from scalebench.analysis.laws.curves import curves
        from scalebench.analysis.laws.fit import fit
        from scalebench.report.inline import Shown
        from scalebench.report.laws import law_tables

        found = curves(self._with_workers().rounds, oversubscribed=oversubscribed)
        if not found:
            raise ResultsError(f"{self._place} has no curve: no backend ran well with two worker counts.\n"
                               "Measure more, for example workers='1..2x'")  # fmt: skip
        fits = [fit(curve.table, curve.scaling) for curve in found]
        tables = [table for curve, one in zip(found, fits, strict=True) for table in law_tables(curve, one, self._place)]
        return Shown(fits, [([], table) for table in tables])

    @property
    def _place(self) -> str:
        return str(self.path or "this result")

    def _with_workers(self) -> "Result":
        """This result; a file of another tool has no workers, and so none of these tables."""
        reader.refuse_foreign(self)
        return self

    def __repr__(self) -> str:
        rounds = self.rounds
        return f"<Result of {count(rounds['case_id'].nunique(), 'case')}, {count(len(rounds), 'round')}: {self._place}; print it to see the tables>"

    def __str__(self) -> str:
        from scalebench.report.inline import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from scalebench.report.inline import as_html

        return as_html(self)

    def _repr_mimebundle_(self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None) -> dict[str, Any]:
        from scalebench.report.inline import as_html, figures

        return {"text/plain": str(self), "text/html": as_html(self, figures(self))}


def load(path: str | Path | None = None) -> Result:
    """Results from a run's folder, a folder of runs or of JSON files, a parquet or a JSON file; the latest run when None.

    Args:
        path: Where they are, a run's id, or ``latest``.
    Raises:
        ResultsError: Nothing there, or not results of scalebench; the message says which file.
    """
    found = reader.load(path)
    return Result(*(getattr(found, one.name) for one in fields(found)))


def run(
    study: "Study | None" = None,
    *,
    results: str | Path = "results",
    resume: str | Path | None = None,
    progress: bool | None = None,
) -> Result:
    """Measure a study, the default one when None, and return what was measured.

    Interrupted, it ends the launch in flight, keeps the rest, and raises on; a note at the error says where the rows are.

    Args:
        study: What to sweep.
        results: Folder that the run's folder is made in.
        resume: A run that was interrupted, to go on with: its folder, its id, or ``latest``. Its study may be left out where it
            tells all of it.
        progress: Draw a bar between launches, or lines where there is none; None: on a terminal and in a notebook.
    Returns:
        The rows, as stored. ``path`` is the run's folder.
    Raises:
        StudyError, WorkloadError, ResultsError: Before anything is measured.
        LauncherError, NotStoredError: In the middle of the run; what was measured until then is kept.
    """
    return run_observed([], study, results=results, resume=resume, progress=progress)


def run_observed(
    observers: "Sequence[Observer]",
    study: "Study | None" = None,
    *,
    results: str | Path = "results",
    resume: str | Path | None = None,
    progress: bool | None = None,
) -> Result:
    """:func:`run`, with somebody who is told of each launch."""
    from scalebench.forecast import forecast
    from scalebench.plan import blocks_for
    from scalebench.progress import Progress, wanted
    from scalebench.resume import read_earlier
    from scalebench.runner import Runner
    from scalebench.study_file import profile

    earlier = None if resume is None else read_earlier(resume, results)
    if study is None:
        study = profile() if earlier is None else earlier.study()
    ahead = forecast(study, earlier=earlier)
    runner = Runner(study, ahead, results)
    told = [*observers]
    try:
        with ExitStack() as stack:
            if wanted() if progress is None else progress:
                launches = len(ahead.sweep.entries) * blocks_for(study)
                told.append(stack.enter_context(Progress(launches, ahead.estimate_s, runner.stored)).launched)
            runner.run(lambda entry, block, launch: _tell(told, entry, block, launch))
    except BaseException as error:
        folder = runner.finish("interrupted")
        place = repr(str(folder))
        error.add_note(
            f"What was measured is in {folder}: scalebench.load({place}); scalebench.run(study, resume={place}) goes on"
        )
        raise
    return load(runner.finish())


def _tell(observers: "Sequence[Observer]", entry: "Entry", block: int, launch: "Launch") -> None:
    for observer in observers:
        observer(entry, block, launch)
