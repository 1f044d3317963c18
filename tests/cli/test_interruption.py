"""``scalebench run`` ended by signals at any moment, with real hosts: what was measured is kept, ``--resume`` ends the same study.

``SCALEBENCH_FAULTS``: how many random moments; 20 where it is not set, 200 under ``nox -s faults``.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from types import SimpleNamespace

import psutil
import pytest

from scalebench.cli import CUT_SHORT, INTERRUPTED, WRONG_USE
from scalebench.results.load import load
from scalebench.study import Study

MOMENTS = int(os.environ.get("SCALEBENCH_FAULTS", "20"))
STUDY = [
    "--kind", "sleep", "--size", "1", "--tasks", "4", "--backend", "processes,mpi,mpi-pool", "--workers", "2", "--blocks", "2",
    "--rounds", "3", "--no-baselines",
]  # fmt: skip
LAUNCHES = 6
SHORT = ["--kind", "sleep", "--size", "1", "--tasks", "4", "--backend", "processes,threads", "--workers", "2", "--rounds", "3", "--no-baselines"]  # fmt: skip
LONG = ["--kind", "sleep", "--size", "300", "--tasks", "2", "--backend", "threads", "--workers", "1", "--blocks", "1", "--rounds", "99", "--no-baselines"]  # fmt: skip


class Controller:
    """``scalebench run`` in a process and a session of its own, all of whose processes can be found."""

    def __init__(self, out, err, folder, *arguments):
        self.mark = uuid.uuid4().hex
        self._out, self._err = out, err
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scalebench", "run", *arguments, "--results", str(folder)],
            stdout=self._out, stderr=self._err, start_new_session=True,
            env={**os.environ, "SCALEBENCH_TEST": self.mark},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored where pytest is in the background
        )  # fmt: skip

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait_for(self, words):
        """Until its error stream has said them."""
        while words not in _text(self._err):
            self.runs(or_said=words)
            time.sleep(0.005)

    def runs(self, or_said=None):
        """Fail where it has ended."""
        ended = self._process.poll() is not None
        said = _text(self._err)
        assert not ended or (or_said is not None and or_said in said), f"it ended without {or_said or 'end'!r}: {said!r}"

    def end(self):
        """Exit status, what it printed, and what it said on the error stream."""
        self._process.wait(timeout=300)
        return self._process.returncode, _text(self._out), _text(self._err)

    def left(self):
        """Its processes that still run."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.environ().get("SCALEBENCH_TEST") == self.mark and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
        return found

    def leaves_nothing(self):
        """Whether all its processes end by themselves: hosts do when their controller was killed, after the round in flight."""
        deadline = time.monotonic() + 60
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not left

    def clear(self):
        for one in self.left():
            with contextlib.suppress(psutil.Error):
                one.kill()
        self._process.wait()


def _text(file):
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode()


@contextlib.contextmanager
def controllers():
    """``start(folder, *arguments)``: a :class:`Controller`, whose processes are gone afterwards whatever came of the test."""
    with contextlib.ExitStack() as stack:

        def started(folder, *arguments):
            out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            controller = Controller(out, err, folder, *arguments)
            stack.callback(controller.clear)
            return controller

        yield started


@pytest.fixture
def start():
    with controllers() as started:
        yield started


def launches(rounds):
    return sorted(map(tuple, rounds[["block", "case_id", "attempt"]].drop_duplicates().to_numpy().tolist()))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_run_that_nobody_reads_any_more_goes_on_to_its_end(stream, tmp_path):
    command = [sys.executable, "-m", "scalebench", "run", *SHORT, "--blocks", "3", "--results", str(tmp_path)]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
    with subprocess.Popen(command, **streams) as run:
        read = getattr(run, stream)
        if stream == "stderr":
            assert b"launches, about" in read.readline()
        read.close()
        assert run.wait(timeout=300) == 0
    (folder,) = tmp_path.iterdir()
    assert len(launches(load(folder).rounds)) == 6
    assert load(folder).about["status"] == "finished"


