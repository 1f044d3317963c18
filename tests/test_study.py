"""A study: what it takes from Python and TOML, and that everything else is refused before anything is measured."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalebench.errors import StudyError
from scalebench.items import read_items
from scalebench.study import AXES, Study, described, each_suite, override, required_backends, suite_of, workload_name
from scalebench.study_file import PROFILES, profile, read_study
from scalebench.workloads import Workload

#: keys that say how hard to look
SETTINGS = ("blocks", "rounds", "precision", "budget", "timeout", "seed", "scheduler")


def double(item):
    return 2 * item


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


class TestAStudy:
    def test_reads_every_axis_into_a_tuple(self, cpus):
        cpus(2)
        study = Study(
            kind="crunch,sleep", size=[5, "6"], imbalance="0,50%", tasks="4,8", scaling="strong,weak", backend="serial,threads",
            start_method="fork,spawn", mpi_mode="world", distribution=["cyclic"], workers="1..2x",
            blas_threads=(1, 2), binding="none,cores", chunksize=3,
        )  # fmt: skip
        assert {axis: getattr(study, axis) for axis in AXES} == {
            "kind": ("crunch", "sleep"), "size": ("5", "6"), "imbalance": (0.0, 0.5), "tasks": (4, 8),
            "scaling": ("strong", "weak"), "backend": ("serial", "threads"), "start_method": ("fork", "spawn"),
            "mpi_mode": ("world",), "distribution": ("cyclic",), "workers": (1, 2, 3, 4), "nodes": (1,), "blas_threads": (1, 2),
            "binding": (None, "cores"), "chunksize": (3,), "variant": (None,),
        }  # fmt: skip

    def test_reads_its_settings(self):
        study = Study(blocks="7", rounds=3, precision="5%", budget="5m", timeout="90s", seed="11")
        assert [getattr(study, key) for key in SETTINGS] == [7, 3, 0.05, 300.0, 90.0, 11, None]

    def test_may_have_a_total_of_work_and_leave_tasks_unrecorded(self):
        study = Study(workers=1, total="1_000_000", task_timing="off", suites={"a": {"total": 5, "task_timing": "on"}, "b": {}})
        assert [(one.total, one.task_timing) for one in each_suite(study)] == [(5, "on"), (1_000_000, "off")]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("binding", "sockets"),
            ("binding", []),
            ("binding", True),
            ("total", 0),
            ("total", 1.5),
            ("task_timing", "maybe"),
            ("task_timing", True),
        ],
    )
    def test_refuses_bindings_totals_and_timings_that_there_are_not(self, key, value):
        with pytest.raises(StudyError, match=key):
            Study(workers=1, **{key: value})

    def test_that_says_nothing_sweeps_three_backends_up_to_twice_the_cpus(self, cpus):
        cpus(2)
        study = Study()
        assert study.backend == ("serial", "processes", "threads")
        assert study.workers == (1, 2, 3, 4)
        assert (study.blocks, study.rounds, study.size, study.binding) == (5, None, (None,), (None,))

    def test_requires_the_backends_that_it_asks_for_by_name(self):
        """Of all backends, those that are not here are no failure."""
        study = Study(workers=1, backend="all", suites={"a": {"backend": "serial,mpi"}, "b": {}})
        assert required_backends(study) == {"serial", "mpi"}
        assert required_backends(Study(workers=1, backend="mpi", missing_backends_fail=False)) == set()

    def test_can_be_read_again_from_what_it_read(self, cpus):
        cpus(3)
        study = Study(size="70", precision=0.01, budget=1, items=[1, 2], workers="1..2x")
        assert suite_of(study, "study", {}) == study

    @pytest.mark.parametrize("key", ["workload", "name"])
    @pytest.mark.parametrize("value", [5, True, 1.5, [], {"a": 1}, None])
    def test_refuses_a_workload_or_a_name_that_is_neither_text_nor_callable(self, key, value):
        with pytest.raises(StudyError):
            Study(**{key: value})

    @pytest.mark.parametrize("key", ["blocks", "seed"])
    def test_refuses_none_where_there_is_no_default_to_fall_back_on(self, key):
        with pytest.raises(StudyError):
            Study(**{key: None})

    @pytest.mark.parametrize("key", ["missing_backends_fail", "baselines"])
    @pytest.mark.parametrize("value", ["false", "no", 0, 1.5, None, []])
    def test_refuses_a_switch_that_is_not_true_or_false(self, key, value):
        """A text "false" would count as true."""
        with pytest.raises(StudyError, match=key):
            Study(**{key: value})

    @pytest.mark.parametrize("suites", [5, True, [], "strong", None, {"a": 1}, {"a": [1]}, {"a": None}])
    def test_refuses_suites_that_are_not_tables(self, suites):
        with pytest.raises(StudyError):
            Study(suites=suites)

    def test_names_a_workload_object_by_its_function(self):
        """It is sent by value; one that a host can import is named by its reference."""
        study = Study(workload=Workload(function=double))
        assert workload_name(study).endswith("test_study:double")
        assert described(study)["workload"] == workload_name(study)

    @pytest.mark.parametrize("kind", ["crunch", "sleep", "spin", "blas", "stream"])
    @pytest.mark.parametrize(
        "size",
        ["0", "-1", "inf", "nan", "1e400", "infMB", "1e308GiB", "400x", "x4", "abc", "9" * 400, True],
        ids=lambda value: str(value)[:10],
    )
    def test_refuses_a_size_that_its_kind_cannot_do_and_gives_one_that_it_can(self, kind, size):
        with pytest.raises(StudyError, match=f"not a size of '{kind}'") as raised:
            Study(kind=kind, size=size)
        assert "For example --size" in raised.value.way_out

    def test_refuses_a_size_that_only_one_of_its_kinds_can_do(self):
        with pytest.raises(StudyError, match="'crunch'"):
            Study(kind="blas,crunch", size="400x4")

    json_like = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=2)),
        max_leaves=4,
    )

    @settings(max_examples=400)
    @given(key=st.sampled_from([*AXES, *SETTINGS, "items", "suites", "launcher_options"]), value=json_like)
    def test_takes_a_value_or_raises_a_study_error_and_nothing_else(self, key, value):
        try:
            study = Study(**{"workers": 1, key: value})
        except StudyError as error:
            assert str(error).count("\n") >= 1  # noqa: PT017 - the other way out of the property
        else:
            json.dumps(described(study))


class TestItems:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("range(4)", range(4)),
            (" range( 2, 10, 3 ) ", range(2, 10, 3)),
            ("range(-3,0)", range(-3, 0)),
            ("[3, 5, 10, 15]", [3, 5, 10, 15]),
            ("('a', None, {'b': 1})", ("a", None, {"b": 1})),
            ([object], [object]),
            (range(2), range(2)),
        ],
    )
    def test_are_a_sequence_a_range_or_a_literal(self, value, expected):
        assert read_items(value) == expected

    def test_are_none_where_none_are_given(self):
        assert read_items(None) is None

    @pytest.mark.parametrize(
        "value",
        ["", "[]", [], "range(0)", "range(5, 5)", "5", 5, "'abc'", b"abc", "{1, 2}", {1: 2}, iter([1]), "open('/etc/passwd')",
         "[__import__('os')]", "range(10**3)", "range(1, 2, 3, 4)", "{[1]: 2}", "[1\x00]", "(" * 5000, "-" * 50_000 + "1", "range(1, 2, 0)",
         f"range({'9' * 30})", f"range({'9' * 5000})"],
        ids=lambda value: repr(value)[:20],
    )  # fmt: skip
    def test_of_no_use_are_refused_and_text_is_never_run(self, value):
        with pytest.raises(StudyError) as raised:
            read_items(value)
        assert raised.value.key == "items"


class TestSuites:
    def test_override_what_they_name_and_inherit_the_rest(self):
        study = Study(tasks=7, blocks=2, workers=[1], suites={"first": {"tasks": 9}, "second": {"kind": "sleep"}})
        first, second = each_suite(study)
        assert (first.name, first.tasks, first.kind, first.blocks) == ("first", (9,), ("crunch",), 2)
        assert (second.name, second.tasks, second.kind, second.blocks) == ("second", (7,), ("sleep",), 2)

    def test_none_leave_the_study_itself(self):
        study = Study(workers=1)
        assert each_suite(study) == [study]

    def test_may_have_their_own_workload_and_items(self):
        (one,) = each_suite(Study(workers=1, suites={"mine": {"workload": double, "items": "[1, 2]"}}))
        assert (one.workload, one.items) == (double, [1, 2])

    @pytest.mark.parametrize(
        ("overrides", "complaint"),
        [({"tasks": 0}, "tasks"), ({"task": 1}, "'tasks'"), ({"blocks": 3}, "key of a suite"), ({"suites": {}}, "key")],
    )
    def test_are_checked_with_the_study(self, overrides, complaint):
        with pytest.raises(StudyError, match=complaint):
            Study(suites={"strong": overrides})


class TestOverride:
    def test_replaces_axes_in_every_suite(self):
        study = override(Study(workers=1, suites={"a": {"tasks": 3}, "b": {"kind": "sleep"}}), {"tasks": "5", "workers": "1,2"})
        assert [one.tasks for one in each_suite(study)] == [(5,), (5,)]
        assert [one.workers for one in each_suite(study)] == [(1, 2), (1, 2)]
        assert [one.kind for one in each_suite(study)] == [("crunch",), ("sleep",)]

    def test_replaces_arguments_and_what_goes_with_a_command_in_every_suite_that_has_its_own(self):
        study = override(Study(workload=double, workers=1, suites={"a": {"kwargs": {"b": 2}}, "b": {}}), {"kwargs": "c=3"})
        assert [one.kwargs for one in each_suite(study)] == [{"c": 3}, {"c": 3}]
        own = {"prepare": "sync", "figure_of_merit": "a (.)", "shell": False, "ignore_failure": False}
        changes = {"prepare": "true", "figure_of_merit": "b (.)", "shell": True, "ignore_failure": True}
        (one,) = each_suite(override(Study(command="app", suites={"a": own}), changes))
        assert {key: getattr(one, key) for key in changes} == changes

    def test_replaces_settings_of_the_study(self):
        assert each_suite(override(Study(workers=1, suites={"a": {}}), {"blocks": 9, "seed": 4}))[0].blocks == 9

    def test_refuses_what_no_suite_could_do(self):
        with pytest.raises(StudyError, match="not a size of 'blas'"):
            override(Study(workers=1, suites={"a": {"kind": "blas"}}), {"size": "1e5"})


class TestAWorkload:
    @pytest.mark.parametrize(
        ("workload", "name"),
        [
            ("really_hard_task", "really_hard_task"),
            ("math:sqrt", "math:sqrt"),
            (json.dumps, "json:dumps"),
            (double, f"{__name__}:double"),
        ],
    )
    def test_has_the_name_of_its_reference(self, workload, name):
        assert workload_name(Study(workload=workload, workers=1)) == name

    def test_is_told_apart_by_its_attributes_in_what_is_stored(self):
        told = described(Study(workload=double, items=[1, 2, 3], workers=1, suites={"a": {"workload": double}}))
        assert (told["workload"], told["items"]) == (f"{__name__}:double", "[1, 2, 3]")
        json.dumps(told)

    def test_of_a_suite_is_stored_with_its_items_as_plain_values(self):
        study = Study(workers=1, suites={"a": {"workload": double, "items": range(3), "tasks": "4,8"}})
        assert described(study)["suites"] == {"a": {"workload": f"{__name__}:double", "items": "range(0, 3)", "tasks": (4, 8)}}


class TestAFile:
    def test_holds_the_same_words_as_python(self, toml):
        path = toml('kind = "sleep"\nworkers = [1, "2"]\nblocks = 3\n[suites.weak]\nscaling = "weak"\ntasks = 5\n')
        assert read_study(path) == Study(
            name="mine", kind="sleep", workers=[1, 2], blocks=3, suites={"weak": {"scaling": "weak", "tasks": 5}}
        )

    def test_names_the_study_unless_it_says_otherwise(self, toml):
        assert read_study(toml("workers = 1")).name == "mine"
        assert read_study(toml('name = "yours"\nworkers = 1')).name == "yours"

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("worker = 1", "Did you mean 'workers'"),
            ("workers = 0", "workers"),
            ("workers = true", "workers"),
            ("workers = 1.5", "workers"),
            ("tasks = 1979-05-27", "tasks"),
            ("tasks = {a = 1}", "tasks"),
            ("size = [[1]]", "size"),
            ("kind = 5", "kind"),
            ("imbalance = 2", "imbalance"),
            ("items = 5", "items"),
            ("workload = 5", "workload"),
            ('missing_backends_fail = "false"', "missing_backends_fail"),
            ("suites = 5", "suites"),
            ("suites = [1]", "suites"),
            ("[[suites]]\ntasks = 1", "suites"),
            ("[suites]\nstrong = 5", "suites"),
            ("[suites.strong]\nblocks = 5", "suites.strong"),
            ("workers = ", "not TOML"),
            (b"name = '\xff'", "not TOML"),
            ("seed = " + "9" * 5000, "not TOML"),
            ("items = " + "[" * 5000, "not TOML"),
        ],
    )
    def test_that_is_wrong_is_named_with_its_key(self, toml, text, complaint):
        path = toml(text)
        with pytest.raises(StudyError, match=complaint) as raised:
            read_study(path)
        assert str(path) in str(raised.value)

    def test_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(StudyError, match="can't be read"):
            read_study(tmp_path / "none.toml")
        with pytest.raises(StudyError, match="can't be read"):
            read_study(tmp_path)


class TestAProfile:
    @pytest.mark.parametrize("name", PROFILES)
    def test_is_a_study_of_suites_that_any_machine_can_begin(self, cpus, name):
        cpus(2)
        study = profile(name)
        assert study.name == name
        assert study.suites
        assert not study.missing_backends_fail

    def test_gives_intervals(self):
        assert all(profile(name).blocks >= 3 for name in PROFILES)

    def test_that_is_unknown_is_refused_with_the_nearest(self):
        with pytest.raises(StudyError, match="Did you mean 'quick'"):
            profile("quik")
