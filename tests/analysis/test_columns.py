"""What is said of the columns of analysis: each once, with unit and range, and true of tables that there are."""

from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_rounds

from scalebench import load
from scalebench.analysis import columns
from scalebench.analysis.compare import Side, compare
from scalebench.analysis.granularity import curves, granularity
from scalebench.results import schema

RUN = Path(__file__).parents[2] / "results" / "reference" / "amd-epyc-2cpu"
TABLES = {
    name: getattr(columns, name)
    for name in ("SCALING", "EFFICIENCY", "GRANULARITY", "GRANULARITY_CASES", "RECOMMENDED", "COMPARE")
}
everywhere = pytest.mark.parametrize("those", [*TABLES.values(), schema.ROUNDS, schema.TASKS], ids=[*TABLES, "ROUNDS", "TASKS"])


@pytest.fixture(scope="module")
def frames():
    """A table of each kind."""
    result = load(RUN)
    sides = [Side(name=name, rounds=result.rounds) for name in ("before", "after")]
    sizes = make_rounds(*(
        {"size": str(size), "tasks": 10, "work_units": size * 10, "block": block, "suite": "granularity", **pool,
         "wall_s": (size * 1e-6 + cost) * 10}
        for block in range(3) for size in (10, 100, 1000, 10_000)
        for pool, cost in (({}, 0.0), ({"backend": "processes", "start_method": "fork", "workers": 1}, 1e-4))
    ))  # fmt: skip
    return {
        "SCALING": result.scaling(),
        "EFFICIENCY": result.efficiency(),
        "GRANULARITY": granularity(sizes),
        "GRANULARITY_CASES": curves(sizes),
        "RECOMMENDED": result.recommend()[0].cases,
        "COMPARE": compare(sides),
        "ROUNDS": result.rounds,
        "TASKS": result.tasks,
    }


@everywhere
def test_each_has_a_meaning_a_number_a_unit_and_a_range_and_a_ratio_a_denominator(those):
    assert len({one.name for one in those}) == len(those)
    assert [one.name for one in those if not one.meaning] == []
    numbers = [one for one in those if one.type in ("int", "float")]
    assert [one.name for one in numbers if not (one.unit and one.range in (">= 0", "> 0", ">= 1", "0 to 1", "any"))] == []
    assert [one.name for one in those if (one.unit == "ratio") != bool(one.of)] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_exactly_these_columns(frames, name):
    assert sorted(frames[name].columns) == sorted(one.name for one in TABLES[name])


@everywhere
def test_a_table_that_there_is_keeps_to_the_ranges(frames, those):
    (name,) = (name for name, one in {**TABLES, "ROUNDS": schema.ROUNDS, "TASKS": schema.TASKS}.items() if one is those)
    frame, wrong = frames[name], []
    for one in those:
        values = frame[one.name].dropna()
        if one.type in ("int", "float"):
            low, strict = {">= 0": (0, False), "> 0": (0, True), ">= 1": (1, False), "0 to 1": (0, False)}.get(
                one.range, (None, False)
            )
            outside = low is not None and ((values < low) | (strict & (values == low))).any()
            wrong += [one.name] if outside or (one.range == "0 to 1" and (values > 1).any()) else []
        elif one.type == "str" and one.range:
            wrong += [one.name] if [value for value in values.unique() if value not in one.range] else []
    assert wrong == []


def test_the_ends_of_an_interval_may_pass_a_bound_that_the_figure_itself_keeps_to():
    share = columns._ratio("load", "mean time", "that of the busiest", "0 to 1")
    assert share == schema.Column("load", "float", "mean time", "ratio", "0 to 1", "that of the busiest")
    assert columns._ratio("speedup", "work", "of serial").range == "> 0"

    def ends(one):
        return columns._with_interval(one, "over draws")[1:]

    assert ends(share) == (
        schema.Column("load_low", "float", "lower end of its interval: over draws", "ratio", "> 0", "that of the busiest"),
        schema.Column("load_high", "float", "upper end of its interval: over draws", "ratio", "> 0", "that of the busiest"),
    )
    assert columns._with_interval(share)[0] is share
    ranges = {within: {one.range for one in ends(replace(share, range=within))} for within in (">= 1", "> 0", ">= 0", "any")}
    assert ranges == {">= 1": {"> 0"}, "> 0": {"> 0"}, ">= 0": {">= 0"}, "any": {"any"}}


def test_kinds_and_statuses_are_those_that_there_are():
    from scalebench.workloads.kinds import KINDS

    said = {one.name: one.range for one in schema.ROUNDS}
    assert said["kind"] == ", ".join(KINDS)
    assert said["status"] == ", ".join(schema.STATUSES)