def test_a_run_that_nobody_reads_from_its_first_line_on_is_measured_as_well(tmp_path):
    """It has something to say before the first launch: how long it will take."""
    asked = [
        "--kind",
        "sleep",
        "--size",
        "1000",
        "--tasks",
        "4",
        "--backend",
        "threads",
        "--workers",
        "2",
        "--blocks",
        "60",
        "--rounds",
        "9",
    ]
    seen, told = os.pipe()
    os.close(seen)
    with open(told, "wb") as gone, subprocess.Popen(
        [sys.executable, "-m", "scalebench", "run", *asked, "--results", str(tmp_path)], stdout=subprocess.DEVNULL, stderr=gone
    ) as run:  # fmt: skip
        try:
            while not [*tmp_path.glob("*/run.json")]:
                assert run.poll() is None
                time.sleep(0.02)
            run.send_signal(signal.SIGTERM)
            assert run.wait(timeout=300) == 128 + signal.SIGTERM
        finally:
            run.kill()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The launches of such a run, and how long it takes (s): moments are drawn from all of it, however busy the machine."""
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    with controllers() as start:
        status, _, err = start(folder, *STUDY).end()
    lasts_s = time.monotonic() - began
    assert status == 0, err
    found = launches(load(next(folder.iterdir())).rounds)
    assert len(found) == LAUNCHES
    return found, lasts_s


@pytest.mark.long
@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_run_ended_at_any_moment_is_resumed_to_the_same_launches(number, undisturbed, tmp_path, start):
    whole, lasts_s = undisturbed
    generator = random.Random(number)
    sent = generator.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    controller = start(tmp_path, *STUDY)
    stored = generator.randrange(1, LAUNCHES) if generator.random() < 0.75 else 0
    if stored:  # most moments are in the midst of a sweep, the others anywhere, imports and references too
        while len([*tmp_path.glob("*/parts/*.rounds.parquet")]) < stored:
            controller.runs()
            time.sleep(0.002)
        time.sleep(generator.uniform(0, lasts_s / LAUNCHES))
    else:
        time.sleep(generator.uniform(0, lasts_s))
    controller.send(sent)
    status, _, err = controller.end()
    assert status in (0, -sent, 128 + sent), err
    assert "Traceback" not in err
    assert controller.leaves_nothing()

    runs = list(tmp_path.iterdir())
    before = load(runs[0]).rounds if runs else None
    assert not stored or len(launches(before)) >= stored
    status, _, err = start(tmp_path, "--resume", "latest").end()
    if not runs:  # it ended before anything was measured
        assert (status, "no run in" in err) == (WRONG_USE, True)
        return
    if load(runs[0]).about["status"] == "finished" and status == WRONG_USE:
        assert "is finished" in err
    else:
        assert status == 0, err
    after = load(runs[0]).rounds
    assert launches(after) == whole
    kept = after.merge(before[["block", "case_id", "attempt"]].drop_duplicates())
    assert sorted(kept["started_at"]) == sorted(before["started_at"])  # none was repeated


@pytest.mark.parametrize("backend", ["processes", "joblib", "mpi", "mpi-pool"])
def test_killed_while_a_task_has_no_end_it_leaves_no_process(backend, tmp_path, start):
    """Nobody asks the host for anything any more, and the host doesn't look: the guard does."""
    asked = [
        "tasks:hangs_once_begun",
        "--items",
        repr([str(tmp_path)]),
        "--backend",
        backend,
        "--workers",
        "2",
        "--timeout",
        "1000",
    ]
    controller = start(tmp_path / "results", *asked, "--blocks", "1", "--rounds", "1", "--no-baselines")
    while not (tmp_path / "hangs").exists():
        controller.runs()
        time.sleep(0.02)
    controller.send(signal.SIGKILL)
    assert controller.end()[0] == -signal.SIGKILL
    assert controller.leaves_nothing()


class TestAPlaceThatGoes:
    """In the middle of a run: a clear error, and what was stored before is intact."""

    @pytest.fixture
    def small_disk(self, tmp_path):
        """A file system with room for a few launches."""
        place = tmp_path / "disk"
        place.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=120k", "none", place], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"a small disk can only be made as root: {mounted.stderr.strip()}"
            )
        yield place
        subprocess.run(["umount", place], check=True)

    @pytest.mark.long
    def test_as_a_disk_that_is_full(self, small_disk, tmp_path, start):
        status, out, err = start(small_disk, *SHORT, "--blocks", "100").end()
        assert (status, out) == (CUT_SHORT, "")
        assert "No space left on device. What was stored until then is intact" in err
        assert "Traceback" not in err
        (run,) = small_disk.iterdir()
        before = launches(load(run).rounds)
        assert len(before) > 1
        subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
        controller = start(small_disk, "--resume", "latest")
        controller.wait_for("block ")
        controller.send(signal.SIGTERM)
        assert controller.end()[0] == 128 + signal.SIGTERM
        assert set(before) <= set(launches(load(run).rounds))

    @pytest.mark.long
    def test_as_a_disk_that_is_made_read_only(self, small_disk, tmp_path, start):
        subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
        controller = start(small_disk, *SHORT, "--blocks", "100")
        controller.wait_for("block 1")
        while subprocess.run(["mount", "-o", "remount,ro", small_disk], capture_output=True, check=False).returncode:
            controller.runs()  # not while a file is being written
        status, _, err = controller.end()
        assert status == CUT_SHORT
        assert "can't be written any more: Read-only file system. What was stored until then is intact" in err
        assert "Traceback" not in err
        assert controller.leaves_nothing()
        (run,) = small_disk.iterdir()
        assert len(launches(load(run).rounds)) >= 2

    def test_as_a_folder_that_is_removed(self, tmp_path, start):
        controller = start(tmp_path / "results", *SHORT, "--blocks", "100")
        controller.wait_for("block 1")
        (tmp_path / "results").rename(tmp_path / "elsewhere")  # at once, whatever is being written into it
        status, _, err = controller.end()
        assert status == CUT_SHORT
        assert "can't be written any more: No such file or directory. It was moved or removed, and with it what was stored" in err
        assert "--resume FOLDER" in err
        assert "Traceback" not in err
        assert controller.leaves_nothing()
        (run,) = (tmp_path / "elsewhere").iterdir()
        assert len(launches(load(run).rounds)) >= 2  # what was stored before


