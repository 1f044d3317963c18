"""The command line, as a user types it."""

import json
import math
import re
import subprocess
import sys

import pandas as pd
import pytest

from scalebench import cli, load

TINY = ["--size", "100", "--tasks", "4", "--rounds", "2", "--blocks", "1"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", __import__("os").environ["PYTHONPATH"])  # 'run' adds the working folder to it


@pytest.fixture
def a_run(scalebench):
    status, _, _ = scalebench("run", "--backend", "threads", "--workers", "1,2", *TINY)
    assert status == 0
    return load()


class TestRun:
    def test_measures_what_the_flags_say_and_prints_the_table_and_where_it_is(self, scalebench):
        status, out, err = scalebench("run", "--backend", "threads", "--workers", "1,2", *TINY)
        assert status == 0
        assert "strong scaling of crunch 100, 4 tasks" in out
        result = load()
        assert out.strip().splitlines()[-1].startswith(f"Results: {result.path}")
        assert set(result.rounds["workers"]) == {1, 2}
        assert "3 launches" in err

    def test_measures_a_function_of_the_working_folder(self, scalebench, tmp_path):
        (tmp_path / "mine.py").write_text("def cube(item):\n    return item ** 3\n")
        status, out, _ = scalebench(
            "run", "mine:cube", "--items", "range(6)", "--backend", "processes", "--workers", "2", "--blocks", "1"
        )
        assert status == 0
        assert "strong scaling of mine:cube, 6 tasks" in out
        assert set(load().rounds["answers"]) == {"same"}

    def test_measures_a_study_file_and_flags_override_it(self, scalebench, tmp_path):
        (tmp_path / "mine.toml").write_text(
            'blocks = 4\ntasks = 4\nsize = 100\n[suites.one]\nbackend = "threads"\nworkers = [1, 2]\n[suites.two]\nkind = "spin"\nsize = 1\nworkers = 1\nbackend = "threads"\n'
        )
        assert scalebench("run", "mine.toml", "--blocks", "1", "--rounds", "1")[0] == 0
        result = load()
        assert set(result.rounds["suite"]) == {"one", "two"}
        assert set(result.rounds["block"]) == {0}
        assert result.about["study"]["name"] == "mine"

    def test_prints_json_of_every_case(self, scalebench):
        status, out, _ = scalebench("run", "--backend", "threads", "--workers", "1", "--json", *TINY)
        told = json.loads(out)
        assert status == 0
        assert set(told["rounds"]["backend"]) == {"serial", "threads"}

    def test_dry_prints_cases_what_was_added_and_the_time_and_stores_nothing(self, scalebench, tmp_path):
        status, out, _ = scalebench("run", "--backend", "threads", "--workers", "2", "--dry-run", *TINY)
        assert status == 0
        assert "crunch-threads-w1, strong, 4 tasks   (added: one-worker baseline)" in out
        assert "crunch-serial-w1, strong, 4 tasks   (added: serial baseline)" in out
        assert "3 cases x 1 block = 3 launches, about" in out
        assert list(tmp_path.iterdir()) == []

    def test_of_failing_cases_exits_with_3(self, scalebench):
        arguments = [
            "run",
            "tasks:wrong_in_workers",
            "--items",
            "[1, 2]",
            "--backend",
            "serial",
            "--blas-threads",
            "1,2",
            "--blocks",
            "1",
        ]
        assert scalebench(*arguments)[0] == 3
        assert set(load().rounds["status"]) == {"ok", "mismatch"}

    def test_of_a_missing_backend_fails_only_if_it_was_asked_for_by_name(self, scalebench, monkeypatch):
        from scalebench.launchers.local import Local

        slow = "dask", "ray"  # to start
        monkeypatch.setattr(Local, "unavailable", lambda _, name, *__: "not here" if name in ("threads", *slow) else None)
        assert scalebench("run", "--backend", "threads", "--workers", "1", *TINY)[0] == 3
        assert scalebench("run", "--backend", "all", "--workers", "1", *TINY)[0] == 0


BAD = [
    (["--backend", "procesess"], ["backend = 'procesess'", "Did you mean 'processes'?"]),
    (["--kind", "blass"], ["kind = 'blass'", "Did you mean 'blas'?"]),
    (["--workers", "0"], ["workers = '0'", "whole number >= 1"]),
    (["--workers", "-1"], ["workers = '-1'", "whole number >= 1"]),
    (["--workers", "abc"], ["workers = 'abc'", "Examples: 1,2,4"]),
    (["--workers", "3x.."], ["workers = '3x..'", "Examples: 1,2,4"]),
    (["--workers", "4..2"], ["workers = '4..2'", "a range must rise"]),
    (["--blas-threads", "0"], ["blas_threads = '0'", "1 or more"]),
    (["--tasks", ""], ["tasks = ''", "at least one value"]),
    (["--size", "many"], ["size = 'many'", "turns"]),
    (["--items", "[]"], ["items = '[]'", "empty item list"]),
    (["--items", "range(10**12)"], ["items = 'range(10**12)'", "not a sequence of items", "range(200)", "nothing is computed"]),
    (["--items", "__import__('os')"], ["items = ", "not a sequence of items"]),
    (["--budget", "soon"], ["budget = 'soon'", "90s, 5m"]),
    (["--precision", "200%"], ["precision = '200%'", "50%"]),
    (["--imbalance", "2"], ["imbalance = '2'", "0 to 1"]),
    (["no_such_module:f"], ["workload = 'no_such_module:f'", "No module named 'no_such_module'"]),
    (["os:no_such_function"], ["workload = 'os:no_such_function'", "no_such_function"]),
    (["os:sep"], ["workload = 'os:sep'", "not a function"]),
    (["neither"], ["workload = 'neither'", "module:attribute"]),
    (["absent.toml"], ["absent.toml", "No such file"]),
    (["--results", "/dev/null/x"], ["/dev/null/x", "--results DIR"]),
    (["--profile", "huge"], ["profile = 'huge'", "quick, default, full"]),
    (["--workers", "1..600", "--chunksize", "1..2"], ["chunksize"]),
    (["--kind", "sleep", "--size", ",".join(map(str, range(1, 1002))), "--backend", "serial"], ["1001 cases", "--yes"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--bakend", "--backend"),
        ("--runs=3", "--rounds"),
        ("--thread", None),
        ("--threads", "--blas-threads"),
        ("--size-of", "--size"),
        ("--out", "--results"),
        ("--output=there", "--results"),
        ("--repeat", None),
        ("--cpus", None),
        ("-x", None),
    ],
)
def test_an_unknown_flag_is_told_with_the_one_that_is_near_if_one_is(scalebench, flag, meant):
    hint = f"Did you mean {meant}? " if meant else ""
    assert scalebench("run", flag) == (
        2,
        "",
        f"scalebench: 'scalebench run' has no flag {flag}.\n{hint}See: scalebench help run\n",
    )


@pytest.mark.parametrize(("arguments", "parts"), BAD, ids=[" ".join(arguments)[:40] for arguments, _ in BAD])
def test_bad_input_is_told_with_value_rule_and_way_out_before_anything_is_measured(scalebench, tmp_path, arguments, parts):
    status, out, err = scalebench("run", *arguments)
    assert status == 2
    assert [part for part in parts if part not in err] == []
    assert "Traceback" not in out + err
    assert list(tmp_path.glob("results/*")) == []


EXAMPLE = "scalebench init module:function", "docs/reference/study.md"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('workerz = "1"', ["mine.toml", "'workerz'", "Did you mean 'workers'?"]),
        ("workers = [0]", ["mine.toml", "workers", "whole number >= 1"]),
        ("blocks = 1.5", ["mine.toml", "blocks", "1.5"]),
        ("[suites.a]\nblocks = 2", ["mine.toml", "suites.a", "blocks"]),
        ("suites = 3", ["mine.toml", "suites"]),
        ("workers = [", ["mine.toml", "not TOML"]),
        ("blocks = 2\nworkers = blah", ["mine.toml", "not TOML", "(at line 2, column 11)", *EXAMPLE]),
        ("workload = 3", ["mine.toml", "is a whole number, must be text", *EXAMPLE]),
    ],
)
def test_a_bad_study_file_is_told_with_its_name_and_key(scalebench, tmp_path, text, parts):
    (tmp_path / "mine.toml").write_text(text)
    status, _, err = scalebench("run", "mine.toml")
    assert status == 2
    assert [part for part in parts if part not in err] == []


