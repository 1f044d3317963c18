"""Does an A/B tell the truth? False alarms of the same code, slowdowns of known size: ``nox -s truth``.

A round of 20 ms, eight tasks in a pool of two. First the interleaved A/B of scalebench, all variants in the blocks of one
run; then pyperf's ``compare_to`` and pytest-benchmark's ``median:5%`` gate, which compare two runs, on equal time. What was
measured is kept in a folder: a second call adds what is missing and prints all of it again.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))  # for hosts

import collect
import judge
import rivals

from scalebench.analysis.statistics import LOCATION, QUANTILES

GOAL_S = 60.0
SHORT_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of a pair that is compared with the other tools (default 20)"
    )
    parser.add_argument("--pairs", type=int, default=10, help="of each of the other tools (default 10); 0 for none")
    parser.add_argument(
        "--collect", type=float, default=1200.0, help="seconds of interleaved measuring in all (default 1200); 0 for none"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of pairs and of the collected seconds")
    parser.add_argument("--rounds", type=int, default=5, help="of a launch, that are judged (default 5, at most 15)")
    parser.add_argument("--location", choices=list(QUANTILES), default=LOCATION, help="which round stands for a launch")
    parser.add_argument("--folder", type=Path, default=Path("results/truth"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    missing = asked.collect * asked.scale - collect.collected_s(asked.folder / "runs")
    if missing > 5:
        collect.collect(missing, asked.folder / "runs")
    file = asked.folder / "rivals.jsonl"
    rivals.measure(round(asked.pairs * asked.scale), asked.seconds, file)
    print_statistics(asked)
    print_counts(asked, rivals.read(file))


def print_statistics(asked: argparse.Namespace) -> None:
    """Every statistic on the same rounds, resampled."""
    counted, launch_s = collect.counted_rounds(asked.folder / "runs")
    rounds = collect.by_variant(counted)
    blocks, most = rounds["same"].shape
    print(f"\n{blocks} blocks; a launch costs {launch_s:.2f} s beside its rounds of {rounds['same'].mean() * 1e3:.1f} ms")
    print("resampled pairs, per cent: false alarms / 5% found / 10% found")
    times = (SHORT_S, asked.seconds, GOAL_S)
    print(f"{'test':14}{'location':10}{'rounds':>6}  " + "".join(f"{seconds:>13.0f} s" for seconds in times))
    table = []
    for test in judge.TESTS:
        for location in judge.LOCATIONS:
            for used in sorted({1, 3, 5, 8, most}):
                found = [judge.rates(rounds, launch_s, seconds, location, used, test) for seconds in times]
                cells = [
                    "-" if one is None else " / ".join(f"{100 * one[what]:3.0f}" for what in ("alarm", "five", "ten"))
                    for one in found
                ]
                print(f"{test:14}{location:10}{used:6}  " + "".join(f"{cell:>15}" for cell in cells), flush=True)
                table.append({"test": test, "location": location, "rounds": used, "rates": dict(zip(times, found, strict=True))})
    (asked.folder / "statistics.json").write_text(json.dumps({"blocks": blocks, "launch_s": launch_s, "table": table}, indent=1))


def print_counts(asked: argparse.Namespace, others: list[dict[str, object]]) -> None:
    """Pairs as they came, beside the other tools."""
    rounds, launch_s = collect.counted_rounds(asked.folder / "runs")
    print(f"\n{'':46}{'false alarms':>13}{'5% found':>11}{'10% found':>11}")
    for seconds in dict.fromkeys((SHORT_S, asked.seconds, GOAL_S)):
        for used in sorted({1, asked.rounds}):
            blocks = judge.blocks_in(seconds, collect.by_variant(rounds), used, launch_s)
            told = judge.counts(rounds, blocks, asked.location, used)
            name = f"scalebench, {asked.location} of {used} round{'s' if used > 1 else ''}"
            print(f"{seconds:4.0f} s a pair: {name:32}{told['alarm']:>13}{told['five']:>11}{told['ten']:>11}")
        for tool in (rivals.Pyperf.name, rivals.PytestBenchmark.name):
            mine = [one for one in others if one["tool"] == tool and one["seconds"] == seconds]
            if mine:
                alarms, found = (
                    sum(one["same code"] != "same" for one in mine),
                    sum(one["10% more work"] == "slower" for one in mine),
                )
                cells = f"{f'{alarms} of {len(mine)}':>13}{'-':>11}{f'{found} of {len(mine)}':>11}"
                print(f"{seconds:4.0f} s a pair: {tool:32}{cells}")


if __name__ == "__main__":
    main()
