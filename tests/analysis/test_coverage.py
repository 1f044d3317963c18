"""Do the 95% intervals hold the truth 95% of the time? Simulated machines, the stopping rule included.

All is seeded. Of 6,000 studies the measured coverage has a standard error of 0.3 points; the limits are those that the
documentation states, 92% and 98%. The least of the figures measured with 20,000 studies is 92.6%, most are above 93%; with
another seed the hardest case would fail in about one of forty runs. ``nox -s intervals`` measures all candidates and rules.
"""

import numpy as np
import pandas as pd
import pytest
from noise import MACHINES, medians, quantities, running_intervals, stop_at, truths, walls

from scalebench.analysis import planning
from scalebench.analysis.precision import IN_A_ROW, LEAST, judged, reached
from scalebench.analysis.statistics import block_draws, of_draws, over_blocks

pytestmark = pytest.mark.long
STUDIES = 6000
ROUNDS = 5
REALISTIC = ["even", "neighbour", "tail"]


def share_covered(values, truth):
    """Of studies by blocks, with :func:`over_blocks` itself."""
    studies, blocks = values.shape
    found = over_blocks(pd.Series(values.ravel()), [pd.Series(np.repeat(np.arange(studies), blocks))])
    return float(((found["low"] <= truth) & (truth <= found["high"])).mean())


@pytest.mark.parametrize("machine", REALISTIC)
@pytest.mark.parametrize("blocks", [3, 5, 10])
def test_intervals_of_planned_blocks_cover(machine, blocks):
    drawn = walls(MACHINES[machine], np.random.default_rng(blocks), STUDIES, blocks, ROUNDS)
    truth = truths(MACHINES[machine], ROUNDS)
    for name, values in quantities(medians(drawn)).items():
        assert 0.92 <= share_covered(values, truth[name]) <= 0.98, name


def test_intervals_miss_a_tail_that_few_blocks_do_not_show():
    """Steady launches of which one in five is far off: no method sees what did not happen. The docstring says so."""
    drawn = walls(MACHINES["rare"], np.random.default_rng(1), STUDIES, 5, ROUNDS)
    truth = truths(MACHINES["rare"], ROUNDS)
    values = quantities(medians(drawn))
    assert share_covered(values["wall_s"], truth["wall_s"]) < 0.8
    assert 0.8 < share_covered(values["speedup"], truth["speedup"]) < 0.92


def frames(launches):
    """Launches as the stopping rule takes them, by study: baseline and case, blocks by columns."""
    blocks = launches.shape[-1]
    for study in launches:
        wall_s = study.ravel()
        speedup = np.concatenate([np.ones(blocks), study[0] / study[1]])
        case = np.repeat(["baseline", "case"], blocks)
        yield pd.DataFrame(
            {"run_id": "run", "case_id": case, "block": np.tile(np.arange(blocks), 2), "wall_s": wall_s, "speedup": speedup}
        )


@pytest.mark.parametrize("machine", REALISTIC)
@pytest.mark.parametrize("share", [1.5, 1.0, 0.5, 0.35])
def test_intervals_of_a_run_that_stops_when_it_is_precise_cover(machine, share):
    """The hardest case: one quantity alone decides when to stop. About 8, 10, 20 and 35 blocks."""
    launches = medians(walls(MACHINES[machine], np.random.default_rng(11), STUDIES, 80, ROUNDS))
    truth = truths(MACHINES[machine], ROUNDS)
    for name, values in quantities(launches).items():
        assert 0.92 <= share_covered_at(np.log(values), truth[name], share) <= 0.98, name


def share_covered_at(logs, truth, share, **rule):
    """Of studies that stop at intervals of ``share`` of the spread between blocks."""
    mean, half = running_intervals(logs)
    at = np.arange(len(logs)), stop_at(half <= share * logs.std(), **rule) - 1
    return float((np.abs(mean[at] - np.log(truth)) <= half[at]).mean())


