"""Blocks, attempts and bookkeeping, with real hosts of tiny tasks."""

import json

import numpy as np
import pytest

import scalebench
from scalebench import Study, load, runner
from scalebench.analysis.precision import LEAST
from scalebench.analysis.scaling import failed_cases
from scalebench.api import run_observed
from scalebench.errors import ResultsError, WorkloadError
from scalebench.forecast import forecast
from scalebench.launch import Launch
from scalebench.launchers.local import Local
from scalebench.report.state import unfinished
from scalebench.results.schema import ABOUT
from scalebench.resume import read_earlier
from scalebench.runner import Runner
from scalebench.sweep import expand

TINY = {"size": 100, "tasks": 4, "rounds": 2}


def test_a_study_becomes_rows_of_every_case_in_every_block(tmp_path):
    study = Study(backend="threads,processes", workers="1,2", blocks=3, **TINY)
    result = scalebench.run(study, results=tmp_path)
    rounds = result.rounds
    cases = {entry.case.case_id for entry in expand(study).entries}
    assert len(cases) == 5  # the serial baseline was added
    assert set(rounds["case_id"]) == cases
    assert {case: sorted(blocks) for case, blocks in rounds.groupby("case_id")["block"].unique().items()} == {
        case: [0, 1, 2] for case in cases
    }
    assert set(rounds["answers"]) == {"same"}
    assert not rounds.duplicated(["case_id", "block", "attempt", "round", "warmup"]).any()
    assert result.about["status"] == "finished"
    assert result.about["ended_by"] == "blocks"
    assert result.about["estimate_s"] > 0
    assert result.about["actual_s"] > 0
    assert result.about.keys() == ABOUT.keys() - {"resumed", "damaged"}
    assert {path.name for path in result.path.iterdir()} == {"run.json", "rounds.parquet", "tasks.parquet"}


def test_the_launches_of_a_block_are_in_the_random_order_of_its_seed(tmp_path):
    seen = []
    study = Study(backend="threads", workers="1..4", blocks=2, seed=5, **TINY)
    run_observed([lambda entry, block, told: seen.append((block, entry.case.workers))], study, results=tmp_path)
    by_block = [[workers for at, workers in seen if at == block] for block in (0, 1)]
    assert sorted(by_block[0]) == sorted(by_block[1])
    again = [[entry.case.workers for entry in runner.shuffled(expand(study).entries, 5, block)] for block in (0, 1)]
    assert by_block == again


def test_a_case_that_fails_twice_is_not_launched_again_and_a_row_says_so(tmp_path, monkeypatch):
    study = Study(workload="tasks:dies", items=[0, 2], backend="processes", workers=2, blocks=3, rounds=1)
    monkeypatch.setattr(runner.plan, "measure_references", lambda *_: {})
    monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)
    rounds = scalebench.run(study, results=tmp_path).rounds
    crashed = rounds[(rounds["backend"] == "processes") & (rounds["workers"] == 2)]
    assert list(zip(crashed["block"], crashed["attempt"], crashed["status"], strict=True)) == [
        (0, 0, "crashed"), (0, 1, "crashed"), (1, 0, "skipped"), (2, 0, "skipped"),
    ]  # fmt: skip
    assert "not launched again: crashed 2 times" in crashed["message"].iloc[-1]
    assert crashed["case_id"].iloc[0] in failed_cases(rounds)


def test_a_case_whose_launches_were_taken_away_is_launched_again_in_each_block(tmp_path, monkeypatch):
    """A job that reached its limit says nothing of the case."""

    def without_its_job(*arguments):
        told = launch(*arguments)
        told.taken_away = told.status == "crashed"
        return told

    launch = runner.launch
    monkeypatch.setattr(runner, "launch", without_its_job)
    study = Study(workload="tasks:dies", items=[0, 2], backend="processes", workers=2, blocks=3, rounds=1, baselines=False)
    monkeypatch.setattr(runner.plan, "measure_references", lambda *_: {})
    monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)
    rounds = scalebench.run(study, results=tmp_path).rounds
    told = list(zip(rounds["block"], rounds["attempt"], rounds["status"], strict=True))
    assert told == [(block, attempt, "crashed") for block in range(3) for attempt in range(2)]


def test_a_case_that_fails_once_is_launched_again_in_the_same_block(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEBENCH_TEST_MARK", str(tmp_path / "mark"))
    study = Study(workload="tasks:dies_once", items=[0, 1], backend="processes", workers=1, blocks=1, rounds=1)
    monkeypatch.setattr(runner.plan, "measure_references", lambda *_: {})
    monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)
    whole = scalebench.run(study, results=tmp_path).rounds
    attempts = whole.groupby(["case_id", "attempt"])["status"].first().unstack()
    assert sorted(attempts[0]) == ["crashed", "ok"]
    assert attempts[1].dropna().tolist() == ["ok"]
    assert failed_cases(whole) == []


