"""What a study multiplies out to: cases without duplicates, the baselines that it forgot, and what a host is given."""

import functools
import io
import pickle
import threading
from dataclasses import replace

import pytest
import tasks
from factories import make_case
from hypothesis import given
from hypothesis import strategies as st

from scalebench import machine
from scalebench.backends.base import OWN_AXES
from scalebench.backends.registry import get_backend, references
from scalebench.errors import StudyError
from scalebench.host import protocol
from scalebench.host.worker import Job, resolve
from scalebench.study import Study
from scalebench.study_file import profile
from scalebench.sweep import baselines, expand, job_and_items, shuffled


@functools.lru_cache
def triple(item):
    return 3 * item


class Scales:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, item):
        return self.factor * item

    def method(self, item):
        return self.factor * item


def cases(**study):
    return [entry.case for entry in expand(Study(**{"workers": 1, "backend": "serial", **study})).entries]


def asked(*names, **study):
    return [tuple(getattr(case, name) for name in names) for case in cases(**study)]


class TestCases:
    def test_are_the_product_of_the_axes_in_the_order_of_the_study(self):
        found = cases(kind="sleep,crunch", tasks=[4, 2], backend="threads", workers=[1, 2])
        assert [(case.kind, case.tasks, case.workers) for case in found if case.backend == "threads"] == [
            (kind, count, workers) for kind in ("sleep", "crunch") for count in (4, 2) for workers in (1, 2)
        ]

    def test_of_all_backends_have_each_registered_one_once(self):
        found = [case.backend for case in cases(backend="serial,all")]
        assert list(dict.fromkeys(found)) == list(references())
        assert len(found) == len(cases(backend="all"))

    def test_lack_the_axes_that_their_backend_lacks(self):
        everything = {
            "start_method": "fork,spawn",
            "mpi_mode": "world,spawn",
            "distribution": "block,cyclic",
            "chunksize": [1, 2],
        }
        for case in cases(backend="all", workers=2, **everything):
            own = get_backend(case.backend).axes
            assert {axis: getattr(case, axis) is not None for axis in everything} == {axis: axis in own for axis in everything}

    def test_have_the_backends_own_default_where_the_study_names_none(self):
        (case,) = [case for case in cases(backend="mpi", workers=1) if case.backend == "mpi"]
        assert (case.distribution, case.mpi_mode, case.start_method) == ("block", None, None)

    def test_collapse_where_an_axis_tells_nothing_apart(self):
        assert len(cases(start_method="fork,spawn", chunksize=[1, 2, 3], workers=[1, 2, 4])) == 1

    @pytest.mark.parametrize(("kind", "threads"), [("crunch", [None]), ("sleep", [None]), ("stream", [None]), ("blas", [1, 2])])
    def test_have_blas_threads_only_where_the_workload_uses_a_blas(self, kind, threads):
        assert [case.blas_threads for case in cases(kind=kind, blas_threads=[1, 2])] == threads

    def test_of_a_function_have_blas_threads_since_nobody_knows_what_it_calls(self):
        assert [case.blas_threads for case in cases(workload="math:sqrt", blas_threads=[1, 2])] == [1, 2]

    def test_of_a_function_lack_what_the_built_in_family_has(self):
        assert asked("kind", "size", "imbalance", workload="math:sqrt", size="5", imbalance=0.5) == [(None, None, None)]

    def test_have_the_kinds_default_size(self):
        assert asked("kind", "size", kind="crunch,sleep") == [("crunch", "50000"), ("sleep", "5")]

    def test_of_weak_scaling_have_as_many_tasks_per_worker(self):
        found = asked("workers", "tasks", scaling="weak", backend="processes", workers=[1, 2, 3], tasks=5)
        assert sorted(set(found)) == [(1, 5), (2, 10), (3, 15)]

    def test_have_as_many_tasks_as_there_are_items(self):
        assert asked("tasks", items=[3, 5, 10, 15], tasks=99) == [(4,)]
        weak = asked("workers", "tasks", items=[3, 5], scaling="weak", backend="threads", workers=2)
        assert (2, 4) in weak

    def test_of_bindings_are_cases_of_their_own_whose_baseline_is_not_bound(self):
        found = asked("backend", "binding", backend="threads", binding="cores,none")
        assert found == [("threads", "cores"), ("threads", None), ("serial", None)]

    @pytest.mark.parametrize(
        ("total", "size", "tasks"), [(1000, "10", 64), (1289, "10", 128), (1000, "500", 4), (10, "500", 4), (10**12, "1", 8192)]
    )
    def test_of_a_total_have_as_many_tasks_as_it_holds_but_no_fewer_than_asked_and_not_without_end(self, total, size, tasks):
        assert asked("tasks", size=size, total=total, tasks=4) == [(tasks,)]

    def test_of_a_total_have_that_much_for_each_worker_where_scaling_is_weak(self):
        found = asked("workers", "tasks", size="10", total=100, tasks=1, scaling="weak", backend="threads", workers=[1, 3])
        assert sorted(set(found)) == [(1, 8), (3, 24)]

    def test_of_given_items_or_of_a_function_do_not_follow_a_total(self):
        assert asked("tasks", items=[1, 2, 3], size="10", total=1000) == [(3,)]
        assert asked("tasks", workload="math:sqrt", total=1000, tasks=4) == [(4,)]

    def test_of_more_tasks_than_memory_holds_are_refused_but_for_a_program_which_has_none(self, monkeypatch):
        monkeypatch.setattr(machine, "memory_bytes", lambda: 2**30)
        assert expand(Study(backend="serial", tasks=500_000)).entries
        for asked in ({"tasks": "4,1000000000"}, {"tasks": 300_000, "scaling": "weak", "workers": "1,4", "backend": "threads"}):
            with pytest.raises(
                StudyError, match=r"tasks = 1\d+: 1[\d,]+ tasks in a case: to hold them takes about .* GiB.\nGive fewer"
            ):
                expand(Study(**{"backend": "serial", **asked}))
        assert expand(Study(command="app {tasks}", tasks=10**9)).entries

    def test_know_whether_their_tasks_are_recorded(self):
        study = Study(workers=1, backend="threads", suites={"a": {"task_timing": "off"}, "b": {"kind": "sleep"}})
        assert {(entry.suite, entry.task_timing) for entry in expand(study).entries} == {("a", "off"), ("b", "on")}

    def test_belong_to_the_first_suite_that_names_them(self):
        study = Study(
            workers=[1, 2], backend="threads", suites={"first": {"workers": 2}, "second": {}, "third": {"kind": "sleep"}}
        )
        found = [(entry.suite, entry.case.kind, entry.case.workers, entry.case.backend) for entry in expand(study).entries]
        assert len(found) == len({one[1:] for one in found})
        assert ("first", "crunch", 2, "threads") in found
        assert not [one for one in found if one[0] == "second" and one[2] == 2]
        assert [one[0] for one in found] == sorted((one[0] for one in found), key=["first", "second", "third"].index)

    @pytest.mark.parametrize("workload", ["", "math", "math:", ":sqrt", "really_hard"])
    def test_of_a_workload_that_is_no_reference_are_refused(self, workload):
        with pytest.raises(StudyError, match="module:attribute"):
            cases(workload=workload)

    @pytest.mark.parametrize("name", ["quick", "default", "full"])
    def test_of_a_profile_all_have_their_baselines(self, cpus, name):
        cpus(2)
        found = {entry.case for entry in expand(profile(name)).entries}
        assert found
        assert {one for case in found for one in baselines(case).values()} <= found


