"""The stopping rule, and who missed what was asked."""

import numpy as np
import pandas as pd
import pytest
from factories import make_case, make_rounds

from scalebench.analysis.precision import IN_A_ROW, LEAST, missed, precisions, reached
from scalebench.analysis.scaling import launches, scaling, with_baseline
from scalebench.analysis.statistics import blocks_needed

SERIAL, PROCESSES = make_case().case_id, make_case(backend="processes").case_id


def paired(*walls, backends=("serial", "processes")):
    """Launches of each backend, one a block, from their wall times by block; None: the block has none."""
    rows = [
        {"block": block, "wall_s": wall, "backend": backend}
        for backend, of_case in zip(backends, walls, strict=False)
        for block, wall in enumerate(of_case)
        if wall is not None
    ]
    return with_baseline(launches(make_rounds(*rows)))


def steady(blocks, spread=0.001):
    return [1 + spread * (block % 2) for block in range(blocks)]


def test_a_precision_is_half_the_printed_interval_relative_to_its_value():
    generator = np.random.default_rng(2)
    rows = [
        {"block": block, "backend": backend, "wall_s": wall}
        for backend in ("serial", "processes")
        for block, wall in enumerate(np.exp(generator.normal(0, 0.1, 5)))
    ]
    rounds = make_rounds(*rows)
    table = scaling(rounds).set_index("case_id")
    found = precisions(with_baseline(launches(rounds)))
    for _, one in found.iterrows():
        name, case = one["quantity"], table.loc[one["case_id"]]
        assert one["precision"] == pytest.approx((case[f"{name}_high"] - case[f"{name}_low"]) / 2 / case[name])
    assert len(found) == 4


class TestReached:
    def test_after_four_narrow_numbers_of_blocks_and_not_before(self):
        whole = paired(steady(12), steady(12))
        assert [reached(whole, 0.01, last) for last in range(12)] == [False] * (LEAST - 1) + [True] * (13 - LEAST)

    def test_not_where_the_last_of_four_was_wide(self):
        walls = [*steady(8), 2.0]
        assert reached(paired(walls, walls), 0.01, 7)
        assert not reached(paired(walls, walls), 0.01, 8)

    def test_not_where_the_fewest_blocks_that_count_were_wide(self):
        """The first block is off: over five blocks the interval is 39% wide, over six 30%."""
        whole = paired([2.0, *steady(8)])
        assert not reached(whole, 0.35, 7)
        assert reached(whole, 0.35, 8)

    def test_not_where_a_wall_time_is_narrow_and_its_speedup_is_not(self):
        moods = [1.0, 1.3] * 5
        same = [2.0, 2.6] * 5
        narrow_ratio = paired(moods, same)
        assert precisions(narrow_ratio).query("quantity == 'speedup'")["precision"].max() < 1e-9
        assert not reached(narrow_ratio, 0.05, 9)
        assert not reached(paired([1.0, 1.3] * 5, [1.0, 1.0] * 5), 0.05, 9)

    def test_although_a_case_was_given_up(self):
        """It failed from block 2 on: its interval will not come, and must not keep the others waiting."""
        assert reached(paired(steady(8), [1.0, 2.0, *[None] * 6]), 0.01, 7)

    def test_although_the_baseline_was_given_up(self):
        assert reached(paired([1.0, 2.0, *[None] * 6], steady(8)), 0.01, 7)

    def test_not_while_a_case_that_runs_has_no_interval(self):
        assert not reached(paired(steady(8), [*[None] * 6, 1.0, 1.0]), 0.01, 7)


class TestMissed:
    def test_names_the_widest_first_with_its_wider_quantity_and_the_blocks_it_takes(self):
        walls = np.array([[1.0, 1.1] * 3, [1.3, 1.0] * 3])
        whole = paired(*walls)
        found = missed(whole, 0.01)
        assert found["case_id"].tolist() == [PROCESSES, SERIAL]
        assert found["quantity"].tolist() == ["speedup", "wall_s"]
        assert found["precision"].is_monotonic_decreasing
        spreads = [np.log(walls[0] / walls[1]).std(ddof=1), np.log(walls[0]).std(ddof=1)]
        assert found["blocks_needed"].tolist() == [blocks_needed(spread, 0.01, 10_000) + IN_A_ROW - 1 for spread in spreads]

    def test_does_not_name_a_case_that_is_narrow_enough(self):
        found = missed(paired(steady(6), [1.0, 1.5] * 3), 0.01)
        assert found["case_id"].tolist() == [PROCESSES]
        assert missed(paired(steady(6), steady(6)), 0.01).empty

    def test_names_cases_without_an_interval_and_tells_no_blocks(self):
        found = missed(paired(steady(2), steady(2)), 0.01)
        assert len(found) == 2
        assert found[["precision", "blocks_needed"]].isna().all(axis=None)
        assert isinstance(found["blocks_needed"].dtype, pd.Int64Dtype)
