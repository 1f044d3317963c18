"""Many runs at a glance."""

import pandas as pd
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.overview import MOST_RUNS, overview_table
from scalebench.report.terminal import report_text


def many(runs):
    return make_result(pd.concat([make_rounds(*sweep_rows(), run_id=f"run-{number:02}", machine_id=f"machine-{number % 2}")
                                  for number in range(runs)], ignore_index=True))  # fmt: skip


def test_there_is_one_row_a_run_by_machine_with_its_best_case():
    table = overview_table(many(3))
    assert [row[0] for row in table.rows] == ["run-00", "run-02", "run-01"]
    assert table.sections == {0: "machine-0", 2: "machine-1"}
    assert table.rows[0][1:] == ["4", "0", "3", "2.00", "2 of processes, crunch"]


def test_a_run_in_which_nothing_ran_well_has_its_row():
    rounds = make_rounds({"run_id": "good"}, {"run_id": "bad", "status": "crashed"})
    (bad,) = [row for row in overview_table(make_result(rounds)).rows if row[0] == "bad"]
    assert bad == ["bad", "1", "1", "0", "-", ""]


def test_many_runs_are_told_in_one_table_and_few_in_all_of_theirs():
    assert report_text(many(MOST_RUNS)).count("strong scaling of crunch") == 2 * MOST_RUNS  # a table and an account each
    text = report_text(many(MOST_RUNS + 1))
    assert text.startswith(f"{MOST_RUNS + 1} runs\n")
    assert "strong scaling of crunch" not in text
