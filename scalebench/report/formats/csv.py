"""The scaling table with its account and verdicts, a row a case, for a spreadsheet. The rounds: ``scalebench export``."""

from scalebench.results.result import Result

SUFFIX = ".csv"
PRINTED = True


def render(result: Result) -> str:
    """A head and a row a case; null is empty."""
    from scalebench.analysis.efficiency import account
    from scalebench.report.efficiency import verdicts
    from scalebench.results.exchange import as_csv

    table = account(result.rounds)
    return as_csv(table.assign(verdict=verdicts(table)))