def test_an_unavailable_backend_is_a_row_and_the_sweep_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(Local, "unavailable", lambda _, name, *__: "not here: get it" if name == "threads" else None)
    rounds = scalebench.run(Study(backend="serial,threads", workers=1, blocks=1, **TINY), results=tmp_path).rounds
    missing = rounds[rounds["backend"] == "threads"]
    assert missing["status"].tolist() == ["unavailable"]
    assert missing["message"].tolist() == ["not here: get it"]
    assert failed_cases(rounds) == []
    assert failed_cases(rounds, {"threads"}) == missing["case_id"].tolist()


def test_the_budget_ends_the_run_between_blocks(tmp_path):
    result = scalebench.run(Study(backend="serial", blocks=50, budget=0.001, **TINY), results=tmp_path)
    assert set(result.rounds["block"]) == {0}
    assert result.about["ended_by"] == "budget"
    assert unfinished(result) == [f"Run {result.about['run_id']} was ended by its budget, after 1 of 50 blocks."]


def test_a_run_that_has_all_of_its_blocks_was_not_ended_by_the_budget(tmp_path):
    result = scalebench.run(Study(backend="serial", blocks=1, budget=0.001, **TINY), results=tmp_path)
    assert result.about["ended_by"] == "blocks"
    assert unfinished(result) == []


class TestABudget:
    """With launches of a second and a queue that is waited for a thousand."""

    STUDY = Study(backend="serial,threads", workers=1, blocks=9, budget=10, rounds=1)

    @pytest.fixture
    def times(self, monkeypatch):
        times = FakeTimes(monkeypatch, lambda *_: 0.125, fixed_s=0.875)

        def wait(launcher, ends):
            times.now += 1000
            if ends():
                raise KeyboardInterrupt

        monkeypatch.setattr(Local, "wait", wait)
        return times

    def test_is_spent_on_blocks_and_not_in_a_queue(self, tmp_path, times):
        result = scalebench.run(self.STUDY, results=tmp_path)
        assert result.rounds["block"].nunique() == 5
        assert result.about["ended_by"] == "budget"
        assert times.now == 10_010
        assert result.about["actual_s"] == 10

    def test_is_not_spent_by_a_run_that_is_interrupted_in_a_queue(self, tmp_path, times):
        asked = iter([False, False, False, True])  # once by the runner, once by the launcher
        first = Runner(self.STUDY, forecast(self.STUDY), tmp_path)
        with pytest.raises(KeyboardInterrupt):
            first.run(lambda *_: None, lambda: next(asked))
        first.finish("interrupted")
        assert read_earlier("latest", tmp_path).elapsed_s == 1
        result = scalebench.run(resume="latest", results=tmp_path)
        assert result.rounds["block"].nunique() == 5

    def test_of_a_precision_plans_as_if_there_were_no_queue(self, tmp_path, times, monkeypatch):
        times.wall_s = noisy({"serial": 0.1}, {"serial": 0.1})
        study = Study(backend="serial", precision="1%", budget=12)
        waited = scalebench.run(study, results=tmp_path)
        monkeypatch.setattr(Local, "wait", lambda *_: None)
        at_once = scalebench.run(study, results=tmp_path)
        assert waited.about["ended_by"] == at_once.about["ended_by"] == "budget"
        assert waited.rounds.groupby("block").size().tolist() == at_once.rounds.groupby("block").size().tolist()


def test_the_precision_is_judged_after_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(Runner, "_precise_enough", lambda self: len(self._blocks) == 4)
    result = scalebench.run(Study(backend="threads", workers=1, blocks=2, precision="1%", **TINY), results=tmp_path)
    assert (result.rounds.groupby("case_id")["block"].nunique() == 4).all()
    assert result.about["ended_by"] == "precision"


class FakeTimes:
    """Launches that cost fake seconds and have the wall times that a test says, by backend, block and round."""

    def __init__(self, monkeypatch, wall_s, *, fixed_s=1.0, status=lambda backend, block: "ok"):
        self.now = 0.0
        self.wall_s, self.fixed_s, self.status = wall_s, fixed_s, status
        monkeypatch.setattr(runner, "launch", self.launch)
        monkeypatch.setattr(runner.machine, "clock", lambda: self.now)
        monkeypatch.setattr(runner.machine, "cpus_in_use", lambda: 0.0)
        monkeypatch.setattr(runner.plan, "measure_references", lambda *_: {})
        monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)

    def launch(self, case, identity, sweep, study, reference, rounds, task_timing, ends):
        told = Launch(
            case, {**identity, "case_id": case.case_id, "canary_s": 0.004}, stop_reason="planned" if rounds else "pilot"
        )
        status = self.status(case.backend, identity["block"])
        self.now += self.fixed_s
        if status != "ok":
            told.fail(status, "the cause")
            return told
        for number in range(rounds or study.rounds or 5):
            wall_s = self.wall_s(case.backend, identity["block"], number)
            self.now += wall_s
            told.rounds.append({"round": number, "warmup": False, "status": "ok", "wall_s": wall_s, "work_units": 10})
        return told