class TestReport:
    def test_shows_the_latest_run(self, scalebench, a_run):
        status, out, _ = scalebench("report")
        assert status == 0
        assert str(a_run.path) in out

    def test_comes_as_markdown_and_json(self, scalebench, a_run):
        assert "| backend | workers |" in scalebench("report", a_run.path, "--format", "markdown")[1]
        told = json.loads(scalebench("report", a_run.path, "--json")[1])
        assert len(told["scaling"]) == 3
        assert told["scaling"][0]["speedup"] is not None

    def test_as_json_has_the_account_of_each_case_with_null_for_what_is_not_known(self, scalebench, a_run):
        told = json.loads(scalebench("report", a_run.path, "--json")[1])
        (case,) = [row for row in told["scaling"] if row["workers"] == 2]
        factors = ["baseline_overhead", "computation_scalability", "cpu_availability", "cpu_cost", "load_balance",
                   "dispatch_efficiency"]  # fmt: skip
        assert all(f"{name}{end}" in case for name in ("efficiency", *factors) for end in ("", "_low", "_high"))
        product = math.prod(case[name] for name in factors if name not in ("cpu_availability", "cpu_cost"))
        assert product == pytest.approx(case["efficiency"], rel=1e-9)
        assert case["efficiency_low"] is None  # one block
        assert case["verdict"].startswith("2 workers: ")

    def test_shows_a_case_that_two_suites_name_in_both(self, scalebench, tmp_path):
        suite = 'kind = "crunch"\nsize = 100\ntasks = 4\nbackend = "threads"\nworkers = '
        (tmp_path / "two.toml").write_text(f"blocks = 1\nrounds = 1\n[suites.one]\n{suite}[1]\n[suites.two]\n{suite}[1, 2]\n")
        status, out, _ = scalebench("run", "two.toml")
        assert status == 0
        one, two = (out.partition(f"{name}: strong scaling")[2].partition("\n\n")[0] for name in ("one", "two"))
        assert [text.count("\n      1 ") for text in (one, two)] == [2, 2]
        assert [text.count("\n      2 ") for text in (one, two)] == [0, 1]

    def test_of_nothing_says_how_to_measure(self, scalebench):
        status, _, err = scalebench("report")
        assert status == 2
        assert "scalebench run" in err

    def test_in_an_unknown_format_names_the_known_ones(self, scalebench):
        status, _, err = scalebench("report", "--format", "pdf")
        assert status == 2
        for known in ("csv", "html", "json", "latex", "markdown", "png", "svg", "terminal"):
            assert known in err


