"""Where the efficiency went, as bars."""

import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.charts import charts


def of(rows):
    return [one for one in charts(make_result(make_rounds(*rows))) if one.section == "losses"]


def pieces(chart):
    (layer,) = [one for one in chart.spec["layer"] if "data" in one.get("name", "")]
    return layer["data"]["values"]


def test_what_stands_right_of_nought_less_what_stands_left_is_a_hundred():
    rows = sweep_rows((2, 4))
    for row in rows:  # the workers' tasks take less CPU time than the baseline's: a gain
        if "backend" in row:
            row |= {"cpu_s": row["cpu_s"] * 0.8}
    (chart,) = of(rows)
    for case in ("processes w2", "processes w4"):
        mine = [row for row in pieces(chart) if row["case"] == case]
        assert sum(row["to"] - row["from"] for row in mine) == pytest.approx(100, abs=0.3)
        (gain,) = [row for row in mine if row["points"] < 0]
        assert gain["part"] == "CPU cost"
        assert gain["to"] < 0 == gain["from"]
        assert max(row["to"] for row in mine) == pytest.approx(100 - gain["points"], abs=0.3)
    assert "Left of 0 are gains" in " ".join(chart.spec["title"]["subtitle"])


def test_the_table_holds_the_points_and_sums_to_a_hundred():
    (chart,) = of(sweep_rows((4,)))
    assert chart.table.head[:2] == ["case", "efficiency left"]
    (row,) = chart.table.rows
    assert sum(float(cell) for cell in row[1:] if cell != "-") == pytest.approx(100, abs=0.3)


def test_a_loss_has_the_same_colour_in_every_chart():
    rows = [
        *sweep_rows((4,)),
        *(row | {"suite": "other", "size": "7", "busy_max_s": row["wall_s"] / 2} for row in sweep_rows((4,))),
    ]
    found = {}
    for chart in of(rows):
        scale = next(one for one in chart.spec["layer"] if "color" in one["encoding"])["encoding"]["color"]["scale"]
        for part, colour in zip(scale["domain"], scale["range"], strict=True):
            assert found.setdefault(part, colour) == colour
    assert len(set(found.values())) == len(found)


def test_tasks_that_were_not_recorded_have_no_bars():
    assert of([row | {"busy_s": None, "busy_max_s": None} for row in sweep_rows()]) == []


def test_a_case_without_an_account_is_told_beside_those_that_have_one():
    rows = [row | ({"busy_s": None} if row.get("workers") == 4 else {}) for row in sweep_rows((2, 4))]
    (chart,) = of(rows)
    assert {row["case"] for row in pieces(chart)} == {"processes w2"}
    assert "processes w4: no account." in chart.alternative
