"""Commands: split once, filled argument by argument, refused before anything is measured."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.case import Case
from scalebench.command import PLACEHOLDERS, PROGRAM, short_name
from scalebench.errors import StudyError
from scalebench.study import Study, described, override, program_of, workload_name
from scalebench.study_file import read_study
from scalebench.sweep import baselines, expand

VALUES = {"workers": 4, "blas_threads": 2, "size": "a b", "tasks": 24, "seed": 7, "variant": "old", "python": "/usr/bin/python3"}
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def program(command, **asked):
    return program_of(Study(command=command, **asked))


def cases(**asked):
    return [entry.case for entry in expand(Study(**asked)).entries]


def test_placeholders_are_filled_argument_by_argument_and_a_value_never_becomes_two_arguments():
    command = program("./app --n={size} '{workers} {{ok}}' -t {blas_threads}", size="1").command
    assert command.fill(VALUES) == ["./app", "--n=a b", "4 {ok}", "-t", "2"]


def test_for_a_shell_each_value_is_quoted():
    command = program("sort {size} | wc -l", shell=True, size="1").command
    assert command.fill(VALUES) == ["/bin/sh", "-c", "sort 'a b' | wc -l"]
    assert command.text == "/bin/sh -c 'sort {size} | wc -l'"


@given(st.lists(WORDS, min_size=1))
def test_a_command_is_the_same_as_text_or_as_a_list(words):
    escaped = [word.replace("{", "{{").replace("}", "}}") for word in words]
    one, other = program(escaped).command, program(shlex.join(escaped)).command
    assert one == other
    assert one.text == other.text
    assert one.fill(VALUES) == words
    assert shlex.split(one.text) == escaped


@given(WORDS, st.sampled_from(sorted(PLACEHOLDERS)))
def test_no_shell_reads_what_stands_in_a_value(value, name):
    command = program(["app", "{size}", "{variant}", f"{{{name}}}"], size="1", variants={"old": {}}).command
    assert command.fill({**VALUES, name: value})[-1] == value


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("", "names no program"),
        ("  ", "names no program"),
        ([], "names no program"),
        (7, "neither text nor a list"),
        (["app", 7], "neither text nor a list"),
        (b"app", "neither text nor a list"),
        ("app 'x", "can't be split"),
        ("awk {print}", "{print} is no placeholder"),
        ("app {}", "{} is no placeholder"),
        ("app {workers.real}", "is no placeholder"),
        ("app {workers:3}", "takes no format"),
        ("app {size!r}", "takes no format"),
        ("app }", "braces that don't pair"),
        ("app {size}", "says {size}, and the study has none"),
        ("app {variant}", "says {variant}, and the study has none"),
        ("app\0", "null character"),
        ("app > out.txt", "> means something to a shell only"),
        ("app 'a > b' 2>&1", "2>&1 means something to a shell only"),
        ("app | tee out", "| means something to a shell only"),
        ("cd build && ./app", "&& means something to a shell only"),
    ],
)
def test_a_command_that_cannot_be_filled_is_refused(command, rule):
    with pytest.raises(StudyError) as told:
        Study(command=command)
    assert rule in str(told.value)


@pytest.mark.parametrize("command", ["expr 1 '>' 2", r"expr 1 \> 2", 'grep "a | b" file', ["expr", "1", ">", "2"]])
def test_a_sign_of_the_shell_may_be_quoted(command):
    Study(command=command)


def test_a_shell_gets_its_signs():
    Study(command="app > out.txt", shell=True)


def test_an_unknown_placeholder_names_those_that_there_are():
    with pytest.raises(StudyError) as told:
        Study(command="app {threads}")
    assert all(f"{{{name}}}" in told.value.way_out for name in PLACEHOLDERS)


@pytest.mark.parametrize("axis", ["workers", "size", "tasks"])
def test_an_axis_of_several_values_that_the_command_does_not_say_is_refused(axis):
    with pytest.raises(StudyError) as told:
        Study(command="app", **{axis: "1,2"})
    assert f"the command doesn't say {{{axis}}}" in str(told.value)
    assert {getattr(case, axis) for case in cases(command=f"app {{{axis}}}", **{axis: "1,2"})} == (
        {"1", "2"} if axis == "size" else {1, 2}
    )


def test_blas_threads_reach_a_program_by_its_environment_so_the_command_need_not_say_them():
    assert [case.blas_threads for case in cases(command="app", blas_threads="1,2")] == [1, 2]


def test_workers_left_to_their_default_are_swept_only_where_the_command_says_them(cpus):
    cpus(2)
    assert [case.workers for case in cases(command="app")] == [1]
    assert [case.workers for case in cases(command="app {workers}")] == [1, 2, 3, 4]


@pytest.mark.parametrize("key", ["shell", "figure_of_merit", "prepare", "ignore_failure"])
def test_what_is_of_a_program_is_refused_without_one(key):
    with pytest.raises(StudyError, match="the study has no command"):
        Study(**{key: True if key in ("shell", "ignore_failure") else "x(y)"})


@pytest.mark.parametrize(
    "asked",
    [{"backend": "threads"}, {"workload": "a:b"}, {"items": [1]}, {"binding": "cores"}, {"chunksize": 2}, {"kind": "blas"}],
)
def test_what_is_of_a_function_is_refused_with_a_command(asked):
    with pytest.raises(StudyError, match="a command is started as it is"):
        Study(command="app", **asked)


@pytest.mark.parametrize(
    ("value", "rule"), [("(", "not a regular expression"), ("a", "0 groups"), ("(a)(b)", "2 groups"), (7, "must be a regular")]
)
def test_a_figure_of_merit_needs_one_group_or_one_of_its_name(value, rule):
    with pytest.raises(StudyError, match=rule):
        Study(command="app", figure_of_merit=value)
    assert program("app", figure_of_merit=r"(a|b) (?P<figure_of_merit>\d+)").figure_of_merit is not None


@pytest.mark.parametrize("scaling", ["strong", "weak"])
def test_work_is_one_or_the_tasks_that_the_command_says_and_grows_with_the_workers_where_scaling_is_weak(scaling):
    plain = cases(command="app {workers}", workers="1,2,4", scaling=scaling)
    said = cases(command="app {workers} {tasks}", workers="1,2,4", tasks=10, scaling=scaling)
    assert [case.tasks for case in plain] == ([1, 1, 1] if scaling == "strong" else [1, 2, 4])
    assert [case.tasks for case in said] == ([10, 10, 10] if scaling == "strong" else [10, 20, 40])


def test_the_baseline_of_a_program_is_itself_with_one_worker_and_it_is_added():
    entries = expand(Study(command="app {workers}", workers="4", blas_threads=2)).entries
    found = [(one.case.workers, one.case.blas_threads, one.added) for one in entries]
    assert found == [
        (4, 2, None), (1, 1, "one-worker baseline"), (1, 2, "one-worker baseline with as many BLAS threads"),
    ]  # fmt: skip
    assert {one.case.backend for one in entries} == {PROGRAM}
    assert baselines(entries[1].case) == {}


def test_the_same_command_in_two_suites_with_other_settings_is_refused():
    suites = {"a": {"command": "app"}, "b": {"command": ["app"], "ignore_failure": True}}
    with pytest.raises(StudyError, match="two suites run this command"):
        expand(Study(workers=1, suites=suites))
    assert len(expand(Study(workers=1, suites={"a": {"command": "app"}, "b": {"command": ["app"]}})).entries) == 1


def test_a_study_file_has_a_command_as_text_or_list(tmp_path):
    for command in ('"app {workers}"', '["app", "{workers}"]'):
        path = tmp_path / "study.toml"
        path.write_text(f"command = {command}\nworkers = [1, 2]\n")
        assert [one.case.workers for one in expand(read_study(path)).entries] == [1, 2]


def test_a_study_with_a_command_can_be_overridden_and_described_like_any_other():
    study = override(Study(command="app {workers}", workers="1,2"), {"workers": "4"})
    assert study.workers == (4,)
    assert described(study)["command"] == "app {workers}"
    assert workload_name(study) == "app {workers}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("./build/app --n {size}", "app"),
        ("/bin/sh -c 'sort x | wc'", "sort"),
        ("{python} src/run.py", "run.py"),
        ("xz -k f.tar", "xz"),
    ],
)
def test_a_case_is_called_after_its_program(text, name):
    assert short_name(text) == name
    assert Case(workload=text, backend=PROGRAM, workers=4, blas_threads=1).label == f"{name}-w4"