class TestExport:
    def test_to_json_reads_back_as_the_same_frames(self, scalebench, a_run):
        assert scalebench("export", "latest", "-o", "run.json")[0] == 0
        back = load("run.json")
        pd.testing.assert_frame_equal(back.rounds, a_run.rounds)
        pd.testing.assert_frame_equal(back.tasks, a_run.tasks)

    def test_to_csv_holds_every_round(self, scalebench, a_run):
        assert scalebench("export", a_run.path, "-o", "rounds.csv")[0] == 0
        assert len(pd.read_csv("rounds.csv")) == len(a_run.rounds)

    def test_replaces_no_file_unless_told_to(self, scalebench, a_run, tmp_path):
        (tmp_path / "run.json").write_text("mine")
        assert scalebench("export", a_run.path, "-o", "run.json")[0] == 2
        assert (tmp_path / "run.json").read_text() == "mine"
        assert scalebench("export", a_run.path, "-o", "run.json", "--force")[0] == 0

    def test_to_an_unknown_kind_of_file_names_the_known_ones(self, scalebench, a_run):
        status, _, err = scalebench("export", a_run.path, "-o", "run.xlsx")
        assert status == 2
        assert ".json or .csv" in err


def test_list_shows_the_runs_oldest_first(scalebench, a_run):
    scalebench("run", "--backend", "threads", "--workers", "1", *TINY)
    status, out, _ = scalebench("list")
    assert status == 0
    first, second, last = out.splitlines()
    assert str(a_run.path) in first
    assert last.startswith("Results: results   Next: scalebench report ")
    assert last.rpartition(" ")[2] in second
    assert len(json.loads(scalebench("list", "--json")[1])["runs"]) == 2


def test_list_names_what_is_damaged_and_shows_the_others_whatever_they_hold(scalebench, a_run):
    long = '{"study": {"name": "\\u001b[2J"}, "cases": "' + "x" * 10**6 + '"}'
    for name, content in ("0-long", long), ("1-cut", "{"), ("2-other", '{"study": "text"}'):
        folder = a_run.path.with_name(name)
        (folder / "parts").mkdir(parents=True)
        (folder / "run.json").write_text(content)
    status, out, err = scalebench("list")
    assert status == 2
    assert "1-cut/run.json can't be read" in err
    assert '2-other/run.json: study is "text", not an object' in err
    shown, own, _ = out.splitlines()
    assert "0-long" in shown
    assert len(shown) < 1000
    assert "\x1b" not in shown
    assert str(a_run.path) in own


def test_backends_says_what_works_and_how_to_get_the_rest(scalebench, monkeypatch):
    from scalebench.backends.mpi import MPIClassic

    monkeypatch.setattr(
        MPIClassic, "unavailable", staticmethod(lambda: "mpi4py is not installed: python -m pip install mpi4py mpich")
    )
    status, out, _ = scalebench("backends")
    assert status == 0
    lines = {part.split()[0]: " ".join(part.split()) for part in re.split(r"\n(?=\S)", out)}
    assert "works" in lines["serial"]
    assert "missing" in lines["mpi"]
    assert "python -m pip install mpi4py mpich" in lines["mpi"]
    assert {one["backend"] for one in json.loads(scalebench("backends", "--json")[1])["backends"]} >= {
        "serial",
        "processes",
        "threads",
        "mpi-pool",
        "mpi",
    }


def test_machine_holds_no_host_name(scalebench):
    import platform

    status, out, _ = scalebench("machine", "--json")
    facts = json.loads(out)["machine"]
    assert status == 0
    assert facts["cpu_budget"] >= 1
    assert platform.node() not in [str(value) for value in facts.values()]


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)])
def test_help_loads_none_of_the_heavy_libraries(command):
    code = (
        "import sys; from scalebench import cli\n"
        f"try: cli.main({[*command, '--help']!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({'pandas', 'numpy', 'pyarrow', 'scipy', 'rich', 'psutil', 'loky', 'multiprocessing'} & sys.modules.keys()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[0].startswith("usage: scalebench")
    assert told.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error():
    told = subprocess.run(
        f"{sys.executable} -m scalebench backends --json | true", shell=True, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in told.stderr