def test_stopping_at_the_first_narrow_interval_of_three_blocks_does_not_cover():
    """What the rule is there for: this is the rule that it replaced."""
    launches = medians(walls(MACHINES["even"], np.random.default_rng(11), STUDIES, 80, ROUNDS))
    truth = truths(MACHINES["even"], ROUNDS)
    for name, values in quantities(launches).items():
        assert share_covered_at(np.log(values), truth[name], 0.5, least=3, in_a_row=1) < 0.92, name


def test_the_rule_of_this_simulation_is_that_of_the_package():
    launches = medians(walls(MACHINES["tail"], np.random.default_rng(8), 6, 20, ROUNDS))
    ended = []
    for study, launched in zip(launches, frames(launches), strict=True):
        wanted = 0.12
        by_quantity = np.log([study[0], study[1], study[0] / study[1]])
        narrow = (np.sinh(running_intervals(by_quantity)[1]) <= wanted).all(axis=0)
        expected = int(stop_at(narrow[None])[0]) - 1
        assert [reached(launched, wanted, last) for last in range(expected + 1)] == [False] * expected + [
            expected < 19 or bool(narrow[-IN_A_ROW:].all())
        ]
        assert len(judged(launched, expected)) == 4
        ended.append(expected)
    assert min(ended) < 19, "at least one study must have stopped by the rule"


def test_intervals_of_a_run_whose_rounds_are_planned_from_its_pilot_cover():
    """40 whole runs of baseline and case: pilot, a plan after each block, the rule. 94% is expected, of 80 intervals with a
    standard error of 2.7 points: below 82% another seed would fall once in ten thousand runs. How far the truth moves with
    the number of rounds is allowed for."""
    machine, generator, wanted = MACHINES["neighbour"], np.random.default_rng(3), 0.15
    few, many = truths(machine, 5), truths(machine, 51)
    costs = pd.DataFrame({"round_s": [0.01] * 2, "fixed_s": [0.3] * 2}, index=["baseline", "case"])
    covered, ended, counts = [], [], []
    for _ in range(40):
        drawn, rounds = walls(machine, generator, 1, 40, 51)[0], {"baseline": 5, "case": 5}
        taken: list[np.ndarray] = []
        for done in range(1, 41):
            taken.append([drawn[case, done - 1, : rounds[name]] for case, name in enumerate(costs.index)])
            chosen = np.array([[medians(walls) for walls in block] for block in taken]).T
            (launched,) = frames(chosen[None])
            _, half = running_intervals(np.log([*chosen, chosen[0] / chosen[1]]))
            if done >= LEAST and (np.sinh(half[:, -IN_A_ROW:]) <= wanted).all():
                break
            rows = pd.concat(
                pd.DataFrame({"case_id": name, "block": block, "wall_s": walls[case]})
                for block, walls in enumerate(taken) for case, name in enumerate(costs.index)
            )  # fmt: skip
            components = planning.case_components(rows, launched)
            rounds = planning.plan(components, costs, wanted=wanted, done=done, most_blocks=40, rounds_between=(5, 51)).rounds
            counts += rounds.values()
        ended.append(done)
        for name, values in quantities(chosen[None]).items():
            found = over_blocks(pd.Series(values[0]), [pd.Series([0] * done)]).iloc[0]
            low, high = sorted([few[name], many[name]])
            covered.append(found["low"] <= high and low <= found["high"])
            assert high / low < 1.02
    assert np.mean(covered) > 0.82
    assert max(ended) < 40
    assert min(counts) < max(counts), "else nothing was planned"


def test_draws_of_a_ratio_of_sums_cover_as_their_t_interval_does():
    """What is computed from several cases by joint draws: here the sum of two times over another. 400 studies of 5 blocks:
    a standard error of 1.1 points, 4 of them allowed."""
    machine = MACHINES["even"]
    drawn = medians(walls(machine, np.random.default_rng(6), 400, 5, ROUNDS, cases=3))
    covered = 0
    for study in drawn:
        draws = block_draws(pd.DataFrame(study.T), count=1000)
        low, high = of_draws((draws[:, 1] + draws[:, 2]) / draws[:, 0])
        covered += low <= 2 <= high
    assert covered / 400 == pytest.approx(0.95, abs=0.044)
