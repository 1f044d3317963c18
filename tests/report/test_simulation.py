"""Simulated curves as text: what a reader finds in the tables."""

import pytest
from pools import pool, pool_run

from scalebench.analysis.simulation.holdout import at_the_largest, held_out
from scalebench.analysis.simulation.predict import simulate
from scalebench.report.simulation import check_table, refusals, simulation_tables


@pytest.fixture(scope="module")
def run():
    return pool_run(pool, workers=(4, 8, 16, 32), broadcast_at=lambda count: 1e-4 * count + 1e-6 * count**2)


def test_a_round_and_a_launch_have_intervals_and_say_what_they_wait_for(run):
    found = next(one for one in simulate(*run, [64, 1000]) if one.identity["size"] == "50.0")
    told, parts = simulation_tables(found)
    assert [row[0] for row in told.rows] == ["64", "1000"]
    assert all("[" in row[1] and "[" in row[2] for row in told.rows)
    assert [row[3:] for row in told.rows] == [["workers", "2 times"], ["manager", "31.2 times"]]
    assert any("workers busy with such tasks" in note for note in told.notes)
    assert any(note.startswith("Assumed: tasks wait") for note in told.notes)
    shown = {row[0]: row for row in parts.rows}
    for part in ("start-up, until all workers are started", "a call to all of them, each worker's share; the broadcast is one"):
        assert shown[part][1].endswith("a worker")
        assert shown[part][3] == "4, 8, 16, 32"
    assert shown["a task"][2] == "50.0 ms"


class TestHowFarOffItIs:
    @staticmethod
    def told(run):
        found = simulate(*run, [1000])
        return [
            next(note for note in simulation_tables(one, check)[0].notes if note.startswith("Held out"))
            for one, check in zip(found, at_the_largest(*run, found), strict=True)
        ]

    def test_is_told_from_the_largest_count(self, run):
        for note in self.told(run):
            assert note.startswith("Held out: 32 workers, predicted from 16 and fewer: a round takes ")
            assert note.endswith(" times.")

    @pytest.mark.parametrize("column", ["wall_s", "startup_s"])
    def test_makes_it_an_order_of_magnitude_beyond_a_fifth(self, run, column):
        rounds, tasks = run
        slow = rounds.assign(**{column: rounds[column].where(rounds["workers"] < 32, rounds[column] * 1.5)})
        assert all(
            "off by more than 20%: read what is beyond the data as an order of magnitude" in note
            for note in self.told((slow, tasks))
        )

    def test_is_told_of_one_curve_where_another_one_is_refused(self, run):
        rounds, tasks = run
        uneven = rounds["size"].eq("50.0") & rounds["workers"].lt(32)
        mixed = rounds.assign(chunksize_found=rounds["chunksize_found"].where(~uneven, rounds["workers"] // 4))
        refused, told = sorted(self.told((mixed.assign(chunksize_found=mixed["chunksize_found"].astype("Int64")), tasks)))
        assert ("times what was" in refused, "times what was" in told) in ((False, True), (True, False))
        assert "nan" not in refused + told

    def test_is_not_known_from_too_few_counts(self):
        (one, _) = self.told(pool_run(pool, workers=(4, 8, 16)))
        assert one.startswith("Held out: 16 workers can't be predicted from 8 and fewer: a part is a line over 3 worker counts")
        assert self.told(pool_run(pool, workers=(8, 12, 15)))[0].startswith("Held out: nothing; three counts or more")


def test_a_refused_curve_is_named_with_its_reason():
    (found,) = simulate(*pool_run(pool, workers=(8, 16), suites=((0.05, 4),)), [64])
    (told,) = refusals([found])
    assert told.startswith("processes fork: weak scaling of sleep 50.0, chunksize 1, tasks per worker 4: a part is a line")


def test_curves_that_are_refused_for_one_reason_share_a_sentence():
    found = simulate(*pool_run(pool, workers=(8, 16)), [64])
    assert len(found) == 2
    (told,) = refusals(found)
    assert "(and 1 more): a part is a line" in told


def test_the_check_has_predicted_and_measured_side_by_side_or_says_refused(run):
    good = check_table(held_out(*run, up_to=16, at=32))
    assert good.title == "32 workers, predicted from 16 and fewer"
    assert [row[0] for row in good.rows] == ["sleep 0.01", "sleep 50.0"]
    assert all(0.95 < float(row[3]) < 1.05 for row in good.rows)
    short = check_table(held_out(*run, up_to=8, at=16))
    assert [row[1] for row in short.rows] == ["refused", "refused"]
