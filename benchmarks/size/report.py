"""Does ``scalebench report`` stay quick with a fleet's worth of runs? Seconds and peak memory, limits, growth: ``nox -s size``.

Each figure is a whole command in a process of its own, imports included, on generated data (``data.py``): 10, 100 and
1,000 runs; the last is 10^5 rounds and 10^7 task rows. CPU seconds stand beside them, for a machine that others use too.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from data import ROUNDS_OF_A_RUN, TASKS_OF_A_RUN, write_runs

LIMIT_S, LIMIT_GIB, LIMIT_RUNS = 10.0, 1.5, 1000
FORMATS = ("terminal", "markdown", "json")


def measure(arguments: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and GiB (peak resident) of ``scalebench ARGUMENTS``, output thrown away."""
    command = [sys.executable, "-m", "scalebench", *arguments]
    begin = time.perf_counter()
    null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=[null])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return (
        time.perf_counter() - begin,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**30,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="10,100,1000", help="how many runs, several by commas")
    parser.add_argument("--keep", metavar="DIR", help="where to make the data sets, and keep them")
    asked = parser.parse_args()
    print("runs   rounds  task rows  format        s  CPU s    GiB")
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for runs in map(int, asked.runs.split(",")):
            folder = Path(asked.keep or scratch) / str(runs)
            if not folder.exists():
                write_runs(folder, runs)
            for form in FORMATS:
                seconds, cpu_s, gib = measure(["report", str(folder), "--format", form])
                over = runs <= LIMIT_RUNS and (seconds > LIMIT_S or gib > LIMIT_GIB)
                missed += over
                print(f"{runs:4} {runs * ROUNDS_OF_A_RUN:8} {runs * TASKS_OF_A_RUN:10}  {form:8} {seconds:6.1f} {cpu_s:6.1f} {gib:6.2f}"
                      f"  {'MISSED' if over else 'met'}", flush=True)  # fmt: skip
    print(f"limits: {LIMIT_S:g} s, {LIMIT_GIB:g} GiB at up to {LIMIT_RUNS} runs")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
