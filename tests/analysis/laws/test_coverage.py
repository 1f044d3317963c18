"""What the 95% intervals of coefficients cover, by simulation of studies of known truth.

Found with 500 studies a setting (a deviation of 1 point), six counts, 2% of noise, in percent; the smallest and the largest
of the coefficients:

    =============================================  =====  ======
    errors                                         usl    amdahl
    =============================================  =====  ======
    times, once                                    94-95  95-96
    times, once, seven times the noise at the end  89-99  92-100
    2 repeats                                      94-95  92-94
    3 repeats                                      95-96  94-95
    5 repeats                                      95-96  93-94
    5 repeats, exponential noise                   92-96  90-91
    5 repeats, seven times the noise at the end    92-100 92-99
    3 blocks                                       95-97  95-96
    5 blocks                                       93-96  95
    throughputs, once, of relative errors          77-96  -
    =============================================  =====  ======

So the last kind is told of where it is fitted: without repeats all throughputs are taken to be equally exact, as published
fits of them do, and errors that grow with the throughput make intervals too short.
"""

import numpy as np
import pandas as pd
import pytest

from scalebench.analysis.laws.points import points
from scalebench.analysis.laws.registry import LAWS
from scalebench.analysis.laws.solve import solution
from scalebench.analysis.statistics import of_draws

pytestmark = pytest.mark.long
STUDIES = 200
COUNTS = np.array([1, 2, 4, 8, 16, 32])
TRUTHS = {
    "usl": ([0.95, 0.05, 0.001], {"contention": 0.05, "coherency": 0.001, "rate": 1.0}),
    "amdahl": ([0.9, 0.1], {"serial_fraction": 0.1, "rate": 1.0}),
}


def normal(generator, repeats):
    return generator.standard_normal((repeats, len(COUNTS)))


def skewed(generator, repeats):
    """A neighbour only ever slows a round: heavy on the slow side, of deviation 1."""
    return -generator.standard_exponential((repeats, len(COUNTS)))


def study(generator, rates, errors, repeats, kind):
    logs = 0.02 * errors(generator, repeats)
    if kind == "blocks":
        logs = logs + 0.04 * generator.standard_normal((repeats, 1))
    frame = pd.DataFrame({"workers": np.tile(COUNTS, repeats), "wall_s": np.exp(-logs).ravel() / np.tile(rates, repeats)})
    return frame.assign(block=np.repeat(np.arange(repeats), len(COUNTS))) if kind == "blocks" else frame


@pytest.mark.parametrize(
    ("kind", "repeats", "errors"),
    [("single", 1, normal), ("repeats", 3, normal), ("repeats", 5, skewed), ("blocks", 5, normal)],
)
@pytest.mark.parametrize("name", TRUTHS)
def test_intervals_cover_the_truth_about_as_often_as_they_say(name, kind, repeats, errors):
    """200 studies: a share of 95% has a deviation of 1.5 points; found must be 89 to 99%.

    With another seed a true coverage of 94% fails this in 0.4% of cases, one of 85% passes in 6%.
    """
    law, (factors, truth) = LAWS[name], TRUTHS[name]
    generator = np.random.default_rng(20260131)
    rates = law.rate(COUNTS / 1.0, np.array(factors))
    covered = dict.fromkeys(truth, 0)
    for _ in range(STUDIES):
        found = solution(law, points(study(generator, rates, errors, repeats, kind), "strong"))
        for coefficient, draws in law.coefficients(found.draws).items():
            low, high = of_draws(draws)
            mean = np.exp(0.02 * (-1 if errors is skewed else 0)) if coefficient == "rate" else 1.0
            covered[coefficient] += bool(low <= truth[coefficient] * mean <= high)
    assert all(0.89 * STUDIES <= count <= 0.99 * STUDIES for count in covered.values()), covered


def test_throughputs_measured_once_with_errors_in_proportion_have_intervals_of_such_errors():
    """Counts over five decades: with equal errors for all, intervals would hold the truth in one study of ten."""
    law, counts = LAWS["usl"], 10 ** np.arange(6)
    truth = {"contention": 1e-4, "coherency": 1e-10, "rate": 1e3}
    rates = 1e3 * counts / (1 + 1e-4 * (counts - 1) + 1e-10 * counts * (counts - 1.0))
    generator = np.random.default_rng(20260131)
    covered, seen = dict.fromkeys(truth, 0), 0
    for _ in range(100):
        frame = pd.DataFrame({"workers": counts, "throughput": rates * np.exp(0.01 * generator.standard_normal(6))})
        found = solution(law, points(frame, "strong"))
        seen += found.proportional
        for coefficient, draws in law.coefficients(found.draws).items():
            low, high = of_draws(draws)
            covered[coefficient] += bool(low <= truth[coefficient] <= high)
    assert seen >= 75
    assert all(count >= 60 for count in covered.values()), covered
