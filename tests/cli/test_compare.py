"""scalebench compare, as a user types it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories import make_rounds, make_tasks, write_parquet

from scalebench.cli import CASES_FAILED, WRONG_USE
from scalebench.results.schema import ROUNDS, TASKS

DATA = Path(__file__).parents[1] / "data"
NOISY = (1.0, 1.01, 0.99, 1.02, 0.985)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def write_run(folder, rows, **about):
    """A finished run."""
    rounds = make_rounds(*rows, run_id=folder.name)
    folder.mkdir(parents=True)
    write_parquet(rounds, folder / "rounds.parquet", ROUNDS)
    write_parquet(make_tasks(rounds), folder / "tasks.parquet", TASKS)
    machine = {"machine_id": rounds["machine_id"].iloc[0], "python": "CPython 3.11.7"}
    (folder / "run.json").write_text(json.dumps({"run_id": folder.name, "machine": machine, **about}))
    return folder


def blocks(slow=1.0, moods=NOISY, **values):
    return [{"block": block, "wall_s": mood * slow, **values} for block, mood in enumerate(moods)]


@pytest.fixture
def before(tmp_path):
    return write_run(tmp_path / "before", blocks())


def after(tmp_path, slow, name="after", **values):
    return write_run(tmp_path / name, blocks(slow, NOISY[::-1], **values))


class TestTwoRuns:
    def test_that_differ_are_shown_with_what_differs_first_and_drift_left_open(self, scalebench, before, tmp_path):
        other = after(tmp_path, 1.2)
        about = json.loads((other / "run.json").read_text())
        (other / "run.json").write_text(
            json.dumps({**about, "git_commit": "a" * 40, "machine": {**about["machine"], "python": "CPython 3.13.1"}})
        )
        status, out, _ = scalebench("compare", "before", "after")
        assert status == 0
        assert out.index("CPython 3.13.1") < out.index("Verdicts")
        assert "B does not say" not in out
        assert "A does not say its git_commit." in out
        assert "1.200 [1.17" in out
        assert "differs, drift not excluded" in out

    def test_tell_the_doubts_of_each_and_the_command_that_explains_them(self, scalebench, before, tmp_path):
        write_run(tmp_path / "after", blocks(), findings=[{"code": "SB121", "text": "others used CPUs"}])
        for format_ in ("terminal", "markdown"):
            _, out, _ = scalebench("compare", "before", "after", "--format", format_)
            assert "B, SB121: others used CPUs" in out
            assert "What a doubt means: scalebench help SB121" in out

    def test_fit_eighty_columns(self, scalebench, before, tmp_path):
        after(tmp_path, 1.2)
        _, out, _ = scalebench("compare", "before", "after")
        assert max(map(len, out.splitlines())) <= 80

    def test_without_a_case_in_common_are_an_error_that_says_what_each_has(self, scalebench, before, tmp_path):
        after(tmp_path, 1.0, size="77")
        status, out, err = scalebench("compare", "before", "after")
        assert (status, out) == (2, "")
        assert "before has crunch 50000" in err
        assert "after has crunch 77" in err

    def test_that_are_one_run_are_refused(self, scalebench, before, tmp_path):
        shutil.copytree(before, tmp_path / "copy")
        status, _, err = scalebench("compare", "before", "copy")
        assert status == 2
        assert "both hold run before" in err

    def test_in_markdown_are_tables_that_render(self, scalebench, before, tmp_path):
        after(tmp_path, 1.2)
        status, out, _ = scalebench("compare", "before", "after", "--format", "markdown")
        assert status == 0
        rows = [line for line in out.splitlines() if line.startswith("|")]
        assert "| backend |  | A ms | B ms | B/A | sees | verdict |" in rows
        assert any("differs, drift not excluded" in row and row.startswith("| serial |") for row in rows)

    def test_in_json_have_rows_and_null_for_what_is_absent(self, scalebench, tmp_path):
        write_run(tmp_path / "a", blocks(moods=NOISY[:2]))
        write_run(tmp_path / "b", blocks(moods=NOISY[:2]))
        status, out, _ = scalebench("compare", "a", "b", "--json")
        row = json.loads(out, parse_constant=pytest.fail)["comparisons"][0]
        assert status == 0
        assert (row["ratio"], row["ratio_low"], row["detectable"], row["verdict"]) == (1.0, None, None, "can't tell")

    def test_may_have_another_baseline(self, scalebench, before, tmp_path):
        after(tmp_path, 1.25)
        _, out, _ = scalebench("compare", "before", "after", "--baseline", "after", "--json")
        told = json.loads(out)
        assert [side["name"] for side in told["sides"]] == ["after", "before"]
        assert told["comparisons"][0]["ratio"] == pytest.approx(0.8)

    def test_across_machines_show_the_shape_too(self, scalebench, tmp_path):
        for name, cpus in (("a", 2), ("b", 4)):
            rows = blocks() + [one for workers in (1, 2) for one in blocks(1 / workers, backend="processes", workers=workers)]
            write_run(tmp_path / name, [{**row, "machine_id": name, "cpu_budget": cpus} for row in rows])
        _, out, _ = scalebench("compare", "a", "b")
        assert "Shape: efficiency at equal workers, %" in out
        assert "Shape: efficiency at equal share of the CPU budget, %" in out
        assert "Shape: serial fraction" in out
        assert "Shape: knee, workers" in out
        assert max(map(len, out.splitlines())) <= 80

    def test_tell_as_many_workers_on_one_node_and_on_two_apart(self, scalebench, tmp_path):
        for name in ("a", "b"):
            rows = blocks() + [
                {**row, "wall_s": row["wall_s"] * nodes}
                for nodes in (1, 2) for row in blocks(0.5, backend="mpi", workers=2, nodes=nodes)
            ]  # fmt: skip
            write_run(tmp_path / name, [{**row, "machine_id": name} for row in rows])
        _, out, _ = scalebench("compare", "a", "b")
        cases = out[: out.index("How to read this")].splitlines()
        assert [line.split()[:2] for line in cases if line.strip().startswith("w2")] == [["w2", "500"], ["w2", "n2"]]
        shape = out[out.index("Shape: efficiency at equal workers") :]
        assert "mpi n1" in shape
        assert "mpi n2" in shape
        assert max(map(len, out.splitlines())) <= 80

    def test_that_do_not_compute_the_same_are_told_of(self, scalebench, before, tmp_path):
        after(tmp_path, 0.5, answers_digest="aaaa" * 6)
        out = scalebench("compare", "before", "after")[1].replace("\n", " ")
        assert "The answers of B are not those of A: crunch 50000 x24 strong serial w1" in out

    def test_of_one_machine_show_no_shape(self, scalebench, before, tmp_path):
        after(tmp_path, 1.2)
        assert "Shape" not in scalebench("compare", "before", "after")[1]


class TestVariantsOfOneRun:
    @pytest.fixture
    def run(self, tmp_path):
        rows = blocks(variant="new", slow=1.2, moods=NOISY[::-1]) + blocks(variant="old")
        return write_run(tmp_path / "run", rows, study={"variants": {"old": {}, "new": {}}})

    def test_are_compared_with_the_first_named_and_drift_is_excluded(self, scalebench, run):
        status, out, _ = scalebench("compare", "run", "--json")
        row = json.loads(out)["comparisons"][0]
        assert status == 0
        assert (row["verdict"], row["replicates"], row["ratio"]) == ("slower", "pairs", pytest.approx(1.2))

    def test_are_named_in_the_table(self, scalebench, run):
        _, out, _ = scalebench("compare", "run")
        assert "old (baseline)" in out
        assert "measured in the same blocks" in out

    def test_may_have_another_baseline(self, scalebench, run):
        _, out, _ = scalebench("compare", "run", "--baseline", "new", "--json")
        assert json.loads(out)["comparisons"][0]["verdict"] == "faster"

    def test_that_is_not_there_is_refused_with_those_that_are(self, scalebench, run):
        status, _, err = scalebench("compare", "run", "--baseline", "older")
        assert status == 2
        assert "There are: old, new" in err

    def test_of_a_run_without_any_is_wrong_use(self, scalebench, before):
        status, _, err = scalebench("compare", "before")
        assert status == 2
        assert "has no variants" in err


class TestTheGate:
    @pytest.mark.parametrize(
        ("slow", "gate", "accept", "status"),
        [
            (1.2, "slower:5%", False, 2), (1.2, "slower:5%", True, 1), (1.2, "slower:0.05", True, 1), (1.2, "slower:25%", True, 0),
            (1.2, "faster:5%", True, 0), (0.8, "faster:5%", True, 1), (0.8, "slower:5%", False, 0), (1.0, "slower:5%", False, 0),
        ],
    )  # fmt: skip
    def test_of_runs_that_were_not_interleaved(self, scalebench, before, tmp_path, slow, gate, accept, status):
        after(tmp_path, slow)
        got, out, err = scalebench("compare", "before", "after", "--fail-on", gate, *["--accept-drift"] * accept)
        assert got == status, err
        assert "Verdicts" in out
        assert ("--accept-drift" in err) == (status == 2)

    @pytest.mark.parametrize(("slow", "status"), [(1.2, 1), (1.03, 0)])
    def test_of_interleaved_variants_needs_no_leave(self, scalebench, tmp_path, slow, status):
        quiet = [1 + (one - 1) / 10 for one in NOISY]
        write_run(tmp_path / "run", blocks(moods=quiet, variant="a") + blocks(slow, quiet[::-1], variant="b"))
        assert scalebench("compare", "run", "--fail-on", "slower:5%")[0] == status

    def test_of_three_runs_a_side_needs_none_either(self, scalebench, tmp_path):
        for at, mood in enumerate(NOISY[:3]):
            write_run(tmp_path / "before" / f"b{at}", blocks(mood))
            write_run(tmp_path / "after" / f"a{at}", blocks(mood * 1.3))
        status, out, _ = scalebench("compare", "before", "after", "--fail-on", "slower:5%")
        assert status == 1
        assert "What varies is the run" in out

    def test_stands_though_nobody_reads_its_own_words(self, before, tmp_path):
        after(tmp_path, 1.2)
        seen, gone = os.pipe()
        os.close(seen)
        command = [sys.executable, "-m", "scalebench", "compare", "before", "after", "--fail-on", "slower:5%", "--accept-drift"]
        with open(gone, "wb") as nobody:
            assert subprocess.run(command, stdout=subprocess.DEVNULL, stderr=nobody, check=False, timeout=60).returncode == 1

    @pytest.mark.parametrize("format_", ["terminal", "json"])
    def test_stands_though_nobody_reads_what_is_told(self, before, tmp_path, format_):
        after(tmp_path, 1.2)
        command = [
            sys.executable,
            "-m",
            "scalebench",
            "compare",
            "before",
            "after",
            "--fail-on",
            "slower:5%",
            "--accept-drift",
            "--format",
            format_,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as gate:
            gate.stdout.close()
            assert b"Traceback" not in gate.stderr.read()
            assert gate.wait(60) == 1

    def test_names_the_three_that_changed_most_by_what_was_asked(self, scalebench, tmp_path):
        slower = {"7": 1.3, "8": 1.5, "9": 1.4, "10": 1.2}
        write_run(tmp_path / "before", [row for size in slower for row in blocks(size=size)])
        write_run(tmp_path / "after", [row for size, slow in slower.items() for row in blocks(slow, NOISY[::-1], size=size)])
        _, _, err = scalebench("compare", "before", "after", "--fail-on", "slower:5%", "--accept-drift")
        named = [one.partition(" x24")[0] for one in err.partition("by more than 5%: ")[2].split(", crunch ")]
        assert named == ["crunch 8", "9", "7"]
        assert "and 1 more" in err

    def test_says_how_many_cases_it_could_not_have_judged(self, scalebench, before, tmp_path):
        after(tmp_path, 1.0)
        status, _, err = scalebench("compare", "before", "after", "--fail-on", "slower:1%")
        assert status == 0
        assert "1 of 1 case would not have shown a change of 1%" in err

    def test_does_not_pass_where_every_case_failed_that_ran_before(self, scalebench, before, tmp_path):
        write_run(tmp_path / "after", blocks(status="failed", message="ValueError: no"))
        status, _, err = scalebench("compare", "before", "after", "--fail-on", "slower:5%")
        assert status == CASES_FAILED
        assert "no case ran well on both sides" in err
        assert "nothing that ran well; 1 failed" in err
        assert scalebench("compare", "before", "after")[0] == WRONG_USE  # nobody asked for a verdict on that
        assert scalebench("compare", "after", "before", "--fail-on", "slower:5%")[0] == WRONG_USE  # the baseline is what failed

    def test_does_not_pass_where_a_case_failed_that_ran_before(self, scalebench, tmp_path):
        write_run(tmp_path / "before", blocks() + blocks(size="7"))
        write_run(tmp_path / "after", [*blocks(), {"size": "7", "status": "crashed"}])
        status, out, err = scalebench("compare", "before", "after", "--fail-on", "slower:5%")
        assert status == 3
        assert "crunch 7 x24 strong serial w1" in err
        assert "B, crunch 7 x24 strong serial w1: crashed: the cause" in out.replace("\n", " ")

    @pytest.mark.parametrize("gate", ["slower", "slower:", "slower:-5%", "slower:5", "slower:nan", "different:5%", "5%"])
    def test_that_can_t_be_read_is_refused_before_anything_is_printed(self, scalebench, before, tmp_path, gate):
        after(tmp_path, 1.2)
        status, out, err = scalebench("compare", "before", "after", "--fail-on", gate)
        assert (status, out) == (2, "")
        assert f"--fail-on {gate}: " in err
        assert "For example" in err


class TestFilesOfOtherTools:
    def test_of_pyperf_are_compared(self, scalebench):
        old, new = DATA / "pyperf_2_0_1_py36.json", DATA / "pyperf_2_0_1_py37.json"
        status, out, err = scalebench("compare", old, new, "--fail-on", "slower:5%")
        assert status == 2
        assert "CPython 3.6.12 CPython 3.7.9" in out
        assert "1.424 [1.413,1.435]" in out
        assert "[1,2]*1000 (1.424 [1.413,1.435]), [1,2,3]*1000 (1.310 [1.290,1.330])" in err

    def test_of_pytest_benchmark_are_compared_and_what_only_one_has_is_named(self, scalebench):
        old, new = DATA / "pytest_benchmark_3_4_1.json", DATA / "pytest_benchmark_4_0_0.json"
        status, out, _ = scalebench("compare", old, new)
        assert status == 0
        assert "0.626" in out
        assert "Only in B, not compared" in out
        assert "no interval" in out

    def test_in_folders_are_sessions_of_a_side(self, scalebench, tmp_path):
        for folder, factor in (("before", 1.0), ("after", 1.5)):
            (tmp_path / folder).mkdir()
            for at in range(3):
                whole = json.loads((DATA / "pytest_benchmark_3_4_1.json").read_text())
                for one in whole["benchmarks"]:
                    one["stats"]["median"] *= factor * (1 + at / 100)
                (tmp_path / folder / f"000{at}.json").write_text(json.dumps(whole))
        status, out, _ = scalebench("compare", "before", "after", "--fail-on", "slower:5%", "--json")
        assert status == 1
        assert {row["verdict"] for row in json.loads(out)["comparisons"]} == {"slower"}

    def test_of_different_tools_have_nothing_in_common(self, scalebench):
        status, _, err = scalebench("compare", DATA / "pyperf_1_0.json.gz", DATA / "pytest_benchmark_4_0_0.json")
        assert status == 2
        assert "has timeit" in err
        assert "test_magic" in err

    def test_have_no_report_and_it_says_why(self, scalebench):
        status, out, err = scalebench("report", DATA / "pyperf_0_8_2.json")
        assert (status, out) == (2, "")
        assert "no worker counts" in err
        assert "scalebench compare" in err

    def test_are_exported_and_what_is_exported_is_compared(self, scalebench):
        assert scalebench("export", DATA / "pyperf_2_0_1_py36.json", "-o", "mine.json")[0] == 0
        status, out, _ = scalebench("compare", "mine.json", DATA / "pyperf_2_0_1_py37.json", "--json")
        assert status == 0
        assert json.loads(out)["comparisons"][1]["ratio"] == pytest.approx(1.424, abs=1e-3)


class TestBadInput:
    def test_a_truncated_parquet_is_refused_by_name(self, scalebench, before, tmp_path):
        whole = (before / "rounds.parquet").read_bytes()
        (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
        status, out, err = scalebench("compare", before / "rounds.parquet", "half.parquet")
        assert (status, out) == (2, "")
        assert "half.parquet can't be read as parquet" in err

    @pytest.mark.parametrize("wall_s", [0.0, -1.0, float("nan"), float("inf")])
    def test_a_time_that_is_none_is_refused_by_file_and_row(self, scalebench, before, tmp_path, wall_s):
        write_run(tmp_path / "bad", [{"block": 0}, {"block": 1, "wall_s": wall_s}])
        status, _, err = scalebench("compare", "before", "bad")
        assert status == 2
        assert "rounds.parquet, row 1 of the rounds: wall_s" in err

    @pytest.mark.parametrize(("name", "content"), [("empty.json", ""), ("mine.json", '{"results": []}'), ("mine.json", "[1, 2")])
    def test_a_json_of_nobody_is_refused_by_name(self, scalebench, before, tmp_path, name, content):
        (tmp_path / name).write_text(content)
        status, out, err = scalebench("compare", "before", name)
        assert (status, out) == (2, "")
        assert name in err

    @pytest.mark.parametrize("flags", [["--margin", "0"], ["--margin", "x"], ["--location", "mean"], ["--format", "html"]])
    def test_a_flag_that_can_t_be_is_refused(self, scalebench, before, flags):
        status, _, err = scalebench("compare", "before", "before", *flags)
        assert status == 2
        assert flags[0] in err
