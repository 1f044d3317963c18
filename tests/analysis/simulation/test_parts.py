"""The parts that a run shows are those that its pool was made of."""

import numpy as np
import pytest
from factories import make_rounds
from pools import pool_run

from scalebench.analysis.simulation.model import Costs
from scalebench.analysis.simulation.parts import durations, figures, line, without_lead
from scalebench.results.schema import TASKS, to_frame


def costs_at(workers):
    """A pool that looks at each of its workers at each answer."""
    return Costs(lead_s=0.001, wake_s=2e-4, manager_s=2.5e-4 + 2e-6 * workers, turn_s=3e-4, ahead=workers + 1)


@pytest.fixture(scope="module")
def measured():
    return figures(*pool_run(costs_at))


@pytest.mark.parametrize(("part", "at"), [
    ("wake_s", lambda count: 2e-4),
    ("turn_s", lambda count: 3e-4),
    ("manager_s", lambda count: 2.5e-4 + 2e-6 * count),
    ("first_s", lambda count: 0.001 + 2e-4 + 3e-4),
    ("startup_s", lambda count: 0.01 * count),
])  # fmt: skip
def test_a_part_is_found_as_it_is_and_as_it_grows_with_the_workers(measured, part, at):
    found = line(without_lead(measured, line(measured, "first_s")), part)
    for count in (16, 64, 1000):
        assert found.at(count)[0] == pytest.approx(at(count) * 1.0155, rel=0.03)  # the geometric mean of the blocks' moods


def test_an_interval_holds_what_the_pool_is_made_of(measured):
    low, high = np.quantile(line(without_lead(measured, line(measured, "first_s")), "manager_s").at(64)[1:], [0.025, 0.975])
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


def test_rounds_that_are_too_short_as_a_rule_show_no_manager_where_one_was_held_up():
    rounds, tasks = pool_run(costs_at, workers=(8, 16, 32))
    short = (rounds["size"] == "0.01") & (rounds["workers"] == 8)
    rounds.loc[short, "wall_s"] = [0.004, 0.5, 0.004]
    shown = figures(rounds, tasks)
    shown = shown[(shown["size"] == "0.01") & shown["manager_s"].notna()]
    assert set(shown["workers"]) == {16, 32}


def test_the_time_between_workers_is_seen_only_before_the_first_answer(measured):
    assert measured.loc[measured["suite"] == "suite1", "wake_s"].isna().all()


def test_two_counts_make_no_line():
    assert line(figures(*pool_run(costs_at, workers=(8, 16))), "startup_s") is None


def test_two_blocks_give_a_line_and_no_draws_of_it():
    found = line(figures(*pool_run(costs_at, blocks=2)), "startup_s")
    assert found.at(100)[0] > 0
    assert np.isnan(found.at(100)[1:]).all()


def test_tasks_that_were_not_recorded_show_nothing():
    measured = figures(*pool_run(costs_at, keep_tasks=False))
    assert measured[["first_s", "wake_s", "turn_s", "tail_s"]].isna().all().all()
    assert measured["manager_s"].notna().any()  # a round's wall time is enough for that


def test_serial_rounds_have_no_parts():
    assert figures(*pool_run(costs_at, backend="serial", workers=(1,))).empty


