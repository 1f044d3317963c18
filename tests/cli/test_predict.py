"""``scalebench predict --simulate``, as a user types it. By a law: ``test_fit``."""

import json
from pathlib import Path

import pytest
from factories import RUN_ID
from pools import pool, pool_run

from scalebench.results.exchange import as_json
from scalebench.results.result import Result


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("run") / "run.json", pool_run(pool, workers=(8, 12, 16)))


def stored(path, run):
    path.write_text(as_json(Result(*run, {"run_id": RUN_ID, "findings": []}, Path("results") / RUN_ID)))
    return path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


class TestSimulate:
    def test_tells_round_launch_what_they_wait_for_and_the_parts(self, scalebench, whole):
        status, out, _ = scalebench("predict", whole, "--simulate", "--workers", "64,1000", "--where", "size=50.0")
        text = " ".join(out.split())
        assert status == 0
        assert "processes fork: weak scaling of sleep 50.0" in text
        assert "62.5 times" in text
        assert "manager, to send and take an answer" in text
        assert "docs/simulation.md" in text
        assert "tasks wait rather than compute" in text
        assert "Held out: nothing; three counts or more, of four workers or more, must be half of the largest" in text
        assert text.count("weak scaling of") == 1

    def test_as_json_has_every_curve_with_parts_and_intervals(self, scalebench, whole):
        told = json.loads(scalebench("predict", whole, "--simulate", "--workers", "64", "--json")[1])
        assert told["analysis"] == "simulation"
        assert len(told["simulations"]) == 2
        for one in told["simulations"]:
            (found,) = one["predictions"]
            assert found["wall_s_low"] < found["wall_s"] < found["wall_s_high"] < found["launch_s_high"]
            assert {part["part"] for part in one["parts"]} == {"startup_s", "first_s", "wake_s", "turn_s", "manager_s", "task_s"}
            assert one["reason"] is None
            assert one["held_out"] == []

    def test_as_json_tells_how_far_off_it_is_at_the_largest_count(self, scalebench, tmp_path):
        path = stored(tmp_path / "run.json", pool_run(pool, workers=(4, 8, 16, 32)))
        told = json.loads(scalebench("predict", path, "--simulate", "--workers", "64", "--json")[1])
        for one in told["simulations"]:
            assert [check["measure"] for check in one["held_out"]] == ["wall_s", "startup_s", "launch_s"]
            for check in one["held_out"]:
                assert (check["workers"], check["up_to"], check["reason"]) == (32, 16, None)
                assert check["ratio"] == pytest.approx(check["predicted"] / check["measured"])

    def test_tells_which_curve_is_refused_beside_those_that_are_not(self, scalebench, tmp_path):
        rounds, tasks = pool_run(pool, workers=(8, 12, 16))
        rounds.loc[rounds["size"] == "50.0", "chunksize_found"] = rounds["workers"] // 4
        path = stored(tmp_path / "run.json", (rounds, tasks))
        status, out, _ = scalebench("predict", path, "--simulate", "--workers", "64")
        assert status == 0
        assert "sleep 50.0, chunksize 1, tasks per worker 4: its chunks had from 2 to 4 tasks" in " ".join(out.split())


class TestBadInput:
    @pytest.mark.parametrize(("arguments", "message", "way_out"), [
        (["--workers", "64,y"], "--workers 64,y", "Example"),
        (["--workers", "64", "--law", "usl"], "--law and --simulate", "Leave one"),
        (["--workers", "64", "--oversubscribed"], "--oversubscribed and --simulate", "Leave one"),
        (["--workers", "64", "--cpus", "0"], "--cpus 0", "Give the number"),
        (["--workers", "64", "--cpus", "two"], "--cpus two: a whole number", "Give the number"),
        (["--workers", "64", "--where", "mode"], "COLUMN=VALUE", "Example"),
        (["--workers", "64", "--where", "backend=rayon"], "no such row", "processes"),
        (["--workers", "64", "--scaling", "strong"], "no strong scaling of a backend", "Leave --scaling out"),
        (["--workers", "5000000"], "--workers 5000000", "fewer workers"),
    ])  # fmt: skip
    def test_of_flags_exits_with_2_and_says_what_and_the_way_out(self, scalebench, whole, arguments, message, way_out):
        status, out, err = scalebench("predict", whole, "--simulate", *arguments)
        assert (status, out) == (2, "")
        assert message in err
        assert way_out in err
        assert "Traceback" not in err

    def test_of_a_table_is_refused(self, scalebench, tmp_path):
        (tmp_path / "times.csv").write_text("workers,wall_s\n1,2\n2,1\n")
        status, out, err = scalebench("predict", "times.csv", "--simulate", "--workers", "4")
        assert (status, out) == (2, "")
        assert "times.csv is no run" in err
        assert "leave --simulate out" in err

    def test_of_a_run_that_lacks_a_part_says_what_to_measure(self, scalebench, tmp_path):
        path = stored(tmp_path / "run.json", pool_run(pool, workers=(8, 12, 16), suites=((0.05, 4),)))
        status, out, err = scalebench("predict", path, "--simulate", "--workers", "64")
        assert (status, out) == (2, "")
        assert "what a task costs the manager" in err
        assert "scalebench run --profile dispatch" in err

    def test_of_such_a_run_is_told_as_json_too(self, scalebench, tmp_path):
        path = stored(tmp_path / "run.json", pool_run(pool, workers=(8, 12, 16), suites=((0.05, 4),)))
        status, out, err = scalebench("predict", path, "--simulate", "--workers", "64", "--json")
        assert status == 2
        assert {one["reason"] is None for one in json.loads(out)["simulations"]} == {False}
        assert "scalebench run --profile dispatch" in err
