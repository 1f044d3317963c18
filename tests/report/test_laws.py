"""Fitted laws as a student reads them."""

import numpy as np
import pandas as pd

from scalebench.analysis.laws.curves import Curve
from scalebench.analysis.laws.fit import fit
from scalebench.analysis.laws.predict import predict
from scalebench.report.laws import law_tables, prediction_table

COUNTS = np.array([1, 2, 4, 8, 16, 32])


def curve(walls, scaling="strong", **identity):
    table = pd.DataFrame({"workers": COUNTS[: len(walls)], "wall_s": walls})
    return Curve(identity=identity, scaling=scaling, table=table), fit(table, scaling)


def told(tables):
    return "\n".join(line for table in tables for line in (table.title, *table.notes))


def rates(contention, coherency):
    return COUNTS / (1 + contention * (COUNTS - 1) + coherency * COUNTS * (COUNTS - 1))


def test_coefficients_stand_under_their_law_with_the_peak_and_what_they_mean():
    fitted, points = law_tables(*curve(1 / rates(0.05, 0.002)), "times.csv")
    assert fitted.title == "times.csv: strong scaling"
    assert fitted.sections[0] == "Universal Scalability Law (preferred)"
    assert [row[0] for row in fitted.rows[:4]] == ["contention", "coherency", "rate", "peak"]
    assert fitted.rows[0][1] == "0.0500"
    assert fitted.rows[3][1] == "21.8"
    assert [row[0] for row in points.rows] == [str(count) for count in COUNTS]


def test_every_refusal_has_its_reason():
    text = told(law_tables(*curve(1 / rates(0.1, 0)), "times.csv"))
    assert "Gustafson's law: refused. It is a law of weak scaling" in text
    assert "Universal Scalability Law, no peak: coherency" in text
    assert "Amdahl's law: at most 10.0 times as fast as with 1 worker," in text


def test_of_few_counts_only_the_points_and_the_reasons_are_shown():
    (points,) = law_tables(*curve([8.0, 4.5, 3.0]), "times.csv")
    assert [row[2] for row in points.rows] == ["-", "0.1250", "0.1667"]
    assert "Universal Scalability Law, Amdahl's law: refused. 3 distinct counts (1, 2, 4); a law needs 4." in told([points])


def test_a_curve_of_a_run_is_named_by_what_was_asked():
    identity = {"backend": "processes", "start_method": "fork", "workload": "really_hard_task", "kind": "crunch", "size": "50000",
                "chunksize": 4, "blas_threads": None, "tasks": 24}  # fmt: skip
    tables = law_tables(*curve([8.0, 4.5, 3.0], **identity), "run")
    assert tables[0].title == "processes fork: strong scaling of crunch 50000, chunksize 4, tasks 24"


def test_a_prediction_says_by_which_law_and_how_far_it_is():
    shape, found = curve(1 / rates(0.05, 0.002))
    table = prediction_table(shape, found, predict(found, [16, 64]), "times.csv")
    assert [row[-1] for row in table.rows] == ["within the data", "2 times"]
    assert "By Universal Scalability Law, from 6 counts, 1 to 32." in table.notes[0]
