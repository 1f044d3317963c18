"""The parts that a run shows are those that its pool was made of."""

import numpy as np
import pytest
from pools import pool_run

from scalebench.analysis.simulation.model import Costs
from scalebench.analysis.simulation.parts import figures, line


def costs_at(workers, ahead=True):
    """A pool that looks at each of its workers at each answer."""
    return Costs(lead_s=0.001, send_s=2e-4, answer_s=5e-5 + 2e-6 * workers, turn_s=3e-4, ahead=workers + 1 if ahead else 0)


@pytest.fixture(scope="module")
def measured():
    return figures(*pool_run(costs_at))


@pytest.mark.parametrize(("part", "at"), [
    ("send_s", lambda count: 2e-4),
    ("turn_s", lambda count: 3e-4),
    ("manager_s", lambda count: 2.5e-4 + 2e-6 * count),
    ("first_s", lambda count: 0.001 + 2e-4 + 3e-4),
    ("startup_s", lambda count: 0.01 * count),
])  # fmt: skip
def test_a_part_is_found_as_it_is_and_as_it_grows_with_the_workers(measured, part, at):
    found = line(measured, part)
    for count in (16, 64, 1000):
        assert found.at(count)[0] == pytest.approx(at(count) * 1.0155, rel=0.03)  # the geometric mean of the blocks' moods


def test_an_interval_holds_what_the_pool_is_made_of(measured):
    low, high = np.quantile(line(measured, "manager_s").at(64)[1:], [0.025, 0.975])
    assert low < 2.5e-4 + 2e-6 * 64 < high < 1.2 * low


def test_a_start_without_a_broadcast_of_its_own_shows_neither_part_of_it(measured):
    assert measured[["up_s", "broadcast_s"]].isna().all(axis=None)


def test_neither_end_of_a_line_is_below_0():
    rounds, tasks = pool_run(costs_at, startup_at=lambda count: 1 / count)
    falling = line(figures(rounds, tasks), "startup_s")
    assert (falling.per_worker == 0).all()
    assert (falling.at_one > 0).all()
    rounds, tasks = pool_run(costs_at, startup_at=lambda count: count**2)
    steep = line(figures(rounds, tasks), "startup_s")
    assert (steep.at_one == 0).all()
    assert (steep.per_worker > 0).all()


def test_what_a_task_costs_the_manager_is_seen_only_where_the_workers_mostly_had_none(measured):
    assert measured.loc[measured["suite"] == "suite0", "manager_s"].isna().all()
    assert measured.loc[measured["suite"] == "suite1", "manager_s"].notna().all()


def test_the_time_between_workers_is_seen_only_before_the_first_answer(measured):
    assert measured.loc[measured["suite"] == "suite1", "send_s"].isna().all()


def test_two_counts_make_no_line():
    assert line(figures(*pool_run(costs_at, workers=(8, 16))), "startup_s") is None


def test_two_blocks_give_a_line_and_no_draws_of_it():
    found = line(figures(*pool_run(costs_at, blocks=2)), "startup_s")
    assert found.at(100)[0] > 0
    assert np.isnan(found.at(100)[1:]).all()


def test_tasks_that_were_not_recorded_show_nothing():
    measured = figures(*pool_run(costs_at, keep_tasks=False))
    assert measured[["first_s", "send_s", "turn_s", "tail_s", "manager_s"]].isna().all().all()


def test_serial_rounds_have_no_parts():
    assert figures(*pool_run(costs_at, backend="serial", workers=(1,))).empty
