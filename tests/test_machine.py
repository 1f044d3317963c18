"""The machine: its CPU budget, and a fingerprint that is equal for equal hardware and names nobody."""

import json
import platform
import sys
from typing import NamedTuple

import pytest

from scalebench import machine

CPUINFO = "processor\t: 0\nvendor_id\t: Any\nmodel name\t: Imaginary(R) CPU 9000 @ 2.50GHz\ncache size\t: 1 KB\n"


@pytest.fixture
def files(monkeypatch):
    """Give the machine's files a content, by the end of their path; those that are not given can't be read."""

    def have(contents):
        def read(path):
            return next((text for end, text in contents.items() if str(path).endswith(end)), None)

        monkeypatch.setattr(machine, "_read", read)

    return have


def test_the_budget_is_never_more_than_the_machine_has_and_never_none():
    assert 1 <= machine.cpu_budget() <= machine.logical_cpus()


def test_the_memory_is_a_lower_cgroup_limit_where_there_is_one(files):
    files({})
    whole = machine.memory_bytes()
    files({"memory.max": "1048576"})
    assert machine.memory_bytes() == 2**20 < whole


@pytest.mark.parametrize("text", ["max", "9223372036854771712", ""])
def test_the_memory_is_the_machines_where_the_cgroup_does_not_limit_it(files, text):
    files({})
    whole = machine.memory_bytes()
    files({"memory.max": text, "memory.limit_in_bytes": text})
    assert machine.memory_bytes() == whole


class TestTheFingerprint:
    @pytest.fixture(autouse=True)
    def _fresh(self, cpus):
        cpus(4, logical=16, physical=8)
        machine.fingerprint.cache_clear()
        yield
        machine.fingerprint.cache_clear()

    def test_is_plain_json_and_the_same_each_time(self):
        first = machine.fingerprint()
        assert json.loads(json.dumps(first, allow_nan=False)) == first == machine.fingerprint()

    def test_says_what_results_depend_on(self):
        found = machine.fingerprint()
        assert (found["cpu_budget"], found["logical_cpus"], found["physical_cores"]) == (4, 16, 8)
        assert found["python"].endswith(platform.python_version())
        assert found["packages"]["numpy"]
        assert "4cpu" in found["machine_id"].split("-")

    def test_holds_no_host_name(self, monkeypatch):
        monkeypatch.setattr(platform, "node", lambda: "secret-host-name")
        assert "secret-host-name" not in json.dumps(machine.fingerprint())

    def test_has_an_id_of_the_hardware_alone(self, monkeypatch):
        before = machine.fingerprint()["machine_id"]
        machine.fingerprint.cache_clear()
        monkeypatch.setattr(platform, "python_version", lambda: "9.9.9")
        monkeypatch.setattr(machine, "installed", lambda package: "9.9.9")
        assert machine.fingerprint()["machine_id"] == before
        machine.fingerprint.cache_clear()
        monkeypatch.setattr(machine, "physical_cores", lambda: 4)
        assert machine.fingerprint()["machine_id"] != before

    def test_has_an_id_that_begins_with_the_name_of_the_cpu(self, files):
        files({"cpuinfo": CPUINFO})
        assert machine.fingerprint()["cpu"] == "Imaginary(R) CPU 9000 @ 2.50GHz"
        assert machine.fingerprint()["machine_id"].startswith("imaginary-r-cpu-4cpu-")

    def test_has_null_for_what_the_system_does_not_tell(self, files):
        files({})
        found = machine.fingerprint()
        assert (found["governor"], found["last_level_cache_bytes"]) == (None, None)
        assert found["machine_id"]


def test_a_file_that_cannot_be_read_is_none(tmp_path):
    assert machine._read(tmp_path / "nothing") is None


def test_the_version_of_a_package_that_is_not_installed_is_none():
    assert machine.installed("a-package-that-nobody-has") is None


def test_the_canary_takes_time_on_the_clock():
    before = machine.clock()
    assert 0 < machine.canary() < machine.clock() - before


def test_the_load_is_null_where_the_system_has_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert machine.load_average() is None


class Times(NamedTuple):
    """What psutil tells of all CPUs together since the start, s."""

    user: float
    idle: float
    iowait: float = 0.0
    steal: float = 0.0
    guest: float = 0.0


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({"user": 10.0, "idle": 90.4}, 0.0),  # all of two CPUs for 0.2 s was idle
        ({"user": 10.2, "idle": 90.2}, 1.0),
        ({"user": 10.1, "idle": 90.1, "iowait": 0.1, "steal": 0.1}, 1.0),  # waiting for a disk is idle, stolen time is not
        ({"user": 10.4, "idle": 90.0, "guest": 0.4}, 2.0),  # a guest's time is in the user's already
        ({"user": 10.0, "idle": 90.0}, 0.0),  # a clock that did not move tells nothing
    ],
)
def test_the_cpus_in_use_are_those_that_were_not_idle_in_between(monkeypatch, cpus, then, expected):
    import psutil

    cpus(2)
    looks = iter([Times(user=10.0, idle=90.0), Times(**then)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(looks))
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: None)
    assert machine.cpus_in_use() == pytest.approx(expected)
