"""Does an A/B tell the truth? False alarms of the same code, slowdowns of known size: ``nox -s truth``.

A round of 20 ms, eight tasks in a pool of two. First the interleaved A/B of scalebench, all variants in the blocks of one
run; then pyperf's ``compare_to`` and pytest-benchmark's ``median:5%`` gate, which compare two runs, on equal time. What was
measured is kept in a folder: a second call adds what is missing and tells all of it again, on the screen and in ``truth.md``
there. results/reference/ has that text, the run and the answers of the other tools, of one machine.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import collect
import judge
import pandas as pd
import rivals

import scalebench
from scalebench import machine
from scalebench.analysis.statistics import LOCATION, QUANTILES
from scalebench.results.load import find_runs

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
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))  # for hosts
    asked.folder.mkdir(parents=True, exist_ok=True)
    missing = asked.collect * asked.scale - collect.collected_s(asked.folder / "runs")
    if missing > 5:
        collect.collect(missing, asked.folder / "runs")
    file = asked.folder / "rivals.jsonl"
    rivals.measure(round(asked.pairs * asked.scale), asked.seconds, file)
    rounds, launch_s = collect.counted_rounds(find_runs(asked.folder / "runs"))
    lines = [
        "# Does an A/B tell the truth?\n",
        f"`nox -s truth`, {machine.fingerprint()['machine_id']}, scalebench {scalebench.__version__}.\n",
        *statistics(rounds, launch_s, asked.seconds),
        "",
        *counts(rounds, launch_s, asked, rivals.read(file)),
    ]
    print("\n".join(lines))
    (asked.folder / "truth.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def statistics(counted: pd.DataFrame, launch_s: float, middle_s: float, tests: Iterable[str] = judge.TESTS) -> Iterator[str]:
    """Every statistic on the same rounds, resampled."""
    rounds = collect.by_variant(counted)
    blocks, most = rounds["same"].shape
    yield f"{blocks} blocks; a launch costs {launch_s:.2f} s beside its rounds of {rounds['same'].mean() * 1e3:.1f} ms.\n"
    yield "Resampled pairs, in %: false alarms / 5% found / 10% found, by time of a pair:\n"
    times = (SHORT_S, middle_s, GOAL_S)
    yield "| test | location | rounds |" + "".join(f" {seconds:.0f} s |" for seconds in times)
    yield "|---|---|---:|" + "---:|" * len(times)
    for test in tests:
        for location in judge.LOCATIONS:
            for used in sorted({1, 3, 5, 8, most}):
                found = [judge.rates(rounds, launch_s, seconds, location, used, test) for seconds in times]
                cells = [
                    "" if one is None else " / ".join(f"{100 * one[what]:.0f}" for what in ("alarm", "five", "ten"))
                    for one in found
                ]
                yield f"| {test} | {location} | {used} |" + "".join(f" {cell} |" for cell in cells)


def counts(rounds: pd.DataFrame, launch_s: float, asked: argparse.Namespace, others: list[dict[str, object]]) -> Iterator[str]:
    """Pairs as they came, beside the other tools."""
    yield "Pairs as they came:\n"
    yield "| | time of a pair | false alarms | 5% found | 10% found |"
    yield "|---|---:|---:|---:|---:|"
    for seconds in dict.fromkeys((SHORT_S, asked.seconds, GOAL_S)):
        for used in sorted({1, asked.rounds}):
            blocks = judge.blocks_in(seconds, collect.by_variant(rounds), used, launch_s)
            told = judge.counts(rounds, blocks, asked.location, used)
            name = f"scalebench, {asked.location} of {used} round{'s' if used > 1 else ''}"
            yield f"| {name} | {seconds:.0f} s | {told['alarm']} | {told['five']} | {told['ten']} |"
        for tool in (rivals.Pyperf.name, rivals.PytestBenchmark.name):
            mine = [one for one in others if one["tool"] == tool and one["seconds"] == seconds]
            if mine:
                alarms = sum(one["same code"] != "same" for one in mine)
                found = sum(one["10% more work"] == "slower" for one in mine)
                lasted = [one["lasted"] for one in mine]
                time_of_pair = f"{seconds:.0f} s ({min(lasted):.0f} to {max(lasted):.0f})"
                yield f"| {tool} | {time_of_pair} | {alarms} of {len(mine)} | | {found} of {len(mine)} |"


if __name__ == "__main__":
    main()