VALUES = {
    "kind": ["crunch", "sleep", "blas"],
    "scaling": ["strong", "weak"],
    "backend": ["serial", "threads", "processes", "mpi", "mpi-pool", "joblib"],
    "workers": [1, 2, 3, 4],
    "tasks": [1, 5, 24],
    "blas_threads": [1, 2, 4],
    "imbalance": [0, 0.5],
    "binding": ["none", "cores"],
    "start_method": ["fork", "spawn"],
    "mpi_mode": ["world", "spawn"],
    "distribution": ["block", "cyclic"],
    "chunksize": [1, 2],
}


@st.composite
def studies(draw):
    """Some axes of a study, values given twice too."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=5))
    return {name: draw(st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3)) for name in sorted(names)}


class TestAnyStudy:
    @given(studies(), st.integers(0, 9))
    def test_has_each_case_once_in_each_block_and_the_baselines_of_each(self, study, block):
        sweep = expand(Study(**{"workers": 2, **study}))
        found = {entry.case.case_id: entry.case for entry in sweep.entries}
        assert len(found) == len(sweep.entries)
        assert sorted(found) == sorted(case_id for ids in sweep.suites.values() for case_id in ids)
        assert sorted(entry.case.case_id for entry in shuffled(sweep.entries, 1, block)) == sorted(found)
        assert {one.case_id for case in found.values() for one in baselines(case).values()} <= set(found)

    @given(studies())
    def test_has_cases_of_what_was_asked_without_the_axes_that_do_not_apply(self, study):
        study = {"workers": [2], **study}
        for entry in expand(Study(**study)).entries:
            case, own = entry.case, get_backend(entry.case.backend).axes
            assert all((getattr(case, axis) is not None) <= (axis in own) for axis in OWN_AXES)
            assert (case.blas_threads is not None) == (case.kind == "blas")
            assert case.workers == 1 or case.backend != "serial"
            if entry.added is None:
                asked = {
                    name: values for name, values in study.items() if name in ("kind", "scaling", "backend", "imbalance", *own)
                }
                assert all(getattr(case, name) in values for name, values in asked.items())
                assert case.tasks // (case.workers if case.scaling == "weak" else 1) in study.get("tasks", [24])

    @given(studies(), st.randoms(use_true_random=False))
    def test_that_asks_for_the_same_in_another_order_has_the_same_cases(self, study, random):
        again = {name: random.sample(values, len(values)) * 2 for name, values in study.items()}
        first, second = (
            {entry.case.case_id for entry in expand(Study(**{"workers": 2, **one})).entries} for one in (study, again)
        )
        assert first == second


class TestBaselines:
    def test_are_serial_and_one_worker(self):
        case = make_case(backend="processes", start_method="spawn", chunksize=2, binding="cores", workers=4)
        assert baselines(case) == {
            "serial baseline": make_case(),
            "one-worker baseline": make_case(backend="processes", start_method="spawn", chunksize=2, binding="cores"),
        }

    def test_with_blas_threads_are_serial_with_one_and_with_as_many(self):
        case = make_case(kind="blas", size="50x1", backend="processes", start_method="spawn", workers=2, blas_threads=4)
        found = baselines(case)
        assert found["serial baseline"] == make_case(kind="blas", size="50x1", blas_threads=1)
        assert found["serial baseline with as many BLAS threads"] == make_case(kind="blas", size="50x1", blas_threads=4)
        assert found["one-worker baseline"].blas_threads == 4

    def test_of_weak_scaling_have_the_work_of_one_worker(self):
        found = baselines(make_case(scaling="weak", backend="threads", workers=4, tasks=40))
        assert {(one.workers, one.tasks, one.scaling) for one in found.values()} == {(1, 10, "weak")}

    def test_are_not_the_case_itself(self):
        assert baselines(make_case()) == {}
        assert list(baselines(make_case(backend="threads"))) == ["serial baseline"]

    def test_that_the_study_forgot_are_added_and_say_which_they_are(self):
        entries = expand(Study(backend="threads", workers=4)).entries
        assert [(entry.case.backend, entry.case.workers, entry.added) for entry in entries] == [
            ("threads", 4, None),
            ("serial", 1, "serial baseline"),
            ("threads", 1, "one-worker baseline"),
        ]

    def test_are_of_the_same_variant(self):
        found = expand(Study(backend="processes", workers=4, kind="blas", blas_threads=2, variants=["a", "b"])).entries
        for variant in ("a", "b"):
            own = {entry.case for entry in found if entry.case.variant == variant}
            assert {one for case in own for one in baselines(case).values()} <= own
            assert {case.backend for case in own} == {"serial", "processes"}
        assert len(found) == 8

    def test_are_not_added_where_the_study_does_without(self):
        (entry,) = expand(Study(backend="processes", workers=2, baselines=False)).entries
        assert (entry.case.backend, entry.case.workers, entry.added) == ("processes", 2, None)

    def test_that_the_study_has_are_not_added_again(self):
        entries = expand(Study(backend="serial,threads", workers="1,4")).entries
        assert [entry.added for entry in entries] == [None] * 3

    def test_that_two_suites_need_are_measured_once_and_named_by_both(self):
        suites = {"one": {"backend": "threads", "workers": 2}, "two": {"backend": "processes", "workers": 2}}
        sweep = expand(Study(suites=suites))
        serial = {entry.case.case_id: entry.suite for entry in sweep.entries if entry.case.backend == "serial"}
        assert list(serial.values()) == ["one"]
        assert all(set(serial) <= set(ids) for ids in sweep.suites.values())
        assert {name: len(ids) for name, ids in sweep.suites.items()} == {"one": 3, "two": 3}
        assert {entry.case.case_id for entry in sweep.entries} == {one for ids in sweep.suites.values() for one in ids}


class TestTheOrder:
    def entries(self):
        return expand(Study(backend="serial,processes,threads", workers=[1, 2, 3, 4, 5, 6], kind="crunch,sleep")).entries

    @given(seed=st.integers(0, 2**32), block=st.integers(0, 50))
    def test_of_a_block_is_a_permutation_and_the_same_each_time(self, seed, block):
        entries = self.entries()
        order = shuffled(entries, seed, block)
        assert sorted(map(entries.index, order)) == list(range(len(entries)))
        assert order == shuffled(entries, seed, block)

    def test_differs_between_blocks_and_between_seeds(self):
        orders = [
            tuple(one.case.case_id for one in shuffled(self.entries(), seed, block)) for seed in (0, 1) for block in (0, 1, 2)
        ]
        assert len(set(orders)) == 6

    def test_has_the_variants_of_a_case_next_to_each_other_in_any_order(self):
        study = Study(backend="threads", workers=[1, 2, 3], kind="crunch,sleep", variants=["a", "b", "c"])
        entries = expand(study).entries
        orders = set()
        for block in range(30):
            order = [entry.case for entry in shuffled(entries, 0, block)]
            assert len(set(order)) == len(order) == len(entries)
            for start in range(0, len(order), 3):
                together = order[start : start + 3]
                assert len({replace(case, variant=None) for case in together}) == 1
                orders.add(tuple(case.variant for case in together))
        assert len(orders) == 6

    def test_leaves_the_entries_as_they_were(self):
        entries = self.entries()
        shuffled(entries, 0, 0)
        assert entries == self.entries()


class TestItems:
    def test_that_are_equal_have_equal_digests_whatever_holds_them(self):
        one, *others = (asked("items_digest", items=items) for items in ([1, 2], "(1, 2)", range(1, 3)))
        assert others == [one, one]
        assert asked("items_digest", items=[2, 1]) != one

    def test_that_have_no_encoding_are_told_apart_by_their_pickle(self):
        (found,) = asked("items_digest", workload="tasks:square", items=[Ellipsis])
        assert found[0].startswith("pickle-")

    def test_that_cannot_be_sent_are_refused(self):
        with pytest.raises(StudyError, match="can't be sent to another process: TypeError"):
            cases(workload="tasks:square", items=[threading.Lock()])


def given_to_host(case_number=0, **study):
    sweep = expand(Study(**{"workers": 1, "backend": "serial", **study}))
    job, items = job_and_items(sweep.entries[case_number].case, sweep)
    request = {"do": "open", "job": job, "items": items}
    assert list(protocol.requests(protocol.in_parts(request), io.BytesIO())) == [request]
    return job, items


class TestAJob:
    def test_of_a_kind_names_it_and_the_recipe_of_its_items(self):
        job, items = given_to_host(kind="sleep", size="3", tasks=7, imbalance=0.5, seed=9)
        assert job == {"workload": "really_hard_task", "kind": "sleep"}
        assert items == {"kind": "sleep", "size": "3", "tasks": 7, "imbalance": 0.5, "seed": 9, "numbers": None}

    def test_of_a_kind_with_items_has_their_numbers(self):
        assert given_to_host(items="range(4)")[1]["numbers"] == [0, 1, 2, 3]

    def test_of_a_function_counts_its_items_or_sends_them(self):
        job, items = given_to_host(workload="tasks:square", tasks=3)
        assert job == {"workload": "tasks:square", "kind": None}
        assert (items["tasks"], list(pickle.loads(items["pickled"]))) == (3, [0, 1, 2])
        _, items = given_to_host(workload="tasks:square", items=["a", ("b",)])
        assert (items["tasks"], pickle.loads(items["pickled"])) == (2, ["a", ("b",)])

    @pytest.mark.parametrize(
        "function",
        [
            tasks.square,
            lambda item: item * item,
            functools.partial(pow, exp=2),
            Scales(3),
            Scales(4).method,
            triple,
            abs,
            str.upper,
        ],
        ids=["function", "lambda", "partial", "callable object", "bound method", "decorated", "built-in", "method of a type"],
    )
    def test_resolves_to_something_that_does_what_the_given_function_does(self, function):
        job, _ = given_to_host(workload=function)
        item = "text" if function is str.upper else 5
        assert resolve(Job(**job)).function(item) == function(item)

    def test_of_a_local_function_carries_it_by_value(self):
        factor = 7

        def local(item):
            return factor * item

        job, _ = given_to_host(workload=local)
        assert resolve(Job(**job)).function(3) == 21

    def test_of_two_functions_with_one_name_is_refused_rather_than_one_measured_for_the_other(self):
        first, second = (lambda item: item + 1), (lambda item: item + 2)
        second.__qualname__ = first.__qualname__
        with pytest.raises(StudyError):
            expand(Study(workers=1, backend="serial", suites={"one": {"workload": first}, "two": {"workload": second}}))

    def test_of_a_function_and_a_reference_with_one_name_is_refused_too(self):
        suites = {"one": {"workload": "functools:partial"}, "two": {"workload": functools.partial(pow, exp=2)}}
        with pytest.raises(StudyError, match="two functions have this name"):
            expand(Study(workers=1, backend="serial", suites=suites))

    def test_of_one_function_by_reference_as_itself_or_as_a_method_taken_twice_is_one(self):
        scales = Scales(4)
        for one, other in [("tasks:square", tasks.square), (scales.method, scales.method)]:
            suites = {"one": {"workload": one}, "two": {"workload": other}}
            assert len(expand(Study(workers=1, backend="serial", suites=suites)).entries) == 1

    def test_of_a_function_that_cannot_be_sent_is_refused(self):
        with pytest.raises(StudyError, match="can't be sent to another process: TypeError"):
            given_to_host(workload=functools.partial(pow, threading.Lock()))


def test_a_total_is_cut_into_a_power_of_two_of_tasks_and_sizes_with_too_few_chunks_are_left_out():
    study = Study(size="10,1000,100000", total=100_000, tasks=4, backend="processes", workers=2, chunksize="1,16")
    found = [entry.case for entry in expand(study).entries if entry.case.backend == "processes"]
    sizes = {(case.size, case.chunksize): case.tasks for case in found}
    assert sizes == {("10", 1): 8192, ("10", 16): 8192, ("1000", 1): 64, ("1000", 16): 64, ("100000", 1): 4}