@pytest.mark.long
def test_two_runs_into_one_folder_do_not_harm_each_other(tmp_path, start):
    both = [start(tmp_path, *SHORT, "--blocks", "4") for _ in range(2)]
    assert [one.end()[0] for one in both] == [0, 0]
    runs = list(tmp_path.iterdir())
    assert [len(launches(load(run).rounds)) for run in runs] == [8, 8]


class TestBeforeAnythingIsMeasured:
    @pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 128 + signal.SIGTERM)])
    def test_a_signal_ends_it_with_that_said(self, sent, status, tmp_path, start):
        asked = ["tasks:hangs_once_begun", "--items", repr([str(tmp_path)]), "--backend", "processes", "--workers", "1"]
        controller = start(tmp_path / "results", *asked)
        while not (tmp_path / "hangs").exists():
            controller.runs()
            time.sleep(0.02)
        controller.send(sent)
        assert controller.end() == (status, "", "scalebench: interrupted; nothing was measured yet\n")
        assert controller.leaves_nothing()
        assert not [*(tmp_path / "results").iterdir()]

    def test_of_a_run_that_is_resumed_what_it_has_is_named(self, scalebench, monkeypatch):
        def interrupted(*_, **__):
            raise KeyboardInterrupt

        earlier = SimpleNamespace(folder="results/mine", study=Study)
        monkeypatch.setattr("scalebench.resume.read_earlier", lambda *_: earlier)
        monkeypatch.setattr("scalebench.forecast.forecast", interrupted)
        status, _, err = scalebench("run", "--resume", "latest")
        assert (status, err) == (
            INTERRUPTED,
            "scalebench: interrupted; nothing more was measured yet, what was before is in results/mine\n",
        )


class TestCtrlC:
    def test_once_lets_the_round_in_flight_finish(self, tmp_path, start):
        controller = start(tmp_path, *LONG)
        controller.wait_for(", about")
        time.sleep(1.0)  # the warm-up is 0.6 s
        controller.send(signal.SIGINT)
        status, out, err = controller.end()
        assert (status, out) == (INTERRUPTED, "")
        assert "ends after the round in flight; Ctrl-C again: now" in err
        (run,) = tmp_path.iterdir()
        assert f"Next: scalebench run --resume {run}" in err
        assert err.count("interrupted") == 1
        rounds = load(run).rounds
        assert set(rounds["status"]) <= {"ok"}
        assert len(rounds) < 99
        assert set(rounds["stop_reason"]) <= {"interrupted"}

    def test_twice_ends_it_now_and_keeps_what_there_is(self, tmp_path, start):
        asked = ["tasks:hangs_when_asked", "--items", repr([str(tmp_path)]), "--backend", "processes", "--workers", "2",
                 "--timeout", "1000", "--blocks", "1", "--rounds", "10000", "--no-baselines"]  # fmt: skip
        controller = start(tmp_path / "results", *asked)
        controller.wait_for(", about")
        (tmp_path / "hang").touch()
        while not (tmp_path / "hangs").exists():
            controller.runs()
            time.sleep(0.02)
        controller.send(signal.SIGINT)
        controller.wait_for("ends after the round in flight")
        controller.send(signal.SIGINT)
        status, _, err = controller.end()
        assert status == INTERRUPTED
        assert "Next: scalebench run --resume" in err
        assert err.count("interrupted") == 1
        (run,) = (tmp_path / "results").iterdir()
        assert load(run).about["status"] == "interrupted"
        assert controller.leaves_nothing()
