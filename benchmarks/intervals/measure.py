"""How often do intervals hold the truth? Candidates and stopping rules, on simulated machines whose truth is known.

Prints results/reference/simulated-intervals.md. The machines are those of the tests (tests/noise.py).

    python benchmarks/intervals/measure.py
    python benchmarks/intervals/measure.py --studies 500  a first look
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from scalebench.analysis.precision import IN_A_ROW, LEAST_JUDGED
from scalebench.analysis.statistics import half_width

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from noise import MACHINES, medians, quantities, running_intervals, stop_at, truths, walls

ROUNDS = 5
RESAMPLES = 999
MOST_BLOCKS = 100
#: wanted half-widths, in standard deviations between blocks: from hardly any blocks to many
WANTED = (1.5, 1.0, 0.7, 0.5, 0.35)


def t_of_logs(drawn, name, generator):
    """What the package does."""
    logs = np.log(quantities(medians(drawn))[name])
    half = half_width(logs.std(axis=-1, ddof=1), np.full(len(logs), logs.shape[-1]))
    return logs.mean(axis=-1) - half, logs.mean(axis=-1) + half


def resampled(drawn, name, generator, *, with_rounds):
    """Means of logarithms, shape (studies, resamples): whole blocks drawn for all cases together, then rounds of each launch."""
    studies, cases, blocks, rounds = drawn.shape
    picks = generator.integers(blocks, size=(RESAMPLES, blocks))
    ordered = np.sort(drawn, axis=-1)
    found = np.empty((studies, RESAMPLES))
    for index, pick in enumerate(picks):
        if with_rounds:  # the lower median of rounds drawn again is the one at the median of their positions
            at = np.sort(generator.integers(rounds, size=(studies, cases, blocks, rounds)), axis=-1)[..., (rounds - 1) // 2]
        else:
            at = np.full((studies, cases, blocks), (rounds - 1) // 2)
        launches = np.take_along_axis(ordered[:, :, pick], at[..., None], axis=-1)[..., 0]
        found[:, index] = np.log(quantities(launches)[name]).mean(axis=-1)
    return found


def percentile(drawn, name, generator):
    low, high = np.quantile(resampled(drawn, name, generator, with_rounds=True), [0.025, 0.975], axis=-1)
    return low, high


def bca(drawn, name, generator):
    """Bias-corrected and accelerated, over blocks then rounds. Efron 1987, doi:10.1080/01621459.1987.10478410."""
    means = np.sort(resampled(drawn, name, generator, with_rounds=True), axis=-1)
    logs = np.log(quantities(medians(drawn))[name])
    blocks = logs.shape[-1]
    below = (means < logs.mean(axis=-1, keepdims=True)).mean(axis=-1)
    bias = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    left_out = (logs.sum(axis=-1, keepdims=True) - logs) / (blocks - 1)
    from_mean = left_out.mean(axis=-1, keepdims=True) - left_out
    acceleration = (from_mean**3).sum(axis=-1) / (6 * np.maximum((from_mean**2).sum(axis=-1), 1e-300) ** 1.5)

    def end(share):
        shift = bias + ndtri(share)
        adjusted = ndtr(bias + shift / (1 - acceleration * shift))
        return np.take_along_axis(means, np.clip((adjusted * RESAMPLES).astype(int), 0, RESAMPLES - 1)[:, None], axis=-1)[:, 0]

    return end(0.025), end(0.975)


CANDIDATES: dict[str, Callable] = {"t of logarithms": t_of_logs, "percentile": percentile, "BCa": bca}


def coverage_of_candidates(studies):
    print("| machine | quantity | blocks | " + " | ".join(CANDIDATES) + " |")
    print("|---|---|---:|" + "---:|" * len(CANDIDATES))
    for name, machine in MACHINES.items():
        truth = truths(machine, ROUNDS)
        for quantity in truth:
            for blocks in (3, 5, 10):
                generator = np.random.default_rng(20260131)
                drawn = walls(machine, generator, studies, blocks, ROUNDS)
                cells = []
                for candidate in CANDIDATES.values():
                    low, high = candidate(drawn, quantity, generator)
                    cells.append(100 * np.mean((low <= np.log(truth[quantity])) & (np.log(truth[quantity]) <= high)))
                print(f"| {name} | `{quantity}` | {blocks} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |", flush=True)


def stein(spread, logs_wanted, *, pilot):
    """Two stages: the number of blocks from the spread of the first ``pilot``."""
    t = half_width(np.array([1.0]), np.array([pilot]))[0] * np.sqrt(pilot)
    return np.clip(np.ceil((t * spread[:, pilot - 1] / logs_wanted) ** 2), pilot, spread.shape[1]).astype(int)


def coverage_of_rules(studies):
    rules = {
        "first narrow, from 3": lambda narrow, *_: stop_at(narrow, least=3, in_a_row=1),
        "first narrow, from 5": lambda narrow, *_: stop_at(narrow, least=5, in_a_row=1),
        "Stein, pilot of 5": lambda _, spread, wanted: stein(spread, wanted, pilot=5),
        "Stein, pilot of 10": lambda _, spread, wanted: stein(spread, wanted, pilot=10),
        f"{IN_A_ROW} running, from {LEAST_JUDGED}": lambda narrow, *_: stop_at(narrow),
    }
    print("| machine | quantity | wanted | " + " | ".join(rules) + " |")
    print("|---|---|---:|" + "---:|" * len(rules))
    counts = np.arange(1, MOST_BLOCKS + 1)
    for name, machine in MACHINES.items():
        truth = truths(machine, ROUNDS)
        launches = medians(walls(machine, np.random.default_rng(20260131), studies, MOST_BLOCKS, ROUNDS))
        for quantity, values in quantities(launches).items():
            logs = np.log(values)
            mean, half = running_intervals(logs)
            spread = half / half_width(np.ones(MOST_BLOCKS), counts)
            covers = np.abs(mean - np.log(truth[quantity])) <= half
            for share in WANTED:
                wanted = share * logs.std()
                cells = []
                for rule in rules.values():
                    stop = rule(half <= wanted, spread, wanted)
                    cells.append(f"{100 * covers[np.arange(studies), stop - 1].mean():.1f} ({stop.mean():.0f})")
                print(f"| {name} | `{quantity}` | {np.sinh(wanted):.0%} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--studies", type=int, default=2000, help="simulated studies of each line of the first table (default 2000)"
    )
    studies = parser.parse_args().studies
    print("# How often do intervals hold the truth?\n")
    print("`python benchmarks/intervals/measure.py`: simulated studies of the machines of `tests/noise.py`.\n")
    print(f"Share of {studies:,} studies in which the 95% interval holds the truth, in %; standard error "
          f"{100 * np.sqrt(0.95 * 0.05 / studies):.1f}.\n")  # fmt: skip
    coverage_of_candidates(studies)
    print(f"\nThe same of {5 * studies:,} studies with a rule that stops them, and the mean number of blocks; standard error "
          f"{100 * np.sqrt(0.95 * 0.05 / studies / 5):.1f}. Wanted: half the interval's width.\n")  # fmt: skip
    coverage_of_rules(5 * studies)


if __name__ == "__main__":
    main()
