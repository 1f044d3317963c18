"""The scaling table with its account and verdicts as rows, with what is known about the run."""

from scalebench.results.result import Result
from scalebench.results.shapes import analysis

SUFFIX = ".json"
PRINTED = True


def render(result: Result) -> str:
    """One object; absent figures are null."""
    return as_json(result) + "\n"


def as_json(result: Result) -> str:
    """The same without the end of the line."""
    from scalebench.analysis.efficiency import account
    from scalebench.analysis.granularity import granularity
    from scalebench.report.efficiency import verdicts

    scaling = account(result.rounds)
    told = scaling.assign(verdict=verdicts(scaling))
    return analysis("report", result.path, about=result.about, scaling=told, granularity=granularity(result.rounds))
