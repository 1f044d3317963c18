"""The clock of the wall is set back while a run goes on: durations, order and what is read by default don't follow it."""

import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import scalebench
from scalebench import Study, launch, runner
from scalebench.api import run_observed
from scalebench.forecast import forecast
from scalebench.results import store
from scalebench.results.load import latest_run, load
from scalebench.resume import read_earlier

STUDY = Study(kind="crunch", size=100, tasks=4, backend="threads", workers=1, blocks=2, rounds=1)
SHORT = Study(kind="crunch", size=100, tasks=4, backend="serial", blocks=1, rounds=1)


@pytest.fixture
def wall_clock(monkeypatch):
    """The controller's wall clock: ``set_back(hours)`` from now on; hosts have clocks of their own and never ask for the hour."""
    back = timedelta()
    really = time.time

    class Moment(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(really(), UTC) - back

    def set_back(hours):
        nonlocal back
        back = timedelta(hours=hours)

    for module in (store, launch):
        monkeypatch.setattr(module, "datetime", Moment)
    monkeypatch.setattr(time, "time", lambda: really() - back.total_seconds())
    monkeypatch.setattr(
        time, "gmtime", lambda seconds=None, gmtime=time.gmtime: gmtime(time.time() if seconds is None else seconds)
    )
    return set_back


def test_durations_are_those_of_a_clock_that_is_never_set_back(tmp_path, wall_clock):
    began = time.monotonic()
    hours = iter(range(100))
    result = run_observed([lambda *_: wall_clock(next(hours))], STUDY, results=tmp_path)
    passed = time.monotonic() - began
    rounds = result.rounds
    started = rounds.drop_duplicates(["case_id", "block", "attempt"])["started_at"]
    launched, run = pd.to_datetime(started, format="ISO8601"), pd.Timestamp(result.about["started_at"])  # the run's to the second
    assert launched.min() < run <= launched.max()  # the hour went back, and the rows say what it was
    for name in ("wall_s", "startup_s", "shutdown_s", "busy_s", "cpu_s", "canary_s"):
        assert rounds[name].between(0, passed).all(), name
    assert (result.tasks["stop_s"] >= result.tasks["start_s"]).all()
    assert 0 < result.about["actual_s"] < passed
    assert set(rounds["status"]) == {"ok"}


def test_a_run_that_was_begun_after_the_clock_went_back_is_the_latest(tmp_path, wall_clock):
    first = scalebench.run(SHORT, results=tmp_path)
    wall_clock(3)
    second = scalebench.run(SHORT, results=tmp_path)
    third = scalebench.run(SHORT, results=tmp_path)
    assert first.path.name < second.path.name < third.path.name
    assert latest_run(tmp_path) == third.path


def test_a_run_is_resumed_whatever_the_hour_and_none_of_its_budget_comes_back(tmp_path, wall_clock):
    done = 0

    def ends():
        nonlocal done
        done += 1
        return done > 2

    first = runner.Runner(STUDY, forecast(STUDY), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        first.run(lambda *_: None, ends)
    folder = first.finish("interrupted")
    wall_clock(24)
    earlier = read_earlier("latest", tmp_path)
    assert earlier.folder == folder
    assert earlier.elapsed_s > 0
    again = runner.Runner(STUDY, forecast(STUDY, earlier=earlier), tmp_path)
    again.run(lambda *_: None)
    assert again.finish() == folder
    result = load(folder)
    assert len(result.rounds.drop_duplicates(["case_id", "block", "attempt"])) == 4
    assert result.about["actual_s"] >= earlier.elapsed_s


def test_a_killed_run_whose_launches_go_back_in_time_took_no_less_than_nothing(tmp_path, wall_clock):
    """It could not say how long it took: its launches say when each was begun."""
    hours = iter(range(100))
    first = runner.Runner(STUDY, forecast(STUDY), tmp_path)
    first.run(lambda *_: wall_clock(next(hours)))
    first.store._disown()  # killed before its end
    assert 0 <= read_earlier("latest", tmp_path).elapsed_s < 60
