"""What differs besides the code is told, and what nobody recorded is not made up."""

from factories import make_rounds

from scalebench.analysis.conditions import Difference, differences, not_recorded

EMPTY = make_rounds({"canary_s": None, "machine_id": None, "cpu_budget": None})


def about(**values):
    machine = {"machine_id": "one", "cpu": "Fast", "cpu_budget": 2, "python": "CPython 3.11.7", "packages": {"numpy": "2.4.6"}}
    return {"machine": {**machine, **values.pop("machine", {})}, "git_commit": "a" * 40, **values}


def told(*sides):
    return {one.field: one.values for one in differences([(runs, EMPTY) for runs in sides])}


def test_equal_sides_differ_in_nothing():
    assert told([about()], [about()]) == {}


def test_machine_python_packages_and_commit_are_compared():
    other = about(machine={"cpu": "Slow", "python": "CPython 3.13.1", "packages": {"numpy": "2.3.0"}}, git_commit="b" * 40)
    found = told([about()], [other])
    assert found == {
        "cpu": ("Fast", "Slow"), "python": ("CPython 3.11.7", "CPython 3.13.1"), "numpy": ("2.4.6", "2.3.0"),
        "git_commit": ("a" * 12, "b" * 12),
    }  # fmt: skip


def test_what_only_one_side_records_is_no_difference_but_is_told_apart():
    bare = {"machine": {"cpu": "Fast"}}
    assert told([about()], [bare]) == {}
    assert not_recorded([([about()], EMPTY), ([bare], EMPTY)]) == [[], ["machine_id", "cpu_budget", "python", "git_commit"]]


def test_runs_of_one_side_that_differ_among_themselves_are_all_named():
    assert told([about(), about(machine={"python": "CPython 3.13.1"})], [about()])["python"] == (
        "CPython 3.11.7, CPython 3.13.1",
        "CPython 3.11.7",
    )


def test_the_load_and_the_canary_are_told_even_where_they_are_equal():
    rounds = make_rounds({"canary_s": 0.004, "machine_id": None, "cpu_budget": None})
    assert differences([([about(load_average=0.5)], rounds)] * 2) == [
        Difference("load_average", ("0.50", "0.50")),
        Difference("canary_s", ("0.0040", "0.0040")),
    ]


def test_rows_alone_tell_the_machine_and_the_budget():
    sides = [
        ([{}], make_rounds({"machine_id": name, "cpu_budget": cpus, "canary_s": None})) for name, cpus in (("a", 2), ("b", 64))
    ]
    assert differences(sides) == [Difference("machine_id", ("a", "b")), Difference("cpu_budget", ("2", "64"))]


def test_a_commit_with_changes_on_top_says_so():
    found = told([about()], [about(git_commit="a" * 40 + ", and changes")])
    assert found["git_commit"] == ("a" * 12, "a" * 12 + ", and changes")
