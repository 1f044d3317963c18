"""What the doctor says of machines that are described by files, and of measurements that are given."""

import pytest

from scalebench.doctor.base import System, cpu_list
from scalebench.doctor.checks import clock, governor, hyperthreads, noise, openmp, quota, steal, thread_variables, turbo
from scalebench.doctor.examine import examine, measurable, names, worst_first
from scalebench.doctor.trial import cause


@pytest.fixture
def system(tmp_path):
    def describe(files=None, environment=None):
        for path, text in (files or {}).items():
            place = tmp_path / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return System(tmp_path, environment or {})

    return describe


CPU = "/sys/devices/system/cpu"


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({}, "ok", "no limit"),
        ({"/sys/fs/cgroup/cpu.max": "max 100000"}, "ok", "no limit"),
        ({"/sys/fs/cgroup/cpu.max": "50000 100000"}, "warning", "a limit of 0.5 CPUs"),
        ({"/proc/self/cgroup": "0::/a/b", "/sys/fs/cgroup/a/cpu.max": "70000 100000", "/sys/fs/cgroup/a/b/cpu.max": "max 100000"}, "warning", "0.7 CPUs"),
        ({"/sys/fs/cgroup/cpu.max": "50000 100000", "/sys/fs/cgroup/cpu.stat": "nr_periods 200\nnr_throttled 50"}, "warning", "in 25% of the periods"),
        ({"/proc/self/cgroup": "3:cpu,cpuacct:/x", "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "60000", "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000"}, "warning", "0.6 CPUs"),
        ({"/sys/fs/cgroup/cpu.max": "100000000 100000"}, "ok", "all there are"),
    ],
)  # fmt: skip
def test_a_quota_is_found_in_any_group_above_this_process(system, files, status, words):
    told = quota.check(system(files))
    assert (told.status, words in told.text) == (status, True)
    assert bool(told.advice) == (status != "ok")


@pytest.mark.parametrize(
    ("governors", "status"),
    [((), "note"), (("performance",), "ok"), (("powersave", "performance"), "warning"), (("schedutil",), "warning")],
)
def test_a_clock_that_follows_the_load_is_a_warning(system, governors, status):
    files = {f"{CPU}/cpu{number}/cpufreq/scaling_governor": name for number, name in enumerate(governors)}
    told = governor.check(system(files))
    assert told.status == status
    assert ("cpupower" in told.advice) == (status == "warning")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({}, "note"),
        ({f"{CPU}/intel_pstate/no_turbo": "1"}, "ok"),
        ({f"{CPU}/intel_pstate/no_turbo": "0"}, "warning"),
        ({f"{CPU}/cpufreq/boost": "1"}, "warning"),
        ({f"{CPU}/cpufreq/boost": "0"}, "ok"),
    ],
)
def test_a_clock_that_boosts_is_a_warning(system, files, status):
    told = turbo.check(system(files))
    assert told.status == status
    assert ("As root" in told.advice) == (status == "warning")


@pytest.mark.parametrize(("siblings", "status"), [(("0-1", "0-1"), "note"), (("0", "1"), "ok")])
def test_cpus_that_share_a_core_are_told(system, siblings, status):
    files = {f"{CPU}/cpu{number}/topology/thread_siblings_list": text for number, text in enumerate(siblings)}
    told = hyperthreads.check(system(files))
    assert told.status == status
    assert ("--binding cores" in told.advice) == (status == "note")


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({}, "ok", "none are set"),
        ({"OMP_NUM_THREADS": "4"}, "note", "OMP_NUM_THREADS=4"),
        ({"OMP_NUM_THREADS": "4", "OMP_PROC_BIND": "close"}, "warning", "OMP_PROC_BIND=close"),
        ({"OMP_PROC_BIND": "false"}, "note", "OMP_PROC_BIND"),
        ({"OMP_DYNAMIC": "true"}, "warning", "OMP_DYNAMIC=true"),
    ],
)
def test_preset_thread_variables_are_named(system, environment, status, words):
    told = thread_variables.check(system(environment=environment))
    assert (told.status, words in told.text) == (status, True)
    assert bool(told.advice) == (status != "ok")


def pool(api, prefix, path, internal="openblas"):
    return {"user_api": api, "prefix": prefix, "filepath": path, "internal_api": internal, "version": "1"}


@pytest.mark.parametrize(
    ("pools", "status", "words"),
    [
        ([], "ok", "0 OpenMP and 0 BLAS"),
        ([pool("openmp", "libgomp", "/a")], "ok", "1 OpenMP"),
        ([pool("openmp", "libgomp", "/a"), pool("openmp", "libgomp", "/a")], "ok", "1 OpenMP"),
        ([pool("openmp", "libgomp", "/a"), pool("openmp", "libomp", "/b")], "warning", "more threads than asked for"),
        ([pool("openmp", "libiomp", "/a"), pool("openmp", "libomp", "/b")], "warning", "may hang or crash"),
        ([pool("blas", "libopenblas", "/a"), pool("blas", "libopenblas", "/b")], "note", "2 BLAS"),
    ],
)
def test_two_openmp_runtimes_in_one_process_are_a_warning(pools, status, words):
    told = openmp.judge(["numpy"], pools)
    assert (told.status, words in told.text) == (status, True)
    assert bool(told.advice) == (status != "ok")


