"""What is recorded of a task, and which of the costly readings are left out."""

from types import SimpleNamespace

import pytest

from scalebench.host import recorder
from scalebench.host.recorder import BACK_TO_BACK_S, NO_WAIT_S, make_recorder

SHORT_S = BACK_TO_BACK_S / 4


class FakeMachine:
    """Clocks that stand still but for what is spent, and count how often they are read."""

    def __init__(self):
        self.wall = self.cpu = 1000.0
        self.wait_ns = 5_000_000_000
        self.cpu_readings = self.wait_readings = 0

    def spend(self, wall, cpu=0.0, wait=0.0):
        self.wall += wall
        self.cpu += cpu
        self.wait_ns += round(wait * 1e9)

    def read_cpu(self):
        self.cpu_readings += 1
        return self.cpu

    def read_wait(self):
        self.wait_readings += 1
        return self.wait_ns


@pytest.fixture
def machine(monkeypatch):
    fake = FakeMachine()
    monkeypatch.setattr(recorder, "time", SimpleNamespace(perf_counter=lambda: fake.wall))
    monkeypatch.setattr(recorder, "_wait_reader", lambda: fake.read_wait)
    return fake


@pytest.fixture
def run(machine):
    """Run a task that spends seconds as told; its record by name, with the readings that it took."""
    record = make_recorder(lambda spent: machine.spend(*spent), None, 7, machine.read_cpu)

    def once(*spent):
        before = machine.cpu_readings, machine.wait_readings
        _, start, stop, cpu, wait, key, units = record(spent)
        return SimpleNamespace(
            start=start, stop=stop, wall=stop - start, cpu=cpu, wait=wait, key=key, units=units,
            cpu_readings=machine.cpu_readings - before[0], wait_readings=machine.wait_readings - before[1],
        )  # fmt: skip

    return once


def about(seconds):
    """To within the steps of a float at 1000 s, far below a microsecond."""
    return pytest.approx(seconds, abs=1e-9)


class TestATask:
    def test_is_recorded_with_its_own_times_alone(self, machine, run):
        machine.spend(9.0, 8.0, 7.0)
        task = run(3.0, 1.0, 1.5)
        assert (task.start, task.stop) == (1009.0, 1012.0)
        assert (task.cpu, task.wait) == (about(1.0), about(1.5))
        assert (task.key, task.units) == (7, 1)

    def test_that_follows_at_once_takes_the_readings_of_the_one_before(self, machine, run):
        assert run(1.0, 1.0).cpu_readings == 2
        machine.spend(SHORT_S)
        task = run(2.0, 2.0)
        assert (task.cpu_readings, task.cpu) == (1, about(2.0))

    def test_that_follows_later_takes_its_own_readings(self, machine, run):
        run(1.0, 1.0)
        machine.spend(2 * BACK_TO_BACK_S, 2 * BACK_TO_BACK_S, 0.5)
        task = run(2.0, 1.0, 1.0)
        assert (task.cpu_readings, task.cpu, task.wait) == (2, about(1.0), about(1.0))


class TestCpuTime:
    def test_between_two_tasks_is_not_the_second_ones(self, machine, run):
        run(1.0, 1.0)
        machine.spend(SHORT_S, SHORT_S)
        assert run(2.0, 2.0).cpu == about(2.0)

    def test_of_many_threads_is_left_above_the_wall_time(self, machine, run):
        assert run(1.0, 4.0).cpu == about(4.0)
        assert run(1.0, 4.0).cpu == about(4.0)


class TestTheWait:
    def test_is_not_read_where_cpu_time_covers_the_wall_time(self, machine, run):
        run(1.0, 1.0)
        task = run(1.0, 1.0 - NO_WAIT_S / 2)
        assert (task.wait, task.wait_readings) == (0.0, 0)

    def test_is_read_where_it_does_not(self, machine, run):
        run(1.0, 1.0)
        task = run(3.0, 1.0, 2.0)
        assert (task.wait, task.wait_readings) == (about(2.0), 1)

    def test_of_a_task_that_slept_is_none_of_its_time(self, machine, run):
        task = run(3.0)
        assert (task.cpu, task.wait) == (0.0, 0.0)

    def test_is_read_where_other_threads_may_hide_it(self, machine, run):
        assert run(1.0, 4.0, 0.5).wait == about(0.5)

    def test_is_counted_once(self, machine, run):
        assert [run(3.0, 1.0, 2.0).wait, run(3.0, 1.0).wait, run(3.0, 1.0, 1.0).wait] == [about(2.0), about(0.0), about(1.0)]

    def test_is_never_more_than_the_time_without_a_cpu(self, machine, run):
        """What tasks before waited, a little each, was never read."""
        run(1.0, 1.0)
        for _ in range(10):
            run(1.0, 1.0 - NO_WAIT_S / 2, NO_WAIT_S / 2)
        assert run(1.0, 1.0 - 2 * NO_WAIT_S).wait == about(2 * NO_WAIT_S)

    def test_is_null_where_the_system_does_not_tell(self, machine, monkeypatch):
        monkeypatch.setattr(recorder, "_wait_reader", lambda: None)
        record = make_recorder(lambda _: machine.spend(3.0, 1.0), None, 7, machine.read_cpu)
        assert [record(None)[4], record(None)[4]] == [None, None]
