"""How often do the intervals of a law's coefficients hold the truth? On studies whose law is known (tests/known_laws.py).

python benchmarks/intervals/laws.py
python benchmarks/intervals/laws.py --studies 100     a first look
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from known_laws import TRUTHS, covered, covered_of_throughputs, normal, skewed

KINDS = {
    "times, once": ("single", 1, normal),
    "2 repeats": ("repeats", 2, normal),
    "3 repeats": ("repeats", 3, normal),
    "5 repeats": ("repeats", 5, normal),
    "5 repeats, errors as skewed as exponential": ("repeats", 5, skewed),
    "3 blocks": ("blocks", 3, normal),
    "5 blocks": ("blocks", 5, normal),
    "10 blocks": ("blocks", 10, normal),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=1000, help="of each cell (default 1000)")
    studies = parser.parse_args().studies
    print("# How often do intervals of a law's coefficients hold the truth?\n")
    print(f"`python benchmarks/intervals/laws.py`: share of {studies:,} studies of six counts in which the 95% interval holds it, in %; standard "
          f"error {100 * np.sqrt(0.95 * 0.05 / studies):.1f}. Errors of 2%, a block's mood of 4%.\n")  # fmt: skip
    columns = [f"{name}, {coefficient}" for name, (_, truth) in TRUTHS.items() for coefficient in truth]
    print("| measured | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
    for kind, how in KINDS.items():
        found = [100 * count / studies for name in TRUTHS for count in covered(name, *how, studies).values()]
        print(f"| {kind} | " + " | ".join(f"{one:.1f}" for one in found) + " |", flush=True)
    last = [100 * count / studies for count in covered_of_throughputs(studies)[0].values()]
    print(
        "| throughputs, once, over five decades, errors of 1% in proportion | "
        + " | ".join(f"{one:.1f}" for one in last)
        + " | | |"
    )


if __name__ == "__main__":
    main()