@pytest.mark.parametrize(
    ("line", "expected"), [("cpu  1 2 3 4 5 6 7 8 0 0", (8, 27)), ("cpu 1 2", None), ("", None), ("intr 1 2 3 4 5 6 7 8 9", None)]
)
def test_stolen_time_is_read_from_the_kernel(system, line, expected):
    assert steal.ticks(system({"/proc/stat": line + "\ncpu0 1 1 1 1 1 1 1 1"})) == expected


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ((0, 10_000), (0, 10_100), "ok"),
        ((0, 10_000), (50, 10_100), "warning"),
        ((50, 10_000), (50, 10_100), "note"),
        ((0, 0), (0, 0), "ok"),
    ],
)
def test_stolen_time_is_judged_now_and_since_the_start(before, after, status):
    assert steal.judge(before, after).status == status


@pytest.mark.parametrize(
    ("step_s", "cost_s", "source", "status"),
    [
        (4e-8, 5e-8, "tsc", "ok"),
        (4e-8, 5e-8, None, "ok"),
        (1e-3, 5e-8, "tsc", "warning"),
        (4e-8, 1e-6, "tsc", "note"),
        (4e-8, 5e-8, "hpet", "note"),
    ],
)
def test_a_clock_is_judged_by_its_steps_and_its_cost(step_s, cost_s, source, status):
    told = clock.judge(step_s, cost_s, source, 1e-9)
    assert told.status == status
    assert bool(told.advice) == (status != "ok")


def paired(*, pairs=20, detectable=1.04, verdict="same"):
    return {
        "side_count": pairs,
        "detectable": detectable,
        "baseline_s": 0.02,
        "ratio": 1.01,
        "ratio_low": 0.98,
        "ratio_high": 1.03,
        "verdict": verdict,
    }


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (paired(), "ok", "the smallest slowdown that so much shows is 4%"),
        (paired(detectable=1.08), "note", "is 8%"),
        (paired(detectable=1.3), "warning", "is 30%"),
        (paired(pairs=2), "warning", "too few to tell"),
        (paired(detectable=float("nan")), "warning", "too few to tell"),
        (paired(verdict="slower"), "ok", "as one in twenty is by chance"),
    ],
)
def test_the_noise_floor_is_the_smallest_change_that_shows(found, status, words):
    told = noise.judge(found, ["SB122"], 2)
    assert (told.status, words in told.text) == (status, True)
    assert (told.figures["smallest_change"] is None) == ("too few" in told.text)


def test_more_blocks_are_advised_by_the_square_of_what_is_missing():
    told = noise.judge(paired(pairs=20, detectable=1.05**2), [], 2)
    assert told.figures["blocks_for_5_percent"] in (80, 81)  # rounded up, floats may be a hair above


@pytest.mark.parametrize(("text", "cpus"), [("0-2,5", [0, 1, 2, 5]), ("3", [3]), ("", []), ("a", [])])
def test_lists_of_cpus_read_as_linux_writes_them(text, cpus):
    assert cpu_list(text) == cpus


def test_the_cause_is_the_line_that_tells():
    assert cause('Traceback (most recent call last):\n  File "a"\nValueError: no') == "ValueError: no"
    assert (
        cause("the host ended with exit status 1\nIt printed last:\n---\nmpiexec can't find\nits library\n---")
        == "mpiexec can't find its library"
    )


class TestAllChecks:
    def test_a_file_is_a_check(self):
        assert {"quota", "noise", "mpi", "clock", "openmp", "governor", "turbo", "hyperthreads", "thread_variables"} <= set(
            names()
        )

    def test_one_that_fails_spoils_no_other(self, system, monkeypatch):
        def fails(_system):
            raise OSError("no such machine")

        for name in names():
            monkeypatch.setattr(f"scalebench.doctor.checks.{name}.check", fails)
        monkeypatch.setattr(turbo, "check", lambda _system: turbo.Diagnosis(status="ok", text="fine"))
        found = worst_first(list(examine(system())))
        assert len(found) == len(names())
        assert [one.name for one in found if one.diagnosis.status == "ok"] == ["turbo"] == [found[-1].name]
        assert "no such machine" in found[0].diagnosis.text

    @pytest.mark.parametrize("broken", ["host", "mpi"])
    def test_nothing_can_be_measured_only_where_the_host_is_broken(self, system, monkeypatch, broken):
        for name in names():
            status = "broken" if name == broken else "ok"
            monkeypatch.setattr(
                f"scalebench.doctor.checks.{name}.check", lambda _, status=status: turbo.Diagnosis(status=status, text="x")
            )
        assert measurable(list(examine(system()))) == (broken != "host")
