"""What is to be said of a run that did not come to its end: without it, half a run reads like a whole one."""

from scalebench.results.load import Result

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
    return told


def _how_far(result: Result, about: dict[str, object]) -> str:
    rounds = result.rounds[result.rounds["run_id"].eq(str(about.get("run_id"))).fillna(value=False)]
    launches = len(rounds[["case_id", "block"]].drop_duplicates())
    cases, study = about.get("cases"), about.get("study")
    blocks = study.get("blocks") if isinstance(study, dict) and study.get("precision") is None else None
    if isinstance(cases, int) and isinstance(blocks, int):
        return f", after {launches} of {cases * blocks} launches; what was measured until then is shown"
    return f", after {launches} launches; what was measured until then is shown"
