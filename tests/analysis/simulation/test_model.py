"""A round as a queue: equal to a plain-spoken simulation and to the closed forms, never faster than the bounds, monotone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import played

from scalebench.analysis.simulation.model import Costs, bounds, simulate_round

NAMES = ("lead_s", "wake_s", "manager_s", "turn_s", "tail_s")
seconds = st.floats(0, 10, allow_nan=False, width=32)
chunk_times = st.lists(seconds, min_size=1, max_size=40)
counts = st.integers(1, 12)
costs = st.builds(
    Costs, lead_s=seconds, wake_s=seconds, manager_s=seconds, turn_s=seconds, tail_s=seconds, ahead=st.integers(0, 15)
)


def equal_chunks(lasts_s: float, per_worker: int, workers: int, costs: Costs) -> float:
    """Wall time of chunks that all last the same, where the manager keeps up, s: the closed form of that case.

    It holds where ``workers * manager_s`` is no more than a chunk with its turn takes, and chunks wait ahead of their worker:
    then each worker goes on without a pause, the last one begins after ``workers`` wakes, and its last answer is awaited, or
    those before it, which came at the distance of the wakes.
    """
    begins = costs.lead_s + workers * costs.wake_s
    ends = begins + per_worker * (lasts_s + costs.turn_s)
    return ends + costs.manager_s + (workers - 1) * max(costs.manager_s - costs.wake_s, 0.0) + costs.tail_s


@given(chunk_times, counts, costs)
def test_a_round_is_as_long_as_when_it_is_played_step_by_step(chunks, workers, one):
    assert simulate_round(chunks, workers, one) == pytest.approx(played(chunks, workers, one)[0])


@given(chunk_times, counts, costs)
def test_no_round_is_faster_than_the_manager_the_workers_or_the_longest_way_allow(chunks, workers, one):
    plain = {name: getattr(one, name) for name in NAMES}
    least = bounds(len(chunks), workers, sum(chunks), min(chunks), max(chunks), **plain)
    assert least.shape == (3,)
    assert simulate_round(chunks, workers, one) >= max(least) * (1 - 1e-9)


@given(chunk_times, counts, costs, seconds, st.sampled_from(NAMES))
def test_a_round_never_gets_faster_when_anything_costs_more(chunks, workers, one, more, name):
    dearer = replace(one, **{name: getattr(one, name) + more})
    assert simulate_round(chunks, workers, dearer) >= simulate_round(chunks, workers, one) * (1 - 1e-9)


@given(chunk_times, counts, costs, seconds, st.data())
def test_a_round_never_gets_faster_when_a_task_takes_longer(chunks, workers, one, more, data):
    place = data.draw(st.integers(0, len(chunks) - 1))
    longer = [lasts + more * (number == place) for number, lasts in enumerate(chunks)]
    assert simulate_round(longer, workers, one) >= simulate_round(chunks, workers, one) * (1 - 1e-9)


@given(st.floats(0.01, 10), st.integers(1, 6), counts, st.floats(0, 1), st.floats(0, 1), seconds, seconds)
def test_equal_tasks_of_a_manager_that_keeps_up_take_what_the_closed_form_says(lasts, each, workers, wakes, load, turn, other):
    period = lasts + turn  # a worker that was woken goes on at once, and the last is woken before the first has nothing to do
    one = Costs(
        lead_s=other,
        wake_s=period / workers * wakes,
        manager_s=period / workers * load,
        turn_s=turn,
        tail_s=other,
        ahead=workers + 1,
    )
    assert simulate_round([lasts] * (each * workers), workers, one) == pytest.approx(equal_chunks(lasts, each, workers, one))


@given(st.integers(1, 200), counts, st.floats(1e-6, 1), st.integers(0, 15))
def test_tasks_of_no_time_take_the_manager_and_nobody_else(count, workers, manager, ahead):
    assert simulate_round([0.0] * count, workers, Costs(manager_s=manager, ahead=ahead)) == pytest.approx(count * manager)


@given(chunk_times, costs)
def test_more_workers_than_chunks_change_nothing(chunks, one):
    assert simulate_round(chunks, len(chunks), one) == pytest.approx(simulate_round(chunks, 10 * len(chunks), one))


def test_one_worker_that_is_handed_each_task_waits_for_the_manager_each_time():
    one = Costs(wake_s=0.25, manager_s=0.5, turn_s=0.125, ahead=0)
    assert simulate_round([1.0] * 4, 1, one) == 0.25 + 4 * (0.125 + 1 + 0.5)


def test_tasks_that_wait_ahead_hide_the_manager():
    one = Costs(wake_s=0.25, manager_s=0.5, turn_s=0.125, ahead=2)
    assert simulate_round(np.ones(4), 1, one) == 0.25 + 4 * (0.125 + 1) + 0.5


def test_a_manager_that_can_not_keep_up_waits_for_the_first_answer_and_never_again():
    one = Costs(lead_s=1.0, wake_s=0.25, manager_s=0.5, turn_s=0.125, ahead=9)
    assert simulate_round([2.0] * 40, 8, one) == 1.0 + 0.25 + 0.125 + 2.0 + 40 * 0.5


def test_no_chunks_are_no_round_of_nothing():
    assert bounds(0, 4, 0.0, 0.0, 0.0, lead_s=1.0, wake_s=2.0, manager_s=3.0, turn_s=4.0, tail_s=5.0).tolist() == [6.0] * 3
    assert simulate_round([], 4, Costs(lead_s=1.0, tail_s=5.0)) == 6.0


@pytest.mark.parametrize(
    ("place", "bound", "count", "workers", "total", "shortest", "longest", "wake", "manager", "turn", "between"),
    [
        (0, "manager", 10, 20, 3.0, 0.25, 0.5, 0.5, 0.75, 0.125, 0.5 + 0.125 + 0.25 + 10 * 0.75),
        (1, "workers", 8, 4, 40.0, 4.0, 6.0, 0.25, 0.125, 0.5, 0.25 * (4 + 1) / 2 + (40 + 8 * 0.5) / 4 + 0.125),
        (1, "more workers than chunks", 2, 8, 12.0, 6.0, 6.0, 0.25, 0.125, 0.5, 0.25 * (2 + 1) / 2 + (12 + 2 * 0.5) / 2 + 0.125),
        (1, "workers that nobody needs", 8, 8, 2.5, 0.0, 0.125, 2.0, 0.0, 0.1875, 2.0 * (2 + 1) / 2 + (2.5 + 8 * 0.1875) / 2),
        (2, "longest way", 2, 4, 10.0, 1.0, 9.0, 0.5, 0.25, 1.0, 0.5 + 1 + 9 + 0.25),
    ],
)
def test_a_bound_is_what_its_formula_says(place, bound, count, workers, total, shortest, longest, wake, manager, turn, between):
    given = [total, shortest, longest, 1.0, wake, manager, turn]
    total, shortest, longest, lead, wake, manager, turn = np.repeat([[one] for one in given], 2, axis=1)
    found = bounds(
        count, workers, total, shortest, longest, lead_s=lead, wake_s=wake, manager_s=manager, turn_s=turn, tail_s=[2.0, 3.0]
    )
    assert found[place].tolist() == [1 + between + 2, 1 + between + 3]
    assert found.shape == (3, 2)
