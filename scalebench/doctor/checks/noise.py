"""The noise floor: the same code against itself for ten seconds, as a run of two variants, and the smallest change that shows.

Launched by scalebench's own launcher, interleaved in blocks and compared block by block, as ``scalebench compare`` does: what
it says here holds for a run of the same length.
"""

import math
import tempfile
from typing import Any

from scalebench import machine
from scalebench.doctor.base import Diagnosis, System, percent
from scalebench.doctor.trial import cause
from scalebench.errors import ResultsError
from scalebench.findings import TooFewBlocks

TITLE = "noise floor"
SLOW = True
_SECONDS = 10.0
_TASKS = 4  #: a worker, 5 ms each on a machine of our days
_ROUNDS = 5  #: a launch: more launches tell more than more rounds
_MOST_BLOCKS = 1000  #: the time ends it
_GOOD, _FAIR = 0.05, 0.10  #: smallest changes that show


def check(system: System) -> Diagnosis:
    """Ten seconds of A against A."""
    from scalebench.analysis.comparison import comparison
    from scalebench.forecast import forecast
    from scalebench.results.load import load
    from scalebench.runner import Runner
    from scalebench.study import Study

    workers = machine.cpu_budget()
    study = Study(
        name="doctor", kind="crunch", tasks=_TASKS * workers, backend="processes", workers=workers, rounds=_ROUNDS, blocks=_MOST_BLOCKS,
        budget=_SECONDS, variants={"A": {}, "same": {}}, baselines=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="scalebench-") as folder:
        runner = Runner(study, forecast(study), folder)
        try:
            runner.run(lambda *_: None)
        finally:
            where = runner.finish()
        result = load(where)
    try:
        (found,) = comparison([("A/A", result)]).found.to_dict("records")
    except ResultsError:
        bad = result.rounds["message"].dropna()
        why = cause(str(bad.iloc[0])) if len(bad) else "no launch ended in time"
        return Diagnosis(status="broken", text=f"no round of a process pool ran well: {why}", advice="See the check of backends")
    return judge({str(key): value for key, value in found.items()}, [str(one["code"]) for one in result.findings], workers)


def judge(found: dict[str, Any], doubts: list[str], workers: int) -> Diagnosis:
    """Of the one row of the comparison, and the codes of the run's findings."""
    pairs, change = int(found["side_count"]), float(found["detectable"]) - 1
    known = pairs >= TooFewBlocks.LEAST and math.isfinite(change)
    figures = {
        "workers": workers, "pairs": pairs, "wall_s": found["baseline_s"], "ratio": found["ratio"], "ratio_low": found["ratio_low"],
        "ratio_high": found["ratio_high"], "verdict": found["verdict"], "smallest_change": change if known else None, "findings": doubts,
    }  # fmt: skip
    what = f"{pairs} pairs of launches in {_SECONDS:g} s, {workers} workers"
    if not known:
        return Diagnosis(
            status="warning", text=f"{what}: too few to tell", figures=figures,
            advice="A round of 20 ms should not take so long: what else runs here?",
        )  # fmt: skip
    needed = math.ceil(pairs * (math.log1p(change) / math.log1p(_GOOD)) ** 2)
    text = (f"{what}: the same code differs by {100 * (found['ratio'] - 1):+.1f}% [{100 * (found['ratio_low'] - 1):+.1f},"
            f"{100 * (found['ratio_high'] - 1):+.1f}]; the smallest slowdown that so much shows is {percent(change)}")  # fmt: skip
    if found["verdict"] in ("slower", "faster"):
        text += "; it was called different, as one in twenty is by chance"
    figures["blocks_for_5_percent"] = max(needed, TooFewBlocks.LEAST)
    if change <= _GOOD:
        return Diagnosis(status="ok", text=text, figures=figures)
    return Diagnosis(
        status="note" if change <= _FAIR else "warning", text=text, figures=figures,
        advice=f"To see 5% of such rounds: about --blocks {figures['blocks_for_5_percent']}" + (f"; findings {', '.join(doubts)}" if doubts else ""),
    )  # fmt: skip
