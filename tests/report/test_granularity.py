"""The granularity table and its advice."""

import pandas as pd
import pytest
from factories import make_result, make_rounds

from scalebench.report.granularity import granularity_tables
from scalebench.report.tables import scaling_tables


def sweep(costs, *others):
    """A pool whose cost per task is that of its chunk size; the same with each of ``others``, where a task costs twice as much."""
    rows = []
    for size in (10, 100, 1000, 10_000, 100_000):
        work = {"size": str(size), "tasks": 100, "work_units": size * 100, "suite": "granularity"}
        rows.append({**work, "wall_s": size * 1e-6 * 100})
        for number, more in enumerate([{}, *others], 1):
            for chunksize, cost_s in costs.items():
                pool = {"backend": "processes", "start_method": "fork", "workers": 2, "chunksize": chunksize, **more}
                rows.append({**work, **pool, "wall_s": (size * 1e-6 + cost_s * number) * 50})
    return make_result(make_rounds(*rows))


def test_there_is_one_row_for_each_interface_and_chunk_size():
    (table,) = granularity_tables(sweep({1: 1e-3, 16: 1e-4}))
    assert table.title == "granularity: METG(50%) of crunch, 2 workers"
    assert table.sections == {0: "processes"}
    assert [row[0] for row in table.rows] == ["1", "16"]


@pytest.mark.parametrize(
    ("axis", "usual", "other"),
    [("imbalance", "0", 0.5), ("nodes", "1", 2), ("start_method", "fork", "spawn"), ("scaling", "strong", "weak")],
)
def test_interfaces_of_one_backend_are_told_apart_by_what_they_differ_in(axis, usual, other):
    (table,) = granularity_tables(sweep({1: 1e-3, 16: 1e-4}, {axis: other}))
    names = [f"processes ({axis} {usual})", f"processes ({axis} {other})"]
    assert table.sections == {0: names[0], 2: names[1]}
    assert [row[0] for row in table.rows] == ["1", "16", "1", "16"]
    assert [note.partition(":")[0] for note in table.notes[1:]] == names


def test_of_what_a_run_does_not_tell_nothing_is_said():
    whole = sweep({1: 1e-3})
    rounds = whole.rounds.assign(imbalance=float("nan"), nodes=pd.array([None] * len(whole.rounds), dtype="Int64"))
    assert granularity_tables(make_result(rounds)) == granularity_tables(whole)


def test_the_advice_names_the_limit_and_the_chunk_that_mends_it():
    (table,) = granularity_tables(sweep({1: 1e-3, 16: 1e-4}))
    (advice,) = [note for note in table.notes if note.startswith("processes: ")]
    assert "use chunks of at least 16" in advice
    assert "tasks shorter than 1.00 ms" in advice


def test_chunks_that_do_not_help_are_not_recommended():
    (table,) = granularity_tables(sweep({1: 1e-3, 16: 0.9e-3}))
    assert any("larger chunks did not help" in note for note in table.notes)


def test_a_sweep_of_sizes_has_no_scaling_table_for_each_of_them():
    assert scaling_tables(sweep({1: 1e-3})) == []
