"""Blocks, attempts and bookkeeping, with real hosts of tiny tasks."""

import json

import pytest

import scalebench
from scalebench import Study, load, runner
from scalebench.analysis.scaling import failed_cases
from scalebench.errors import ResultsError, WorkloadError
from scalebench.runner import Runner, forecast
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
    assert result.about["stop_reason"] == "blocks"
    assert result.about["estimate_s"] > 0
    assert result.about["actual_s"] > 0
    assert {path.name for path in result.path.iterdir()} == {"run.json", "rounds.parquet", "tasks.parquet"}


def test_the_launches_of_a_block_are_in_the_random_order_of_its_seed(tmp_path):
    seen = []
    study = Study(backend="threads", workers="1..4", blocks=2, seed=5, **TINY)
    scalebench.run(study, results=tmp_path, observe=lambda entry, block, told: seen.append((block, entry.case.workers)))
    by_block = [[workers for at, workers in seen if at == block] for block in (0, 1)]
    assert sorted(by_block[0]) == sorted(by_block[1])
    again = [[entry.case.workers for entry in runner.shuffled(expand(study).entries, 5, block)] for block in (0, 1)]
    assert by_block == again


def test_a_case_that_fails_twice_is_not_launched_again_and_a_row_says_so(tmp_path, monkeypatch):
    study = Study(workload="tasks:dies", items=[0, 2], backend="processes", workers=2, blocks=3, rounds=1)
    monkeypatch.setattr(runner.plan, "measure_references", lambda sweep: {})
    monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)
    rounds = scalebench.run(study, results=tmp_path).rounds
    crashed = rounds[(rounds["backend"] == "processes") & (rounds["workers"] == 2)]
    assert list(zip(crashed["block"], crashed["attempt"], crashed["status"], strict=True)) == [
        (0, 0, "crashed"), (0, 1, "crashed"), (1, 0, "skipped"), (2, 0, "skipped"),
    ]  # fmt: skip
    assert "not launched again: crashed 2 times" in crashed["message"].iloc[-1]
    assert crashed["case_id"].iloc[0] in failed_cases(rounds)


def test_a_case_that_fails_once_is_launched_again_in_the_same_block(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEBENCH_TEST_MARK", str(tmp_path / "mark"))
    study = Study(workload="tasks:dies_once", items=[0, 1], backend="processes", workers=1, blocks=1, rounds=1)
    monkeypatch.setattr(runner.plan, "measure_references", lambda sweep: {})
    monkeypatch.setattr(runner.plan, "estimate_s", lambda *_: 1.0)
    whole = scalebench.run(study, results=tmp_path).rounds
    attempts = whole.groupby(["case_id", "attempt"])["status"].first().unstack()
    assert sorted(attempts[0]) == ["crashed", "ok"]
    assert attempts[1].dropna().tolist() == ["ok"]
    assert failed_cases(whole) == []


def test_an_unavailable_backend_is_a_row_and_the_sweep_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(runner.local, "unavailable", lambda name, *_: "not here: get it" if name == "threads" else None)
    rounds = scalebench.run(Study(backend="serial,threads", workers=1, blocks=1, **TINY), results=tmp_path).rounds
    missing = rounds[rounds["backend"] == "threads"]
    assert missing["status"].tolist() == ["unavailable"]
    assert missing["message"].tolist() == ["not here: get it"]
    assert failed_cases(rounds) == []
    assert failed_cases(rounds, {"threads"}) == missing["case_id"].tolist()


def test_the_budget_ends_the_run_between_blocks(tmp_path):
    result = scalebench.run(Study(backend="serial", blocks=50, budget=0.001, **TINY), results=tmp_path)
    assert set(result.rounds["block"]) == {0}
    assert result.about["stop_reason"] == "budget"


def test_the_precision_is_judged_after_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(Runner, "_precise_enough", lambda self: len(self._blocks) == 4)
    result = scalebench.run(Study(backend="threads", workers=1, blocks=2, precision="1%", **TINY), results=tmp_path)
    assert (result.rounds.groupby("case_id")["block"].nunique() == 4).all()
    assert result.about["stop_reason"] == "precision"


def test_rounds_are_decided_in_block_0_and_kept(tmp_path):
    study = Study(backend="threads", workers=1, blocks=2, size=100, tasks=4)
    rounds = scalebench.run(study, results=tmp_path).rounds
    counts = rounds[~rounds["warmup"]].groupby(["case_id", "block"]).size().unstack()
    assert (counts[0] == counts[1]).all()
    assert (counts >= 5).all(axis=None)


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
        scalebench.run(Study(backend="threads", workers="1,2", blocks=3, **TINY), results=tmp_path, observe=interrupt)
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
    assert codes == {"SB104", "SB105", "SB110"}
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
