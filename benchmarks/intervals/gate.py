"""What ``scalebench compare --fail-on slower:5%`` lets pass and what it stops, beside a stricter rule: one case whose change is known.

A block's ratio is one value; its logarithm is drawn with the spread that is given. The verdict is that of ``analysis.compare`` for a case
that is compared alone, the limit that of the gate itself. Prints results/reference/simulated-gate.md.

    python benchmarks/intervals/gate.py                   seconds
"""

import argparse

import numpy as np
import pandas as pd

from scalebench.analysis.compare import CANT_TELL, SLOWER, beyond, two_sided
from scalebench.analysis.statistics import CONFIDENCE, half_width

LIMIT = 0.05
CHANGES = (0.0, 0.03, 0.05, 0.07, 0.10)
#: interleaved blocks, and by how much a block's ratio varies
MEASURED = ((10, 0.05), (20, 0.07))
RULES = ("significant and, as measured, beyond 5%", "whole interval beyond 5%")


def drawn(change, blocks, spread, comparisons, generator):
    """Log ratios of shape (comparisons, blocks)."""
    return generator.normal(np.log1p(change), spread, (comparisons, blocks))


def fails(logs):
    """By comparison and rule, whether it fails: shape (rules, comparisons)."""
    comparisons, blocks = logs.shape
    mean, deviation = logs.mean(axis=1), logs.std(axis=1, ddof=1)
    p = two_sided(mean, deviation / np.sqrt(blocks), np.full(comparisons, blocks - 1.0))
    verdicts = np.where((p <= 1 - CONFIDENCE) & (mean > 0), SLOWER, CANT_TELL)
    gate = beyond(pd.DataFrame({"verdict": verdicts, "ratio": np.exp(mean)}), SLOWER, LIMIT)
    whole = mean - half_width(deviation, np.full(comparisons, blocks)) > np.log1p(LIMIT)
    return np.array([gate, whole])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--comparisons", type=int, default=200_000, help="of each line (default 200000)")
    comparisons = parser.parse_args().comparisons
    generator = np.random.default_rng(20260131)
    print("# What a gate of 5% stops\n")
    print(
        f"`python benchmarks/intervals/gate.py`: share of {comparisons:,} simulated comparisons of one case that fail, in %, by true change."
    )
    for blocks, spread in MEASURED:
        print(f"\n{blocks} interleaved blocks whose ratio varies by {spread:.0%} from block to block:\n")
        print("| true change | " + " | ".join(RULES) + " |\n|---:|---:|---:|")
        for change in CHANGES:
            shares = 100 * fails(drawn(change, blocks, spread, comparisons, generator)).mean(axis=1)
            print(f"| {change:.0%} | " + " | ".join(f"{one:.1f}" for one in shares) + " |")


if __name__ == "__main__":
    main()
