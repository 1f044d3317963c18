"""The other two tools on the same round: two runs of the same code, then one of code with 10% more work, again and again.

Each run may take half of a pair's time. What was measured for the same time a pair is kept in a file and counted.
"""

import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import truth_work

HERE = Path(__file__).parent
PYPERF_PROCESS_S = 0.85  # of a process of pyperf: start, calibrated loops, three values
PYTEST_START_S = 2.0  # start, calibration, compare, save


def _environment(more: float) -> dict[str, str]:
    path = [str(HERE / "others"), os.environ["PYTHONPATH"]]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "TRUTH_TURNS": str(round(truth_work.TURNS * (1 + more)))}


class Pyperf:
    """``pyperf compare_to``: two-sided; ``slower`` or ``faster`` where it is called significant."""

    name = "pyperf compare_to"

    def __init__(self, seconds: float, folder: Path) -> None:
        self._processes = max(2, round(seconds / 2 / PYPERF_PROCESS_S))
        self._folder = folder
        self._runs = 0

    def run(self, more: float, before: Path | None) -> tuple[Path, str]:
        self._runs += 1
        file = self._folder / f"pyperf-{self._runs}.json"
        command = [sys.executable, str(HERE / "others" / "for_pyperf.py"), "-o", str(file), "--quiet", "--processes", str(self._processes),
                   "--inherit-environ", "PYTHONPATH,TRUTH_TURNS"]  # fmt: skip
        subprocess.run(command, env=_environment(more), check=True, capture_output=True)
        if before is None:
            return file, "same"
        told = subprocess.run(
            [sys.executable, "-m", "pyperf", "compare_to", str(before), str(file)], check=True, capture_output=True, text=True
        ).stdout
        found = re.search(r"\b(slower|faster)\b", told)
        if found is None and "not significant" not in told:
            raise RuntimeError(f"pyperf compare_to said neither:\n{told}")
        return file, found[1] if found else "same"


class PytestBenchmark:
    """``--benchmark-compare-fail=median:5%``: one-sided; ``slower`` where the gate fails."""

    name = "pytest-benchmark median:5%"

    def __init__(self, seconds: float, folder: Path) -> None:
        self._max_time = max(0.5, seconds / 2 - PYTEST_START_S)
        self._folder = folder
        (folder / "pytest.ini").write_text("[pytest]\n")

    def run(self, more: float, before: Path | None) -> tuple[Path, str]:
        storage = self._folder / "benchmarks"
        command = [sys.executable, "-m", "pytest", str(HERE / "others" / "for_pytest.py"), "-c", str(self._folder / "pytest.ini"), "-q",
                   "-p", "no:cacheprovider", f"--benchmark-storage=file://{storage}", "--benchmark-save=round",
                   f"--benchmark-max-time={self._max_time}"]  # fmt: skip
        if before is not None:
            command += [f"--benchmark-compare={before.name[:4]}", "--benchmark-compare-fail=median:5%"]
        told = subprocess.run(command, env=_environment(more), capture_output=True, text=True, check=False)
        words = told.stdout + told.stderr
        regressed = "Performance has regressed" in words
        if (told.returncode != 0) != regressed or not (regressed or "1 passed" in words):
            raise RuntimeError(f"pytest ended with {told.returncode}:\n{words}")
        return max(storage.glob("*/*_round.json")), "slower" if regressed else "same"


def measure(pairs: int, seconds: float, file: Path) -> None:
    """Bring the file to so many pairs of each tool, printing each as it comes."""
    for tool in (Pyperf, PytestBenchmark):
        have = sum(one["tool"] == tool.name and math.isclose(one["seconds"], seconds) for one in read(file))
        folder = file.parent / f"{tool.__name__}-{time.time_ns()}"
        folder.mkdir(parents=True)
        one = tool(seconds, folder)
        for number in range(have, pairs):
            started = time.monotonic()
            first, _ = one.run(0.0, None)
            again, alarm = one.run(0.0, first)
            _, found = one.run(0.10, again)
            lasted = (time.monotonic() - started) / 1.5
            told = {"tool": tool.name, "seconds": seconds, "lasted": lasted, "same code": alarm, "10% more work": found}
            with file.open("a") as lines:
                lines.write(json.dumps(told) + "\n")
            print(
                f"{tool.name}, pair {number + 1} of {pairs}, {lasted:.0f} s: same code {alarm}, 10% more work {found}", flush=True
            )


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
