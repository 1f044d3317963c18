"""Studies whose law is known: six worker counts, errors of 2%, of launches that were repeated or came in blocks."""

import numpy as np
import pandas as pd

from scalebench.analysis.laws.points import points
from scalebench.analysis.laws.registry import LAWS
from scalebench.analysis.laws.solve import solution
from scalebench.analysis.statistics import of_draws

COUNTS = np.array([1, 2, 4, 8, 16, 32])
#: law -> its factors, and the coefficients that these are
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


def covered(name, kind, repeats, errors, studies):
    """By coefficient: how many of the studies have an interval that holds the truth."""
    law, (factors, truth) = LAWS[name], TRUTHS[name]
    generator = np.random.default_rng(20260131)
    rates = law.rate(COUNTS / 1.0, np.array(factors))
    found = dict.fromkeys(truth, 0)
    for _ in range(studies):
        fitted = solution(law, points(study(generator, rates, errors, repeats, kind), "strong"))
        for coefficient, draws in law.coefficients(fitted.draws).items():
            low, high = of_draws(draws)
            mean = np.exp(0.02 * (-1 if errors is skewed else 0)) if coefficient == "rate" else 1.0
            found[coefficient] += bool(low <= truth[coefficient] * mean <= high)
    return found


def covered_of_throughputs(studies):
    """The same of throughputs measured once, over five decades of counts, with errors of 1%; and of how many these were taken for relative."""
    law, counts = LAWS["usl"], 10 ** np.arange(6)
    truth = {"contention": 1e-4, "coherency": 1e-10, "rate": 1e3}
    rates = 1e3 * counts / (1 + 1e-4 * (counts - 1) + 1e-10 * counts * (counts - 1.0))
    generator = np.random.default_rng(20260131)
    found, proportional = dict.fromkeys(truth, 0), 0
    for _ in range(studies):
        frame = pd.DataFrame({"workers": counts, "throughput": rates * np.exp(0.01 * generator.standard_normal(6))})
        fitted = solution(law, points(frame, "strong"))
        proportional += fitted.proportional
        for coefficient, draws in law.coefficients(fitted.draws).items():
            low, high = of_draws(draws)
            found[coefficient] += bool(low <= truth[coefficient] <= high)
    return found, proportional
