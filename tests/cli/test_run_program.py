"""``scalebench run --command``: real programs, as a user would measure them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scalebench.cli import CASES_FAILED, OK, WRONG_USE, main
from scalebench.results.load import load

QUICK = ["--blocks", "1", "--rounds", "2"]
THREADED = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static long turns;
static void *work(void *from) {
    volatile double sum = 0;
    for (long turn = 0; turn < turns; turn++) sum += 1.0 / (turn + 1);
    return NULL;
}
int main(int count, char **arguments) {
    int threads = atoi(arguments[1]);
    turns = atol(arguments[2]) / threads;
    pthread_t all[64];
    for (int i = 0; i < threads; i++) pthread_create(all + i, NULL, work, NULL);
    for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
    printf("threads: %d\n", threads);
    return 0;
}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Call it with arguments of ``run``: exit status, standard output and error, and the rounds where there is a run."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        status = main(["run", *arguments])
        told = capsys.readouterr()
        runs = sorted(Path("results").glob("*")) if Path("results").exists() else []
        return status, told.out, told.err, load(runs[-1]).rounds if runs else None

    return command


def need(program):
    """The program; fails rather than skips where CI must have it."""
    if (found := shutil.which(program)) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed here")
    return found


def make_data(path, lines=40_000):
    path.write_text("".join(f"{(line * 2654435761) % 2**32:032b}\n" for line in range(lines)))


def test_xz_has_a_table_of_its_threads_against_one(run, tmp_path):
    need("xz")
    make_data(tmp_path / "data")
    status, out, _, rounds = run("--command", "xz -0 -T{workers} --block-size=128KiB -kc data", "--workers", "1,2", *QUICK)
    assert status == OK
    assert "strong scaling of xz -0 -T{workers} --block-size=128KiB -kc data\n" in out
    assert "Baseline, of the same block: the program itself with one worker." in out
    assert "efficiency = CPU cost x CPU use" in " ".join(out.split())
    good = rounds[~rounds["warmup"]]
    assert set(rounds["status"]) == {"ok"}
    assert sorted(set(good["workers"])) == [1, 2]
    assert good[["wall_s", "cpu_tree_s"]].gt(0).all(axis=None)
    assert good["exit_status"].eq(0).all()
    unknown = [
        "busy_s",
        "busy_max_s",
        "cpu_s",
        "cpu_wait_s",
        "startup_s",
        "broadcast_s",
        "workers_found",
        "nodes_found",
        "processes",
        "gil",
        "answers_digest",
    ]
    assert good[unknown].isna().all(axis=None)


@pytest.mark.long
def test_sort_uses_the_memory_that_it_is_given(run, tmp_path):
    need("sort")
    make_data(tmp_path / "data", lines=400_000)
    status, out, _, rounds = run("--command", "sort --parallel={workers} -S 100M data -o sorted", "--workers", "1,2", *QUICK)
    assert status == OK
    assert rounds["rss_peak_bytes"].gt(13 * 2**20).all()
    assert (tmp_path / "sorted").stat().st_size == (tmp_path / "data").stat().st_size
    assert "peak" in out


def test_a_program_that_does_not_scale_has_one_case_and_no_account(run, tmp_path):
    need("gzip")
    make_data(tmp_path / "data")
    status, out, _, rounds = run("--command", "gzip -kc data", *QUICK)
    assert status == OK
    assert set(rounds["workers"]) == {1}
    assert "account" not in out
    assert set(rounds[~rounds["warmup"]]["work_units"]) == {1}


def test_mpi_starts_the_ranks_that_are_asked_for(run, tmp_path):
    pytest.importorskip("mpi4py")
    need("mpiexec")
    Path("ranks.py").write_text("from mpi4py import MPI\nif MPI.COMM_WORLD.rank == 0: print('ranks', MPI.COMM_WORLD.size)\n")
    status, out, err, rounds = run(
        "--command", "mpiexec -n {workers} {python} ranks.py", "--workers", "1,2", "--figure-of-merit", r"ranks (\d+)", *QUICK
    )
    assert status == OK, err
    assert (rounds["figure_of_merit"] == rounds["workers"]).all()
    assert "of merit" in out


@pytest.mark.long
def test_threads_of_a_c_program_scale_strongly_and_weakly(run, tmp_path):
    compiler = need("cc")
    Path("threaded.c").write_text(THREADED)
    subprocess.run([compiler, "-O1", "-pthread", "threaded.c", "-o", "threaded"], check=True)
    asked = ("--workers", "1,2", "--figure-of-merit", r"threads: (\d+)", *QUICK)
    status, _, _, rounds = run("--command", "./threaded {workers} {size}", "--size", "3e7", *asked)
    assert status == OK
    status, _, _, rounds = run("--command", "./threaded {workers} {tasks}", "--tasks", "30000000", "--scaling", "weak", *asked)
    assert status == OK
    by_workers = rounds[~rounds["warmup"]].groupby("workers")[["cpu_tree_s", "work_units", "figure_of_merit"]].min()
    assert by_workers["work_units"].tolist() == [30_000_000, 60_000_000]
    assert by_workers["figure_of_merit"].tolist() == [1, 2]
    # twice the work is twice the CPU time, whatever else the machine does
    assert 1.3 < by_workers["cpu_tree_s"].loc[2] / by_workers["cpu_tree_s"].loc[1] < 3


@pytest.mark.long
def test_openmp_threads_are_the_axis_blas_threads_or_a_variable_that_the_command_sets(run):
    code = "import os; print('n', os.environ['OMP_NUM_THREADS'])"
    asked = ("--figure-of-merit", r"n (\d+)", *QUICK)
    _, _, _, rounds = run("--command", f'{{python}} -c "{code}"', "--blas-threads", "1,2", *asked)
    assert (rounds["figure_of_merit"] == rounds["blas_threads"]).all()
    _, _, _, rounds = run("--command", f'env OMP_NUM_THREADS={{workers}} {{python}} -c "{code}"', "--workers", "1,2", *asked)
    assert (rounds["figure_of_merit"] == rounds["workers"]).all()


def test_a_dry_run_shows_the_commands_and_measures_no_block(run):
    status, out, _, rounds = run("--command", "sleep 0.0{workers}", "--workers", "2,3", "--dry-run")
    assert status == OK
    assert [line.strip() for line in out.splitlines()[1:4]] == [
        "sleep 0.02",
        "sleep 0.03",
        "sleep 0.01   (added: one-worker baseline)",
    ]
    assert rounds is None
    _, out, _, _ = run("--command", "sleep 0.0{workers}", "--workers", "1", "--dry-run", "--json")
    assert [one["command"] for one in json.loads(out)["cases"]] == ["sleep 0.01"]


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("./missing {workers}", "no such file"),
        ("no-such-program-here", "no such program in PATH, which is /"),
        ("notes", "Write ./notes"),
        ("./notes", "chmod +x"),
        ("./folder", "is a folder"),
    ],
)
def test_a_program_that_cannot_be_started_is_refused_before_anything_is_measured(run, tmp_path, command, rule):
    (tmp_path / "notes").write_text("x")
    (tmp_path / "folder").mkdir()
    status, _, err, rounds = run("--command", command)
    assert status == WRONG_USE
    assert rule in err
    assert "Traceback" not in err
    assert rounds is None


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("{python} -c 'import sys; sys.exit(\"the cause\")'", "exit status 1: the cause"),
        ("sh -c 'kill -9 $$'", "killed by SIGKILL"),
        ("sleep 60", "did not end within 1 s"),
    ],
)
def test_a_command_that_fails_at_once_is_told_once_and_nothing_is_measured(run, command, cause):
    status, out, err, rounds = run("--command", command, "--timeout", "1")
    assert status == WRONG_USE
    assert err.count(cause) == 1
    assert out == ""
    assert rounds is None


def test_a_command_that_wants_a_shell_is_told_so(run):
    status, _, err, _ = run("--command", "cat *.nothing", *QUICK)
    assert status == WRONG_USE
    assert "'*.nothing' was given to it as it stands: a shell, of --shell, would fill it in" in err


def test_a_command_that_fails_with_more_workers_is_a_row_with_its_exit_status_and_its_last_words(run):
    code = "import sys; n = int(sys.argv[1]); sys.exit(f'no room for {{n}}' if n > 1 else 0)"
    status, out, _, rounds = run("--command", f'{{python}} -c "{code}" {{workers}}', "--workers", "1,2", *QUICK)
    assert status == CASES_FAILED
    bad = rounds[rounds["status"] != "ok"]
    assert set(bad["status"]) == {"failed"}
    assert set(bad["exit_status"]) == {1}
    assert set(bad["message"]) == {"exit status 1: no room for 2"}
    assert out.count("2 workers: failed: exit status 1: no room for 2") == 1


def test_a_command_that_hangs_with_more_workers_is_a_time_out_and_leaves_nothing(run):
    seconds = f"97{os.getpid()}"
    status, _, _, rounds = run(
        "--shell", "--command", f"test {{workers}} = 1 || sleep {seconds}", "--workers", "1,2", "--timeout", "1", *QUICK
    )
    assert status == CASES_FAILED
    assert rounds.set_index("workers").loc[2, "status"].eq("timeout").all()
    assert "the command did not end within 1 s" in rounds["message"].dropna().iloc[0]
    assert [one for one in psutil.process_iter(["cmdline"]) if seconds in (one.info["cmdline"] or [])] == []


def test_a_failure_is_ignored_only_if_that_is_asked_for(run):
    status, _, _, rounds = run("--command", "false", "--ignore-failure", *QUICK)
    assert status == OK
    assert set(rounds["exit_status"]) == {1}
    assert set(rounds["status"]) == {"ok"}


def test_an_output_without_the_figure_says_how_it_ended(run):
    status, _, err, _ = run("--command", "echo no figures today", "--figure-of-merit", r"rate (\d+)")
    assert status == WRONG_USE
    assert "nothing that it printed matches" in err
    assert "no figures today" in err


def test_two_variants_differ_by_their_variables_their_names_and_their_interpreters(run, tmp_path):
    for name, value in (("old", 3), ("new", 5)):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho rate $(({value} * $FACTOR))\n")
        path.chmod(0o755)
    variants = ("--variant", "old=env:FACTOR=10", "--variant", "new=env:FACTOR=100")
    status, out, err, rounds = run("--command", "./{variant}", "--figure-of-merit", r"rate (\d+)", *variants, *QUICK)
    assert status == OK, err
    assert rounds.groupby("variant")["figure_of_merit"].unique().map(list).to_dict() == {"old": [30.0], "new": [500.0]}
    assert "variant old" in out
    status, _, err, _ = run("--command", "true", "--variant", f"other={sys.executable}")
    assert status == WRONG_USE
    assert "the command doesn't say {python}" in err
    status, _, err, _ = run("--command", "true", "--variant", "other=git:HEAD")
    assert status == WRONG_USE
    assert "folder of its own" in err


@pytest.mark.long
def test_recommend_compare_and_fit_take_a_program_for_what_it_is(run, capsys):
    status, _, _, _ = run("--command", "sleep 0.0{workers}", "--workers", "1,2,3,4", "--blocks", "3", "--rounds", "3")
    assert status == OK
    folder = str(next(Path("results").glob("*")))
    for arguments in (
        ["recommend", folder],
        ["fit", folder, "--oversubscribed"],
        ["compare", folder, folder],
        ["report", folder],
    ):
        main(arguments)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        own = " ".join(told.out.split())
        for words in ("serial part", "serial_fraction", "serial fraction", "stays serial", "tells of serial work"):
            own = own.replace(words, "")
        assert "serial" not in own
    main(["recommend", folder])
    answer = capsys.readouterr().out
    assert "Use 1 worker." in answer or "Can't tell" in answer  # on a machine whose noise hides 10 ms


def test_ctrl_c_leaves_no_process_of_the_command_and_keeps_what_was_measured(tmp_path):
    seconds = f"96{os.getpid()}"
    command = f"test -e begun && (sleep {seconds} & sleep {seconds}); touch begun"
    # tests may run where an interruption is ignored, as below nohup, and that is inherited
    run = ["env", "--default-signal=INT", sys.executable, "-m", "scalebench", "run", "--shell", "--command", command, *QUICK]
    controller = subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def left():
        return [one for one in psutil.process_iter(["cmdline"]) if seconds in (one.info["cmdline"] or [])]

    give_up = time.monotonic() + 120
    with controller:
        try:
            while not left() and time.monotonic() < give_up:
                time.sleep(0.05)
            assert left()
            controller.send_signal(signal.SIGINT)
            assert any(
                "ends after the round in flight; Ctrl-C again: now" in line for line in iter(controller.stderr.readline, "")
            )
            assert left()  # this round has no end
            controller.send_signal(signal.SIGINT)
            _, err = controller.communicate(timeout=300)
        finally:
            controller.kill()
    assert controller.returncode == 130
    assert "interrupted" in err
    assert left() == []