class TestARound:
    """Eleven workers, two chunks each of two tasks that follow each other at once: by hand what its moments show."""

    def figures(self, **changed):
        row = {"backend": "processes", "start_method": "fork", "workers": 11, "tasks": 44, "chunksize": 2, "chunksize_found": 2,
               "wall_s": 8.0, "busy_s": 70.0, **changed}  # fmt: skip
        rounds = make_rounds(row, {**row, "warmup": True, "round": 1})
        firsts = [0.0625, *(0.125 + 0.0625 * place for place in range(9)), 4.0]  # the first two and the last are not the rule
        tasks = []
        for worker, first in enumerate(firsts):
            starts = [
                first,
                first + 0.5,
                first + 1.0 + (2.0 if worker == 3 else 0.25),
                first + 1.5 + (2.0 if worker == 3 else 0.25),
            ]
            tasks += [{"worker": worker, "start_s": start, "stop_s": start + 0.5} for start in starts]
        key = {name: rounds[name].iloc[0] for name in ("run_id", "case_id", "block", "attempt", "round")}
        tasks = [{**key, **one, "task": number} for number, one in enumerate(reversed(tasks))]
        return figures(rounds, to_frame(tasks, TASKS))

    def test_shows_when_its_first_task_began_and_what_came_after_the_last(self):
        (found,) = self.figures().to_dict("records")
        assert found["chunks"] == 22
        assert found["share"] == pytest.approx(70 / 88)
        assert found["first_s"] == 0.0625
        assert found["tail_s"] == pytest.approx(8.0 - 6.25)

    def test_shows_a_turn_where_the_workers_had_no_time_left(self):
        """Most gaps are within chunks, of nothing; the median of them, by chunk, is next to nothing too."""
        assert self.figures()["turn_s"].tolist() == [pytest.approx(0, abs=1e-8)]
        assert self.figures(busy_s=60.0)["turn_s"].isna().all()

    def test_shows_no_lead_where_the_first_task_waited_for_the_others_to_be_sent(self):
        assert self.figures(busy_s=60.0)["first_s"].isna().all()
        assert self.figures(busy_s=60.0, distribution="block")["first_s"].tolist() == [0.0625]

    def test_shows_the_managers_time_where_the_workers_had_next_to_none(self):
        assert self.figures()["manager_s"].isna().all()
        assert self.figures(busy_s=26.0)["manager_s"].tolist() == [pytest.approx(8.0 / 22)]
        assert self.figures(busy_s=26.0, distribution="block")["manager_s"].isna().all()
        assert self.figures(busy_s=0.02, wall_s=0.009)["manager_s"].isna().all()

    def test_that_is_dealt_out_has_a_chunk_a_worker(self):
        assert self.figures(distribution="block", chunksize_found=None)["chunks"].tolist() == [11]
        assert self.figures(distribution="block", tasks=45, chunksize_found=None)["chunks"].tolist() == [9]
        assert self.figures(chunksize_found=None)["chunks"].tolist() == [44]


def test_the_time_between_two_wakes_is_that_of_most_first_starts():
    """One worker that came early and one that came late are left out of eleven; of those that began after an answer all are."""
    starts = [0.0, *(1.0 + 0.25 * place for place in range(9)), 9.0, 11.0]
    rows = [{"worker": worker, "start_s": start, "stop_s": 10.0 + start, "task": worker} for worker, start in enumerate(starts)]
    rounds = make_rounds(
        {"backend": "processes", "start_method": "fork", "workers": 12, "tasks": 12, "wall_s": 30.0, "chunksize_found": 1}
    )
    key = {name: rounds[name].iloc[0] for name in ("run_id", "case_id", "block", "attempt", "round")}

    def wake(some):
        return figures(rounds, to_frame([{**key, **one} for one in some], TASKS))["wake_s"].iloc[0]

    assert wake(rows) == pytest.approx(0.25)
    assert np.isnan(wake([*rows[:3], rows[-1]]))
    assert wake(rows[1:5]) == pytest.approx(0.25)


def test_a_line_is_the_least_squares_of_relative_errors():
    workers = np.array([4, 8, 16, 64])
    took = np.array([0.30, 0.34, 0.52, 1.55])
    rounds = make_rounds(*(
        {"backend": "processes", "start_method": "fork", "workers": int(count), "block": block, "startup_s": value * mood}
        for count, value in zip(workers, took, strict=True) for block, mood in enumerate([0.5, 1.0, 2.0])
    ))  # fmt: skip
    found = line(rounds, "startup_s")
    expected, *_ = np.linalg.lstsq(np.column_stack([1 / took, workers / took]), np.ones(4), rcond=None)
    assert [found.at_one[0], found.per_worker[0]] == pytest.approx(expected.tolist())
    assert found.at(10)[0] == pytest.approx(expected @ [1, 10])
    assert found.counts == (4, 8, 16, 64)


def test_tasks_last_from_their_start_to_their_stop_in_the_launches_that_were_chosen():
    rounds, tasks = pool_run(costs_at, workers=(8, 16), suites=((0.05, 4), (0.25, 1)))
    chosen = rounds[rounds["suite"] == "suite1"]
    assert durations(chosen, tasks).tolist() == pytest.approx([0.25] * 3 * (8 + 16))
