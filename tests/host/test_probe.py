"""What is found out in a measured process, and null where the system does not tell."""

import io
import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from scalebench.host import probe

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def nobody():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


class TestBlasThreads:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_are_those_that_the_library_would_use_now(self, threads):
        np.eye(2) @ np.eye(2)
        with threadpool_limits(threads, user_api="blas"):
            found, library = probe.blas_threads()
        assert found == threads
        assert library

    def test_are_null_where_nothing_that_brings_a_blas_is_loaded(self):
        program = "import sys; from scalebench.host import probe; print(probe.blas_threads(), 'threadpoolctl' in sys.modules)"
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert told.stdout.strip() == "(None, None) False"

    def test_are_null_where_no_blas_is_found(self, monkeypatch):
        monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [{"user_api": "openmp", "num_threads": 4}])
        assert probe.blas_threads() == (None, None)

    def test_of_several_libraries_are_those_of_the_one_with_most(self, monkeypatch):
        pools = [
            {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 1},
            {"user_api": "blas", "internal_api": "mkl", "version": None, "num_threads": 4},
            {"user_api": "openmp", "internal_api": "openmp", "version": None, "num_threads": 9},
        ]
        monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: pools)
        assert probe.blas_threads() == (4, "mkl")


class TestAWorker:
    def test_describes_itself(self):
        found = probe.describe_worker(42)
        assert (found["key"], found["pid"], found["thread"]) == (42, os.getpid(), threading.get_native_id())
        assert found["node"] == platform.node()
        assert (found["blas_threads"], found["blas_library"]) == probe.blas_threads()
        assert 1 <= found["cpus"] <= os.cpu_count()

    @pytest.mark.parametrize(("check", "expected"), [(None, True), (lambda: True, True), (lambda: False, False)])
    def test_knows_whether_its_interpreter_has_a_gil(self, monkeypatch, check, expected):
        if check is None:
            monkeypatch.delattr(sys, "_is_gil_enabled", raising=False)
        else:
            monkeypatch.setattr(sys, "_is_gil_enabled", check, raising=False)
        assert probe.gil_enabled() is expected

    def test_may_use_all_cpus_where_the_system_has_no_affinity(self, monkeypatch):
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        assert probe.allowed_cpus() == os.cpu_count()


SIBLINGS = {0: "0,4", 4: "0,4", 1: "1,5", 5: "1,5"}


class TestPlaces:
    @pytest.fixture(autouse=True)
    def _machine(self, monkeypatch):
        """Two cores of two threads, of which CPU 5 is not ours, and CPU 7, of which nothing is known."""

        def siblings(path):
            cpu = int(path.split("/")[5].removeprefix("cpu"))
            if cpu not in SIBLINGS:
                raise FileNotFoundError(path)
            return io.StringIO(SIBLINGS[cpu] + "\n")

        monkeypatch.setattr(probe, "open", siblings, raising=False)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {7, 4, 1, 0}, raising=False)

    @pytest.mark.parametrize(("binding", "expected"), [("threads", [[0], [1], [4], [7]]), ("cores", [[0, 4], [1], [7]])])
    def test_are_the_allowed_cpus_one_by_one_or_core_by_core(self, binding, expected):
        assert probe.places(binding) == expected


@linux_only
class TestBinding:
    def test_a_thread_leaves_the_others_where_they_were(self):
        before = os.sched_getaffinity(0)
        cpu = max(before)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(probe.bind, [cpu], whole_process=False).result() == [cpu]
            assert pool.submit(probe.allowed_cpus).result() == 1
        assert os.sched_getaffinity(0) == before

    def test_a_process_takes_all_its_threads_along(self):
        program = """if True:
            import os, threading
            from scalebench.host import probe
            go, seen = threading.Event(), []
            thread = threading.Thread(target=lambda: (go.wait(), seen.append(sorted(os.sched_getaffinity(0)))))
            thread.start()
            place = [min(os.sched_getaffinity(0))]
            found = probe.bind(place, whole_process=True)
            go.set()
            thread.join()
            print([found] == seen == [place])
        """
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert told.stdout.strip() == "True"

    def test_to_a_cpu_that_is_not_there_is_an_error(self):
        with ThreadPoolExecutor(1) as pool, pytest.raises(OSError, match="Invalid argument"):
            pool.submit(probe.bind, [100_000], whole_process=False).result()


