"""``really_hard_task`` as the lecture uses it, and the items of a sweep."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.workloads import really_hard_task
from scalebench.workloads.family import make_items, spread
from scalebench.workloads.kinds import KINDS, get_kind

IMBALANCES = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))


class TestTheLecturesTask:
    def test_is_mapped_over_a_pool_and_says_which_tasks_are_finished(self, capfd):
        context = multiprocessing.get_context("spawn")  # a pytest process has threads, it must not be forked
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            answers = list(pool.map(really_hard_task, [3, 5, 10, 15]))
        assert sorted(capfd.readouterr().out.splitlines()) == [f"finished task {n}" for n in (10, 15, 3, 5)]
        assert answers == [really_hard_task(n) for n in (3, 5, 10, 15)]
        assert len(set(answers)) == 4

    @pytest.mark.parametrize(
        ("kind", "size"), [("sleep", "0.1"), ("spin", 0.1), ("crunch", 10), ("crunch", None), ("blas", "5x2"), ("stream", "64")]
    )
    def test_does_any_kind_of_any_size_and_answers_what_the_kind_does(self, kind, size, capsys):
        which = get_kind(kind)
        answer = really_hard_task(7, kind=kind, size=size)
        assert answer == which.run(7, *which.parse(which.default_size if size is None else str(size)))
        assert capsys.readouterr().out == "finished task 7\n"

    def test_of_an_unknown_kind_is_an_error_that_names_it(self):
        with pytest.raises(KeyError, match="cruch"):
            really_hard_task(1, kind="cruch")

    def test_of_a_size_that_its_kind_lacks_is_an_error_before_it_says_that_it_finished(self, capsys):
        with pytest.raises(ValueError, match="whole number"):
            really_hard_task(1, size="0.5")
        assert capsys.readouterr().out == ""


class TestSpread:
    @given(units=st.integers(1, 2**53), tasks=st.integers(0, 60), imbalance=IMBALANCES, seed=st.integers(0, 2**31))
    def test_keeps_the_total_and_leaves_no_task_without_work(self, units, tasks, imbalance, seed):
        sizes = spread(units, tasks, imbalance, seed)
        assert len(sizes) == tasks
        assert sum(sizes) == units * tasks
        assert all(type(size) is int and size >= 1 for size in sizes)

    @given(units=st.integers(1, 3), tasks=st.integers(1, 60), imbalance=IMBALANCES, seed=st.integers(0, 100))
    def test_keeps_the_total_of_tiny_tasks_too(self, units, tasks, imbalance, seed):
        sizes = spread(units, tasks, imbalance, seed)
        assert sum(sizes) == units * tasks
        assert min(sizes) >= 1

    @given(seed=st.integers(0, 2**31), imbalance=st.floats(0.01, 1))
    def test_is_the_same_for_the_same_seed(self, seed, imbalance):
        assert spread(50_000, 24, imbalance, seed) == spread(50_000, 24, imbalance, seed)

    def test_is_the_same_on_every_machine(self):
        """Written down from the first version: results of two machines are compared by it."""
        assert spread(1000, 6, 0.5, 0) == [1333, 1356, 839, 744, 788, 940]

    def test_differs_between_seeds(self):
        assert spread(50_000, 24, 0.5, 0) != spread(50_000, 24, 0.5, 1)

    @given(tasks=st.integers(1, 60), imbalance=st.floats(0.01, 1), seed=st.integers(0, 1000))
    def test_stays_within_its_half_width_about_the_mean_of_the_weights(self, tasks, imbalance, seed):
        """Weights lie between 1 - i and 1 + i, and setting the total right scales them all alike."""
        sizes = spread(10**6, tasks, imbalance, seed)
        assert max(sizes) * (1 - imbalance) <= min(sizes) * (1 + imbalance) + 2

    def test_without_imbalance_has_equal_tasks(self):
        assert spread(7, 3, 0.0, 0) == [7, 7, 7]
        assert spread(7, 0, 0.5, 0) == []

    def test_of_one_task_is_the_whole_work(self):
        assert spread(7, 1, 1.0, 3) == [7]


class TestItems:
    def test_are_numbers_with_the_kinds_shape_and_units(self):
        assert make_items("blas", "40x3", 2, 0.0, 0) == [(0, 40, 3), (1, 40, 3)]
        assert make_items("crunch", "5e4", 2, 0.0, 0) == [(0, 0, 50_000), (1, 0, 50_000)]

    def test_repeat_given_numbers_until_there_are_enough(self):
        assert [n for n, _, _ in make_items("sleep", "1", 5, 0.0, 0, [3, 5])] == [3, 5, 3, 5, 3]
        assert [n for n, _, _ in make_items("sleep", "1", 2, 0.0, 0, [3, 5, 10])] == [3, 5]

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("tasks", [0, 1, 9])
    def test_of_any_kind_keep_the_total_work_when_they_are_uneven(self, kind, tasks):
        even, uneven = (make_items(kind, get_kind(kind).default_size, tasks, imbalance, 1) for imbalance in (0.0, 0.75))
        assert sum(units for _, _, units in even) == sum(units for _, _, units in uneven)
        assert [(n, shape) for n, shape, _ in even] == [(n, shape) for n, shape, _ in uneven]
