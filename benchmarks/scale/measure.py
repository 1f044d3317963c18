"""Does the simulation say what is measured? ``nox -s honest``: dispatch to up to 256 workers, and each interface predicted from half of them.

Measures ``many-workers.toml`` beside this file, or with ``--study`` another one there, each of which says what it is of; then predicts, for
each interface and suite, a round and a launch at twice the largest count that the prediction has seen.
``--run RUN`` takes a run that was measured; ``--workers`` and ``--backend`` for a first look.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from scalebench.analysis.simulation.holdout import held_out
from scalebench.report.simulation import check_table
from scalebench.report.terminal import print_anywhere
from scalebench.results.load import latest_run, load

STUDIES = sorted(file.stem for file in Path(__file__).parent.glob("*.toml"))
CHECKS = ((32, 64), (64, 128), (128, 256))  #: the counts up to the first give the prediction at the second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="a run that was measured, instead of measuring one")
    parser.add_argument("--study", choices=STUDIES, default="many-workers")
    for flag in ("workers", "backend", "blocks", "results"):
        parser.add_argument(f"--{flag}")
    asked = parser.parse_args()
    if asked.run is None:
        changes = [word for flag in ("workers", "backend", "blocks", "results") if (value := getattr(asked, flag)) for word in (f"--{flag}", value)]  # fmt: skip
        study = Path(__file__).with_name(f"{asked.study}.toml")
        told = subprocess.run([sys.executable, "-m", "scalebench", "run", str(study), "--yes", *changes], check=False)
        if told.returncode not in (0, 3):  # 3: some cases failed, which the check leaves out
            sys.exit(told.returncode)
    where = asked.run or latest_run(asked.results or "results")
    result = load(where)
    checks = [held_out(result.rounds, result.tasks, up_to=up_to, at=at) for up_to, at in CHECKS]
    print_anywhere([check_table(one) for one in checks if not one.empty], end=(where, "docs/simulation.md"))


if __name__ == "__main__":
    main()
