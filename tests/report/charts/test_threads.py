"""Workers x BLAS threads."""

from factories import make_result, make_rounds, sweep_rows

from scalebench.report.charts import charts


def of(rows):
    return [one for one in charts(make_result(make_rounds(*rows))) if one.section == "threads"]


def rows_of(*threads, **more):
    common = {"kind": "blas", "size": "400x4"} | more
    return [row | common | {"blas_threads": one, "oversubscribed": row.get("workers", 1) * one > 2}
            for one in threads for row in sweep_rows((1, 2))]  # fmt: skip


def cells(chart):
    (layer,) = [one for one in chart.spec["layer"] if "data" in one.get("name", "")]
    return {(row["workers"], row["blas_threads"]): row for row in layer["data"]["values"]}


def test_a_cell_is_a_case_and_serial_has_a_column():
    (chart,) = of(rows_of(1, 2))
    assert set(cells(chart)) == {(workers, threads) for workers in ("serial", "1", "2") for threads in ("1", "2")}
    assert cells(chart)["2", "1"]["told"] == "2.00x"
    assert cells(chart)["2", "1"]["wall"].endswith("ms")


def test_only_oversubscribed_cells_are_framed():
    (chart,) = of(rows_of(1, 2))
    (frame,) = [one for one in chart.spec["layer"] if one["mark"].get("filled") is False]
    assert [(row["workers"], row["blas_threads"]) for row in frame["data"]["values"]] == [("2", "2")]
    assert "2 workers, 2 BLAS threads" in chart.alternative
    assert chart.alternative.count("oversubscribed") == 1


def test_one_count_of_threads_makes_no_grid():
    assert of(rows_of(1)) == []


def test_without_a_baseline_the_colour_is_the_wall_time():
    (chart,) = of([row for row in rows_of(1, 2) if "backend" in row])
    assert "Colour: wall time" in " ".join(chart.spec["title"]["subtitle"])
    assert {row["told"] for row in cells(chart).values()} == {"", " o"}
