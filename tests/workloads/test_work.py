"""Work is counted in the task that does it, and in no other."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from factories import take_work

from scalebench.workloads.work import count_work


@pytest.fixture(autouse=True)
def _nothing_counted():
    take_work()
    yield
    take_work()


def test_counts_add_up_until_they_are_taken():
    count_work(4)
    count_work(6)
    assert take_work() == 10
    assert take_work() is None


def test_work_that_was_not_counted_is_none_and_a_count_of_nothing_is_zero():
    assert take_work() is None
    count_work(0)
    assert take_work() == 0


def test_threads_count_each_for_itself():
    together = Barrier(4)

    def task(units):
        for _ in range(10):
            together.wait()
            count_work(units)
        together.wait()
        return take_work()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(task, [1, 2, 3, 4])) == [10, 20, 30, 40]
    assert take_work() is None
