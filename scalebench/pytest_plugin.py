"""The same runner under pytest-benchmark: one test a launch, its statistics fed with exactly the host's rounds.

::

    @pytest.mark.scalebench("strong")          # a suite of the session's profile; or a scalebench.Study
    def test_strong(scalebench):
        scalebench()

Every suite has the same parameters, of plain values, so that ``--benchmark-group-by=param:workers`` works across
them; the block is one of them, and the collection is reordered so that blocks run one after the other, each in its own
random order. The rows are stored as ``scalebench run`` stores them. Silent unless the mark is used.

pytest collects before it runs, so there are as many blocks as the study's ``blocks``. A ``budget`` skips the blocks that
would pass it. A ``precision`` adds none: where it was missed, a finding says so.
"""

import dataclasses
import functools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scalebench.launch import Launch
    from scalebench.runner import Runner
    from scalebench.study import Study
    from scalebench.sweep import Entry

_replay: deque[float] = deque()
#: the parameters of every suite: columns that say what was asked
_PARAMETERS = ("workload", "kind", "size", "imbalance", "scaling", "backend", "start_method", "mpi_mode", "distribution",
               "workers", "blas_threads", "binding", "chunksize", "tasks", "variant", "nodes")  # fmt: skip
#: what the host found to be true, for ``extra_info``
_FACTS = ("workers_found", "nodes_found", "processes", "blas_found_min", "blas_found_max", "blas_library", "chunksize_found", "gil", "cpu_budget",
          "runnable_threads", "oversubscribed", "startup_s", "shutdown_s", "answers")  # fmt: skip


class LaunchFailedError(Exception):
    """A launch that did not end well; its row has been written."""


@dataclasses.dataclass(eq=False)
class Campaign:
    """One run of a study within a pytest session: begun with its first launch."""

    study: "Study"
    selected: "list[Planned]" = dataclasses.field(default_factory=list)
    runner: "Runner | None" = None
    measured_by: dict[str | None, str] = dataclasses.field(default_factory=dict)  #: suite -> the test that has it

    def begin(self, results: str) -> "Runner":
        """Measure the references of what was selected, and make the run's folder."""
        from scalebench.forecast import forecast
        from scalebench.runner import Runner

        if self.runner is None:
            cases = {one.entry.case for one in self.selected}
            self.runner = Runner(self.study, forecast(self.study, cases), results)
        return self.runner


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Planned:
    """What one test launches."""

    campaign: Campaign
    entry: "Entry"
    block: int


_CAMPAIGNS = pytest.StashKey[dict[Any, Campaign]]()
_PLANNED = pytest.StashKey[dict[tuple[str, int], Planned]]()  # by test function and position among its parameters


def host_clock() -> float:
    """A timer for pytest-benchmark: 0, then a round's wall time as the host took it, and so on."""
    return _replay.popleft()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("scalebench")
    group.addoption(
        "--scalebench-profile", metavar="NAME", help="as of scalebench run --profile (default: the project's, else default)"
    )
    group.addoption(
        "--scalebench-results", metavar="DIR", help="where the run's folder is made (default: the project's, else results)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scalebench(suite_or_study): launch each case of a suite in each block")
    config.stash[_CAMPAIGNS] = {}
    config.stash[_PLANNED] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("scalebench")
    if mark is None:
        return
    config = metafunc.config
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("the scalebench mark needs pytest-benchmark: python -m pip install pytest-benchmark")
    from scalebench.errors import ScalebenchError
    from scalebench.sweep import expand

    if any(metafunc.definition.iter_markers("parametrize")):
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: a scalebench suite has its own parameters; give more of them as axes"
        )
    try:
        campaign, suite = _campaign(config, mark)
        entries = [entry for entry in expand(campaign.study).entries if suite in (None, entry.suite)]
    except ScalebenchError as error:
        raise pytest.UsageError(str(error)) from None
    if (before := campaign.measured_by.setdefault(suite, metafunc.definition.nodeid)) != metafunc.definition.nodeid:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: the same suite is measured by {before} already, give one of them another"
        )
    blocks = 1 if config.getoption("benchmark_disable") else campaign.study.blocks
    launches = [Planned(campaign, entry, block) for block in range(blocks) for entry in entries]
    names = (*_PARAMETERS, "block")
    metafunc.fixturenames.extend(name for name in names if name not in metafunc.fixturenames)
    values = [(*(getattr(one.entry.case, name) for name in _PARAMETERS), one.block) for one in launches]
    metafunc.parametrize(names, values, ids=[f"{one.entry.suite}-{one.entry.case.label}-block{one.block}" for one in launches])
    for index, one in enumerate(launches):
        config.stash[_PLANNED][metafunc.definition.nodeid, index] = one


