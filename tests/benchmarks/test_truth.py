"""What ``nox -s truth`` judges by: the tests keep their level, and pairs cost what they would have cost."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from factories import make_rounds
from scipy import stats


@pytest.fixture(scope="module")
def judge():
    file = Path(__file__).parents[2] / "benchmarks" / "truth" / "judge.py"
    spec = importlib.util.spec_from_file_location("judge", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def draws():
    """Heavy-tailed differences of two like sides: 2000 pairs of 20 blocks."""
    return np.random.default_rng(0).standard_t(3, (2000, 20)) * 0.05


def test_the_t_test_is_scipys(judge, draws):
    assert judge.t_test(draws) == pytest.approx(stats.ttest_1samp(draws, 0, axis=1).pvalue)


def test_the_trimmed_t_of_nothing_trimmed_is_the_t(judge, draws):
    assert judge.trimmed_t(draws, 0.0) == pytest.approx(judge.t_test(draws))


@pytest.mark.parametrize("test", ["t", "trimmed t", "signed ranks"])
def test_each_test_calls_one_like_pair_in_twenty(judge, draws, test):
    """2000 pairs: 5% has a standard error of 0.5 points; 3% to 7% is four of them."""
    assert 0.03 < judge.called("alarm", draws, test).mean() < 0.07


@pytest.mark.parametrize("test", ["trimmed t", "signed ranks"])
def test_a_heavy_tail_hides_less_from_the_robust_tests(judge, draws, test):
    slower = draws + 0.03
    assert judge.called("ten", slower, test).mean() > judge.called("ten", slower, "t").mean() + 0.05


def test_a_pair_has_as_many_blocks_as_its_time_pays_for(judge):
    rounds = {"same": np.full((10, 15), 0.02)}
    assert judge.blocks_in(60.5, rounds, 4, 0.2) == 100  # 2 x (0.2 s + 5 x 0.02 s)
    assert judge.blocks_in(60.5, rounds, 14, 0.2) == 60


def test_known_slowdowns_are_found_in_quiet_rounds_and_no_rate_is_given_from_too_few(judge):
    generator = np.random.default_rng(1)
    more = {"same": 1.0, "again": 1.0, "five": 1.05, "ten": 1.1}
    rounds = {name: 0.02 * factor * np.exp(generator.exponential(0.02, (400, 15))) for name, factor in more.items()}
    for location in judge.LOCATIONS:
        found = judge.rates(rounds, 0.2, 20, location, 5, "t")
        assert found["alarm"] < 0.08
        assert found["ten"] == 1
    assert judge.rates({name: one[:20] for name, one in rounds.items()}, 0.2, 60, "median", 5, "t") is None


def test_pairs_as_they_came_are_judged_by_compare(judge):
    """40 blocks in pairs of ten; of each launch the first rounds only, the rest are absurd."""
    generator = np.random.default_rng(2)
    more = {"same": 1.0, "again": 1.0, "five": 1.05, "ten": 1.1}
    rows = [
        {"variant": name, "block": block, "backend": "processes", "workers": 2, "start_method": "fork",
         "wall_s": 0.02 * factor * math.exp(generator.normal(0, 0.005)) * (1 if number < 3 else 10)}
        for block in range(40) for name, factor in more.items() for number in range(5)
    ]  # fmt: skip
    told = judge.counts(make_rounds(*rows), 10, "median", 3)
    assert told["five"] == told["ten"] == "4 of 4"
    assert told["alarm"] in ("0 of 4", "1 of 4")
    assert judge.counts(make_rounds(*rows), 2, "median", 3)["ten"] == "-"