@linux_only
class TestAProcess:
    def test_has_used_cpu_time_that_grows_with_work_in_any_of_its_threads(self):
        before = probe.cpu_seconds(os.getpid())
        thread = threading.Thread(target=sum, args=(range(200_000),))
        thread.start()
        thread.join()
        assert 0 < before < probe.cpu_seconds(os.getpid())

    def test_of_another_number_can_be_read_too(self):
        assert probe.cpu_seconds(os.getppid()) >= 0
        assert probe.peak_resident_bytes(os.getppid()) > 0

    def test_may_have_a_thread_that_ends_while_its_switches_are_counted(self, monkeypatch):
        threads = os.listdir("/proc/self/task")
        monkeypatch.setattr(probe.os, "listdir", lambda path: ["999999999", *threads])
        assert probe.involuntary_switches(os.getpid()) is not None

    def test_has_lost_its_cpu_a_whole_number_of_times(self):
        assert probe.involuntary_switches(os.getpid()) >= 0

    def test_has_a_peak_that_is_its_own_and_in_bytes(self):
        program = "import os; from scalebench.host import probe; print(probe.peak_resident_bytes(os.getpid()))"
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert 2**20 < int(told.stdout) < probe.peak_resident_bytes(os.getpid())

    @pytest.mark.parametrize("fact", [probe.cpu_seconds, probe.involuntary_switches, probe.peak_resident_bytes])
    def test_that_has_ended_has_null_facts(self, nobody, fact):
        assert fact(nobody) is None

    def test_whose_status_lacks_a_field_has_null_for_it(self, monkeypatch):
        def lacks(path, name):
            raise LookupError(name)

        monkeypatch.setattr(probe, "_status_field", lacks)
        assert probe.peak_resident_bytes(os.getpid()) is None
        assert probe.involuntary_switches(os.getpid()) is None


def test_other_processes_have_no_cpu_time_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert probe.cpu_seconds(os.getpid()) > 0
    assert probe.cpu_seconds(os.getppid()) is None


class TestUsage:
    @pytest.fixture
    def processes(self, monkeypatch):
        """Facts of made-up processes, to be changed between two readings."""
        facts = {1: [1.0, 10, 100], 2: [2.0, 20, 300]}
        for place, name in enumerate(("cpu_seconds", "involuntary_switches", "peak_resident_bytes")):
            monkeypatch.setattr(probe, name, lambda pid, place=place: facts[pid][place])
        return facts

    def test_is_what_was_used_since_the_last_reading_and_the_largest_peak(self, processes):
        usage = probe.Usage([1, 2, 1])
        processes[1], processes[2] = [1.5, 13, 200], [4.0, 24, 300]
        assert usage.read() == {"cpu_tree_s": 2.5, "ctx_involuntary": 7, "rss_peak_bytes": 300}
        assert usage.read() == {"cpu_tree_s": 0.0, "ctx_involuntary": 0, "rss_peak_bytes": 300}

    def test_of_which_one_part_is_not_known_is_null_and_known_again_two_readings_later(self, processes):
        usage = probe.Usage([1, 2])
        processes[2] = [None, None, None]
        assert usage.read() == {"cpu_tree_s": None, "ctx_involuntary": None, "rss_peak_bytes": 100}
        processes[2] = [9.0, 90, 900]
        assert usage.read() == {"cpu_tree_s": None, "ctx_involuntary": None, "rss_peak_bytes": 900}
        assert usage.read()["cpu_tree_s"] == 0

    @linux_only
    def test_of_a_real_process_is_all_known(self):
        usage = probe.Usage([os.getpid()])
        assert None not in usage.read().values()

    def test_of_no_process_is_nothing(self):
        assert probe.Usage([]).read() == {"cpu_tree_s": 0, "ctx_involuntary": 0, "rss_peak_bytes": None}
