"""What is to be said of a run that did not come to its end, or not to all of its blocks: else half a run reads like a whole one."""

from typing import Any

import pandas as pd

from scalebench.errors import count
from scalebench.results.result import Result

_ENDS = {
    "interrupted": "interrupted",
    "running": "unfinished: it is being measured still, or was killed",
}


def unfinished(result: Result) -> list[str]:
    """One sentence for each such run."""
    told = []
    for about in result.runs:
        status = about.get("status")
        if status in _ENDS:
            told.append(f"Run {about.get('run_id')} is {_ENDS[str(status)]}{_how_far(result, about)}.")
        elif about.get("ended_by") == "budget" and (blocks := _blocks(about)) is not None:
            done = _rounds(result, about)["block"].nunique()
            if done < blocks:
                told.append(f"Run {about.get('run_id')} was ended by its budget, after {done} of {count(blocks, 'block')}.")
    return told


def _how_far(result: Result, about: dict[str, object]) -> str:
    launches = len(_rounds(result, about)[["case_id", "block"]].drop_duplicates())
    cases, blocks = about.get("cases"), _blocks(about)
    if isinstance(cases, int) and blocks is not None:
        return f", after {launches} of {count(cases * blocks, 'launch')}; what was measured until then is shown"
    return f", after {count(launches, 'launch')}; what was measured until then is shown"


def _rounds(result: Result, about: dict[str, object]) -> pd.DataFrame:
    return result.rounds[result.rounds["run_id"].eq(str(about.get("run_id"))).fillna(value=False)]


def _blocks(about: dict[str, Any]) -> int | None:
    """How many the study asks for, where it says."""
    study = about.get("study", {})
    blocks = study.get("blocks") if study.get("precision") is None else None
    return blocks if isinstance(blocks, int) else None
