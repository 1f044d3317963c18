"""The plugin in real pytest sessions: what pytest-benchmark shows is what the host measured."""

import json
from pathlib import Path

import pytest

from scalebench import load

pytest_plugins = ["pytester"]

SUITE = """
import pytest
import scalebench

study = scalebench.Study(size=100, tasks=4, backend="threads", workers="1,2", blocks=2)

@pytest.mark.scalebench(study)
def test_tiny(scalebench):
    scalebench()
"""


@pytest.fixture(scope="module", autouse=True)
def _all_is_loaded():
    """pytester forgets what is first loaded in a test, and some of it can't be loaded twice."""
    result = load(Path(__file__).parents[1] / "results" / "reference" / "amd-epyc-2cpu")
    assert len(result.rounds)
    assert len(result.tasks)


@pytest.fixture(autouse=True)
def _no_worker_of_xdist(monkeypatch):
    """The sessions below are none, whatever this one is; pytest-benchmark would turn itself off."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def session(pytester):
    pytester.makeini("[pytest]\n")

    def run(*arguments, suite=SUITE):
        pytester.makepyfile(test_suite=suite)
        told = pytester.runpytest_subprocess("--scalebench-results=found", "-p", "no:cacheprovider", *arguments)
        runs = sorted((pytester.path / "found").glob("*")) if (pytester.path / "found").exists() else []
        return told, [load(run) for run in runs]

    return run


def test_the_data_of_pytest_benchmark_are_the_hosts_wall_times_bit_for_bit(session, pytester):
    told, (result,) = session("--benchmark-json=out.json")
    told.assert_outcomes(passed=6)
    benchmarks = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    counted = result.rounds[~result.rounds["warmup"]]
    for one in benchmarks:
        rows = counted[(counted["case_id"] == one["extra_info"]["case_id"]) & (counted["block"] == one["params"]["block"])]
        assert one["stats"]["data"] == rows.sort_values("round")["wall_s"].tolist()
    assert len(benchmarks) == 6


@pytest.mark.long
def test_parameters_are_plain_values_with_the_names_of_columns(session, pytester):
    session("--benchmark-json=out.json")
    benchmarks = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    assert {one["params"]["workers"] for one in benchmarks} == {1, 2}
    assert {one["params"]["backend"] for one in benchmarks} == {"serial", "threads"}
    assert "UNSERIALIZABLE" not in (pytester.path / "out.json").read_text()
    assert {one["param"] for one in benchmarks} >= {"study-crunch-threads-w2-block0", "study-crunch-serial-w1-block1"}
    assert all(one["extra_info"]["workers_found"] == one["params"]["workers"] for one in benchmarks)


@pytest.mark.long
def test_results_can_be_grouped_by_workers_and_compared(session):
    told, _ = session("--benchmark-autosave", "--benchmark-group-by=param:workers")
    told.stdout.fnmatch_lines(["*benchmark 'workers=1': 4 tests*", "*benchmark 'workers=2': 2 tests*"])
    told, _ = session("--benchmark-compare")
    told.assert_outcomes(passed=6)
    told.stdout.fnmatch_lines(["*(0001_*"])


def test_blocks_follow_one_another_and_hold_every_case_once(session):
    told, _ = session("--collect-only", "-q")
    ids = [line.partition("[")[2].rstrip("]") for line in told.outlines if "[" in line]
    assert [one.rpartition("-block")[2] for one in ids] == ["0"] * 3 + ["1"] * 3
    assert len(set(ids)) == 6


def test_what_a_block_has_taken_is_given_back_before_the_next_one(session, pytester):
    pytester.makeconftest(
        "from scalebench.launchers import local\nlocal.Local.block_ended = lambda _: open('ended', 'a').write('a block')\n"
    )
    session(suite=SUITE.replace("blocks=2", "blocks=3, rounds=1").replace('"1,2"', "1"))
    assert (pytester.path / "ended").read_text() == "a block" * 2  # the last one's goes with the run


def test_the_tables_are_printed_with_the_place_of_the_files(session):
    told, (result,) = session()
    told.stdout.fnmatch_lines(["*study: strong scaling of crunch 100, 4 tasks", "workers*", "Results: *found*"])
    assert result.about["status"] == "finished"


@pytest.mark.long
def test_a_budget_skips_the_blocks_that_would_pass_it(session):
    told, (result,) = session("-rs", suite=SUITE.replace("blocks=2", "blocks=2, budget=0.001"))
    told.assert_outcomes(passed=3, skipped=3)
    told.stdout.fnmatch_lines(["*SKIPPED*block 1 would end after the budget of 0.001 s*"])
    assert set(result.rounds["block"]) == {0}


@pytest.mark.long
def test_a_precision_adds_no_blocks_and_says_what_missed_it(session):
    told, (result,) = session(suite=SUITE.replace("blocks=2", 'blocks=2, precision="0.1%"'))
    told.assert_outcomes(passed=6)
    assert next(one for one in result.findings if one["code"] == "SB111")["ended"] == "finished"


@pytest.mark.long
def test_disabled_benchmarks_run_one_round_of_block_0(session):
    told, (result,) = session("--benchmark-disable")
    told.assert_outcomes(passed=3)
    assert set(result.rounds["block"]) == {0}
    assert result.rounds[~result.rounds["warmup"]].groupby("case_id").size().tolist() == [1, 1, 1]


@pytest.mark.long
def test_a_deselected_case_is_not_measured_and_not_waited_for(session):
    told, (result,) = session("-k", "threads-w1")
    told.assert_outcomes(passed=2, deselected=4)
    assert set(result.rounds["backend"]) == {"threads"}


def test_a_failed_launch_writes_its_row_and_then_fails_the_test(session):
    suite = SUITE.replace(
        'size=100, tasks=4, backend="threads", workers="1,2", blocks=2',
        'workload="tasks:wrong_in_workers", items=[1, 2], backend="serial", blas_threads="1,2", blocks=1',
    )
    told, (result,) = session("-W", "error", suite=suite)
    told.assert_outcomes(passed=1, failed=1)
    told.stdout.fnmatch_lines(["*LaunchFailedError: mismatch: the answers are not those of the serial reference"])
    assert sorted(result.rounds.groupby("case_id")["status"].first()) == ["mismatch", "ok"]


def test_a_launch_that_fails_in_its_warm_up_tells_its_cause(session):
    suite = SUITE.replace(
        'size=100, tasks=4, backend="threads", workers="1,2", blocks=2',
        'workload="tasks:fails_in_threads", items=[1, 2], backend="threads", workers=2, baselines=False, blocks=1',
    )
    told, (result,) = session("-W", "error", suite=suite)
    told.assert_outcomes(failed=1)
    told.stdout.fnmatch_lines(["*LaunchFailedError: failed: task 0 raised*not in a thread*"])
    assert set(result.rounds["status"]) == {"failed"}


@pytest.mark.long
def test_an_unavailable_backend_skips_with_its_reason(session, pytester):
    pytester.makeconftest(
        "from scalebench.launchers import local\nlocal.Local.unavailable = lambda _, name, *__: 'not here: get it' if name == 'threads' else None\n"
    )
    told, (result,) = session("-rs")
    told.assert_outcomes(passed=2, skipped=4)
    told.stdout.fnmatch_lines(["*SKIPPED*not here: get it*"])
    assert "unavailable" in set(result.rounds["status"])


def test_bad_use_is_an_error_without_a_traceback(session):
    told, runs = session("--scalebench-profile=fulll", suite=SUITE.replace("(study)", "('strong')"))
    assert told.ret == pytest.ExitCode.USAGE_ERROR or told.ret == pytest.ExitCode.INTERRUPTED
    text = told.stdout.str() + told.stderr.str()
    assert "no such profile" in text
    assert "Did you mean 'full'?" in text
    assert runs == []


def test_a_suite_that_the_profile_lacks_is_left_out(session):
    told, _ = session("--collect-only", "--scalebench-profile=quick", suite=SUITE.replace("(study)", "('spin')"))
    told.stdout.fnmatch_lines(["*no tests collected (1 deselected)*"])


@pytest.mark.long
def test_a_projects_defaults_hold_here_too(pytester):
    """The profile, the settings and the place of ``[tool.scalebench]``; a flag is above them."""
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\n[tool.scalebench]\nprofile = "quick"\nresults = "kept"\nrounds = 1\n')
    pytester.makepyfile(test_suite=SUITE.replace("(study)", "('strong')"))
    options = ("-p", "no:cacheprovider", "-k", "serial and block0")
    for more, place in (((), "kept"), (("--scalebench-results=asked",), "asked")):
        assert pytester.runpytest_subprocess(*options, *more).parseoutcomes()["passed"] == 1
        (run,) = (pytester.path / place).iterdir()
        result = load(run)
        assert result.about["study"]["name"] == "quick"
        assert (~result.rounds["warmup"]).sum() == 1


def test_nothing_is_loaded_or_printed_where_the_mark_is_not_used(session):
    suite = "import sys\ndef test_plain(): assert not {'pandas', 'scalebench.runner', 'scalebench.study'} & sys.modules.keys()\n"
    told, runs = session(suite=suite)
    told.assert_outcomes(passed=1)
    assert "scaling" not in told.stdout.str()
    assert runs == []


@pytest.mark.parametrize("profile", ["quick", "default", "full"])
def test_no_case_of_a_profile_stands_in_two_suites(profile):
    from scalebench.study import each_suite
    from scalebench.study_file import profile as read
    from scalebench.sweep import expand

    study = read(profile)
    alone = [entry.case.case_id for suite in each_suite(study) for entry in expand(suite).entries]
    assert len(alone) == len(set(alone))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("def test_again(scalebench): scalebench()\ntest_again = pytest.mark.scalebench(study)(test_again)\n", "measured by"),
        (
            '@pytest.mark.scalebench(scalebench.Study())\n@pytest.mark.parametrize("x", [1, 2])\ndef test_more(scalebench, x): scalebench()\n',
            "its own parameters",
        ),
    ],
)
def test_a_suite_measured_twice_or_with_other_parameters_is_refused(session, change, told):
    result, runs = session(suite=SUITE + "\n" + change)
    assert told in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()
    assert runs == []