NOISE = np.random.default_rng(12).normal(0, 1, (2, 200, 60))


def noisy(within, between):
    """Wall times by backend: logarithms vary by ``within[backend]`` and ``between[backend]``."""

    def wall_s(backend, block, number):
        of_launch, of_rounds = NOISE[int(backend == "serial"), block, 0], NOISE[int(backend == "serial"), block, 1:]
        return 0.01 * float(np.exp(between.get(backend, 0) * of_launch + within.get(backend, 0) * of_rounds[number]))

    return wall_s


def test_a_steady_run_ends_after_the_fewest_blocks_that_a_precision_can_end(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({}, {}))
    result = scalebench.run(Study(backend="threads", workers=1, precision="2%"), results=tmp_path)
    assert result.rounds["block"].max() + 1 == LEAST
    assert result.about["ended_by"] == "precision"
    assert result.findings == []


def test_the_rounds_go_to_the_case_whose_rounds_vary(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({"threads": 0.1}, {"serial": 0.01, "threads": 0.01}))
    result = scalebench.run(Study(backend="threads", workers=1, precision="5%"), results=tmp_path)
    counts = result.rounds.groupby(["backend", "block"]).size().unstack()
    assert counts[0].tolist() == [5, 5]
    assert set(counts.loc["serial"]) == {5}
    assert counts.loc["threads", 1:].min() > 5
    assert result.about["ended_by"] == "precision"
    reasons = result.rounds.groupby("block")["stop_reason"].unique()
    assert [list(one) for one in reasons] == [["pilot"]] + [["planned"]] * (len(reasons) - 1)


def test_rounds_that_the_study_says_are_not_planned_anew(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({"threads": 0.1}, {}))
    result = scalebench.run(Study(backend="threads", workers=1, precision="10%", rounds=3), results=tmp_path)
    assert set(result.rounds.groupby(["backend", "block"]).size()) == {3}


def test_a_budget_that_ends_before_the_precision_names_who_missed_it(tmp_path, monkeypatch):
    times = FakeTimes(monkeypatch, noisy({}, {"threads": 0.2}))
    result = scalebench.run(Study(backend="threads", workers=1, precision="1%", budget=20), results=tmp_path)
    assert times.now <= 20
    assert result.about["ended_by"] == "budget"
    (finding,) = result.findings
    assert finding["code"] == "SB111"
    assert (finding["wanted"], finding["judged"], finding["ended"]) == (0.01, 2, "budget")
    (missed,) = finding["missed"]
    assert missed["case"] == "crunch-threads-w1"
    assert missed["precision"] > 0.01
    assert missed["blocks"] == result.rounds["block"].max() + 1
    assert missed["blocks_needed"] > missed["blocks"]


def test_a_precision_asked_of_one_block_is_missed_without_a_figure(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({}, {}))
    result = scalebench.run(Study(backend="serial", precision="1%", budget=1), results=tmp_path)
    (missed,) = next(finding for finding in result.findings if finding["code"] == "SB111")["missed"]
    assert missed["precision"] is None
    assert missed["blocks_needed"] is None


def test_a_case_that_fails_does_not_keep_the_precision_from_being_reached(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({}, {}), status=lambda backend, block: "crashed" if backend == "threads" else "ok")
    result = scalebench.run(Study(backend="threads", workers=1, precision="2%"), results=tmp_path)
    assert result.about["ended_by"] == "precision"
    assert result.rounds["block"].max() + 1 == LEAST


def test_a_run_whose_cases_all_fail_ends(tmp_path, monkeypatch):
    FakeTimes(monkeypatch, noisy({}, {}), status=lambda *_: "crashed")
    result = scalebench.run(Study(backend="threads", workers=1, precision="2%"), results=tmp_path)
    assert result.about["ended_by"] == "no case left"
    assert set(result.rounds["block"]) == {0}


