"""The scaling table with its account and verdicts as rows, with what is known about the run."""

import json

from scalebench.results.load import Result

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
    rows = {"scaling": scaling.assign(verdict=verdicts(scaling)), "granularity": granularity(result.rounds)}
    plain = {name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in rows.items()}
    return json.dumps({"about": result.about, "path": str(result.path), **plain}, default=str)