def _campaign(config: pytest.Config, mark: pytest.Mark) -> tuple[Campaign, str | None]:
    """The campaign of a mark's study, and the suite of it that is meant; None for all of a study of its own."""
    from scalebench.study import Study
    from scalebench.study_file import of_study, profile

    if len(mark.args) != 1 or mark.kwargs:
        raise pytest.UsageError("the scalebench mark takes one argument, the name of a suite or a scalebench.Study")
    (asked,) = mark.args
    campaigns = config.stash[_CAMPAIGNS]
    if isinstance(asked, Study):
        return campaigns.setdefault(id(asked), Campaign(asked)), None
    project = _project(config.rootpath)
    name = config.getoption("scalebench_profile") or project.get("profile", "default")
    if name not in campaigns:
        campaigns[name] = Campaign(profile(name, of_study(project)))
    return campaigns[name], str(asked)


@functools.cache  # asked for at each launch
def _project(root: Path) -> dict[str, Any]:
    """``[tool.scalebench]`` of the project, as ``scalebench run`` reads it. A study in Python is taken as it stands."""
    from scalebench.study_file import project_defaults

    return project_defaults(root)[1]


def _planned(item: pytest.Item) -> Planned | None:
    """What an item launches; None for an ordinary test."""
    callspec = getattr(item, "callspec", None)
    if item.get_closest_marker("scalebench") is None or callspec is None or item.parent is None:
        return None
    function = f"{item.parent.nodeid}::{getattr(item, 'originalname', item.name)}"
    return item.config.stash[_PLANNED].get((function, callspec.indices.get("block")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Blocks one after the other, each in its own random order; suites that the profile lacks are left out."""
    if not any(item.get_closest_marker("scalebench") for item in items):
        return
    from scalebench.sweep import shuffled

    lacking = [item for item in items if item.get_closest_marker("scalebench") and _planned(item) is None]
    if lacking:
        config.hook.pytest_deselected(items=lacking)
        items[:] = [item for item in items if item not in lacking]
    places = [index for index, item in enumerate(items) if _planned(item) is not None]
    ours = {id(one): items[index] for index in places if (one := _planned(items[index]))}
    for index in places:
        if one := _planned(items[index]):
            one.campaign.selected.append(one)
            items[index].add_marker(pytest.mark.benchmark(timer=host_clock))
    ordered = []
    for campaign in config.stash[_CAMPAIGNS].values():
        for block in sorted({one.block for one in campaign.selected}):
            here = {one.entry: one for one in campaign.selected if one.block == block}
            ordered += [ours[id(here[entry])] for entry in shuffled(list(here), campaign.study.seed, block)]
    for index, item in zip(places, ordered, strict=True):
        items[index] = item


@pytest.fixture
def scalebench(request: pytest.FixtureRequest, benchmark: Any) -> Callable[[], "Launch"]:
    """Launch the test's case in its block, store the rows, feed the rounds to pytest-benchmark."""

    def measure() -> "Launch":
        __tracebackhide__ = True
        one = _planned(request.node)
        if one is None:
            raise pytest.UsageError("the scalebench fixture needs the scalebench mark")
        config = request.config
        runner = one.campaign.begin(config.getoption("scalebench_results") or _project(config.rootpath).get("results", "results"))
        if runner.begins(one.block):
            runner.end_block()
            if runner.over_budget():
                pytest.skip(f"block {one.block} would end after the budget of {one.campaign.study.budget:g} s")
        told = runner.launch(one.entry, one.block, rounds=1 if config.getoption("benchmark_disable") else None)
        if told.status in ("unavailable", "skipped"):
            pytest.skip(told.message or told.status)
        rows = told.rows()
        rounds = [row for row in rows if not row["warmup"]]  # none where the warm-up failed
        benchmark.extra_info.update(
            run_id=runner.store.run_id, case_id=one.entry.case.case_id, suite=one.entry.suite, status=told.status,
            **{name: rows[-1].get(name) for name in _FACTS},
        )  # fmt: skip
        _replay.clear()
        if told.status != "ok":
            _replay.append(0.0)
            benchmark.pedantic(_fail, args=(told,))
        _replay.extend(moment for row in rounds for moment in (0.0, row["wall_s"]))
        benchmark.pedantic(int, rounds=len(rounds))
        return told

    return measure


def _fail(told: "Launch") -> None:
    __tracebackhide__ = True
    raise LaunchFailedError(f"{told.status}: {told.message}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    for campaign in session.config.stash[_CAMPAIGNS].values():
        if campaign.runner is not None:
            interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
            campaign.runner.finish("interrupted" if interrupted else "finished")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for campaign in config.stash[_CAMPAIGNS].values():
        if campaign.runner is not None:
            from scalebench.report.terminal import report_text
            from scalebench.results.load import load

            terminalreporter.section("scaling")
            terminalreporter.write_line(report_text(load(campaign.runner.store.folder)))
