"""A case: its id names what was asked, on every machine; its label is for people."""

import multiprocessing
import pickle
from dataclasses import fields, replace

import pytest
from factories import make_case

from scalebench.case import Case
from scalebench.results.schema import ASKED

USUAL, UNUSUAL = multiprocessing.get_all_start_methods()[0], multiprocessing.get_all_start_methods()[-1]


def test_the_id_is_what_stored_results_have_and_must_not_change():
    """Written down from the first version: results of two versions are compared by it."""
    assert make_case().case_id == "d715bb73bb76daca"
    assert make_case(backend="processes", start_method="fork", workers=4).case_id == "015ed1357e0caec2"


@pytest.mark.parametrize("name", [one.name for one in fields(Case) if one.name != "launcher"])
def test_every_field_but_how_it_was_started_counts_in_the_id(name):
    case = make_case()
    other = {str: "other", int: 99, float: 0.75, type(None): "given"}[type(getattr(case, name))]
    changed = replace(case, **{name: other})
    assert changed.case_id != case.case_id
    assert changed != case


def test_equal_cases_have_equal_ids_before_and_after_a_copy():
    case = make_case(workers=3)
    assert case.case_id == pickle.loads(pickle.dumps(case)).case_id == replace(case).case_id
    assert len({case, replace(case)}) == 1


def test_what_was_asked_are_the_columns_of_a_row():
    assert list(make_case().asked()) == [one.name for one in ASKED]


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ({}, "crunch-serial-w1"),
        ({"backend": "processes", "start_method": USUAL, "workers": 4}, "crunch-processes-w4"),
        ({"backend": "processes", "start_method": UNUSUAL, "chunksize": 2}, f"crunch-processes-{UNUSUAL}-w1-c2"),
        ({"backend": "mpi-pool", "mpi_mode": "world"}, "crunch-mpi-pool-w1"),
        ({"backend": "mpi-pool", "mpi_mode": "spawn", "workers": 2}, "crunch-mpi-pool-spawn-w2"),
        ({"backend": "mpi", "distribution": "cyclic"}, "crunch-mpi-cyclic-w1"),
        ({"kind": "blas", "blas_threads": 2}, "blas-serial-w1-b2"),
        ({"backend": "threads", "binding": "cores", "workers": 2}, "crunch-threads-w2-bound-to-cores"),
        ({"kind": None, "workload": "mine.models:Ising.step"}, "step-serial-w1"),
        ({"kind": None, "workload": "mine:simulate"}, "simulate-serial-w1"),
    ],
)
def test_the_label_has_the_axes_that_are_not_as_usual(asked, label):
    assert make_case(**asked).label == label
