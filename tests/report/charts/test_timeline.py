"""One round of any case."""

import json

import pandas as pd
import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.charts import charts, timeline
from scalebench.results.result import Result
from scalebench.results.schema import TASKS, to_frame


def of(rounds, tasks=None):
    result = make_result(rounds)
    result = result if tasks is None else Result(rounds, tasks, result.about, result.path)
    return [one for one in charts(result) if one.section == "timeline"]


def layers(chart):
    bars, end, name = chart.spec["layer"]
    return bars["data"]["values"], end["data"]["values"], name


def many_tasks(rounds, count, workers=2):
    keys = ["run_id", "case_id", "block", "attempt", "round"]
    rows = [
        {
            **one,
            "task": task,
            "worker": task % workers,
            "node": 0,
            "start_s": task / 10,
            "stop_s": (task + 0.5) / 10,
            "cpu_s": 0.01,
        }
        for one in rounds[keys].to_dict("records")
        for task in range(count)
    ]
    return to_frame(pd.DataFrame(rows), TASKS)


def test_the_round_shown_is_of_the_launch_with_the_median_time():
    rounds = make_rounds(*sweep_rows((2,)))  # the mood of block 1 is in the middle
    tasks = many_tasks(rounds, 4)
    tasks.loc[tasks["block"] == 1, "stop_s"] += 0.25
    (chart,) = of(rounds, tasks)
    bars, ends, _ = layers(chart)
    assert {round(bar["e"] - bar["s"]) for bar in bars} == {300}
    median = rounds[rounds["block"].eq(1) & rounds["backend"].eq("processes")]["wall_s"].iloc[0]
    assert ends[1]["end"] == pytest.approx(median * 1e3, rel=1e-3)


def test_every_case_can_be_picked_by_its_name():
    (chart,) = of(make_rounds(*sweep_rows()))
    (picked,) = chart.spec["params"]
    assert picked["bind"]["input"] == "select"
    assert picked["bind"]["labels"] == ["strong: crunch 50000, serial w1"] + [
        f"strong: crunch 50000, processes w{count}" for count in (1, 2, 4)
    ]
    assert picked["value"] == 3
    assert {bar["c"] for bar in layers(chart)[0]} == set(picked["bind"]["options"])
    assert set(chart.table.sections.values()) == set(picked["bind"]["labels"])


def test_very_many_tasks_are_joined_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(timeline, "MOST_BARS", 200)
    rounds = make_rounds(*sweep_rows((2,)))
    (chart,) = of(rounds, many_tasks(rounds, 1000))
    bars, _, _ = layers(chart)
    assert len(bars) <= 210
    for case in (0, 1):
        assert sum(bar["n"] for bar in bars if bar["c"] == case) == 1000
    assert "a bar holds several" in " ".join(chart.spec["title"]["subtitle"])
    assert [row[1] for row in chart.table.rows] == ["500"] * 4


def test_a_bar_of_few_tasks_is_one_task():
    rounds = make_rounds(*sweep_rows((2,)))
    assert not any("n" in bar for bar in layers(of(rounds, many_tasks(rounds, 50))[0])[0])


def test_without_cpu_times_bars_are_grey_and_no_share_is_told():
    rounds = make_rounds(*sweep_rows((2,)))
    (chart,) = of(rounds, many_tasks(rounds, 4).assign(cpu_s=float("nan")))
    assert chart.spec["layer"][0]["encoding"]["color"] == {"value": "#808080"}
    assert '"u"' not in json.dumps(layers(chart)[0])


def test_a_run_without_recorded_tasks_has_no_time_line():
    rounds = make_rounds(*sweep_rows())
    assert of(rounds, to_frame(None, TASKS)) == []