def test_the_machine_is_doubted_where_the_canary_or_others_give_reason(tmp_path, monkeypatch, cpus):
    cpus(2)
    study = Study(backend="serial", blocks=30, rounds=1)
    times = FakeTimes(monkeypatch, noisy({}, {}))
    steps = FakeTimes.launch

    def slower(*asked):
        told = steps(times, *asked)
        told.identity["canary_s"] = 0.004 if told.identity["block"] < 15 else 0.006
        return told

    monkeypatch.setattr(runner, "launch", slower)
    monkeypatch.setattr(runner.machine, "cpus_in_use", lambda: 1.0)
    found = {finding["code"]: finding for finding in scalebench.run(study, results=tmp_path).findings}
    assert set(found) == {"SB120", "SB121", "SB122"}
    assert (found["SB120"]["first"], found["SB120"]["last"], found["SB120"]["launches"]) in ((0, 14, 30), (15, 29, 30))
    assert (found["SB121"]["taken"], found["SB121"]["cpus"], found["SB121"]["looks"]) == (1.0, 2, 30)
    assert (found["SB122"]["low_s"], found["SB122"]["high_s"]) == (0.004, 0.006)


def test_rounds_are_decided_in_block_0_and_kept(tmp_path):
    study = Study(backend="threads", workers=1, blocks=2, size=100, tasks=4)
    rounds = scalebench.run(study, results=tmp_path).rounds
    counts = rounds[~rounds["warmup"]].groupby(["case_id", "block"]).size().unstack()
    assert (counts[0] == counts[1]).all()
    assert (counts >= 5).all(axis=None)
    reasons = rounds.groupby("block")["stop_reason"].unique()
    assert [list(one) for one in reasons] == [["pilot"], ["planned"]]


def test_an_interrupted_launch_says_nothing_of_the_rounds_of_later_blocks(tmp_path):
    study = Study(kind="sleep", size=1, tasks=2, backend="threads", workers=1, blocks=3, rounds=4, baselines=False)
    measured = Runner(study, forecast(study), tmp_path)
    (entry,) = measured.ahead.sweep.entries
    asked = iter([False, False, True])  # before the launch, before its first counted round, before its second one
    with pytest.raises(KeyboardInterrupt):
        measured.launch(entry, 0, ends=lambda: next(asked))
    earlier = read_earlier(measured.finish("interrupted"))
    resumed = Runner(study, forecast(study, earlier=earlier), tmp_path)
    assert [len(resumed.launch(entry, block).rounds) for block in (0, 1)] == [1 + 1, 1 + 4]


def test_a_workload_that_fails_serially_is_an_error_before_anything_is_stored(tmp_path):
    with pytest.raises(WorkloadError, match="three is too hard"):
        scalebench.run(Study(workload="tasks:fails_on_three", items=[1, 3], backend="threads", workers=1), results=tmp_path)
    with pytest.raises(WorkloadError, match="can't be set up: ModuleNotFoundError"):
        scalebench.run(Study(workload="no_such_module:f", backend="threads", workers=1), results=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_results_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="can't be written"):
        scalebench.run(Study(backend="serial", blocks=1, **TINY), results=tmp_path / "file")


def test_an_interrupted_run_keeps_what_was_measured(tmp_path):
    def interrupt(entry, block, told):
        if block == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_observed([interrupt], Study(backend="threads", workers="1,2", blocks=3, **TINY), results=tmp_path)
    (folder,) = tmp_path.iterdir()
    result = load(folder)
    assert result.about["status"] == "interrupted"
    assert result.rounds.groupby("block")["case_id"].nunique().to_dict() == {0: 3, 1: 1}


def test_a_function_defined_in_a_notebook_or_test_is_sent_by_value(tmp_path):
    factor = 3
    study = Study(workload=lambda item: item * factor, items=[1, 2, 3], backend="processes", workers=2, blocks=1, rounds=1)
    rounds = scalebench.run(study, results=tmp_path).rounds
    assert set(rounds["status"]) == {"ok"}
    assert set(rounds["answers"]) == {"same"}


def test_doubts_are_stored_with_the_rows(tmp_path, cpus):
    cpus(1)
    study = Study(workload="tasks:resets_blas_threads", items=[1, 2], backend="processes", workers=2, blocks=1, rounds=1)
    result = scalebench.run(study, results=tmp_path)
    codes = {finding["code"] for finding in result.findings}
    assert codes - {"SB121"} >= {"SB104", "SB105", "SB110"}
    assert codes <= {"SB102", "SB104", "SB105", "SB110", "SB121"}  # it is a short task, and others may use this machine
    assert json.loads((result.path / "run.json").read_text())["findings"] == result.findings


def test_answers_that_differ_from_the_reference_are_a_mismatch(tmp_path):
    study = Study(
        workload="tasks:wrong_in_workers", items=[1, 2], backend="processes", workers=1, blas_threads=2, blocks=1, rounds=1
    )
    ahead = forecast(study)
    whole = Runner(study, ahead, tmp_path)
    entry = next(entry for entry in ahead.sweep.entries if entry.case.backend == "processes")
    assert whole.launch(entry, 0).status == "mismatch"
    whole.finish()
    assert failed_cases(load(whole.store.folder).rounds) != []
