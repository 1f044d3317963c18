"""Studies in files: typed, refused with file, key and rule; a project's defaults are below all else."""

from dataclasses import fields

import pytest

from scalebench.errors import StudyError
from scalebench.study import NOT_OF_A_PROGRAM, SUITE_KEYS, Study, each_suite, reference_of, workload_name
from scalebench.study_file import PROJECT_KEYS, TYPES, of_program, project_defaults, read_study


@pytest.fixture
def toml(tmp_path):
    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


class TestAStudyFile:
    def test_has_a_type_for_each_key_of_a_study(self):
        assert set(TYPES) == {one.name for one in fields(Study)} | set(PROJECT_KEYS)
        assert set(SUITE_KEYS) < set(TYPES)
        assert set(NOT_OF_A_PROGRAM) < set(TYPES)

    @pytest.mark.parametrize(
        ("line", "key", "rule"),
        [
            ("workers = {a = 1}", "workers", "is a table, must be a whole number or text or a list"),
            ("blocks = [1]", "blocks", "is a list, must be a whole number or text"),
            ("blocks = 1.5", "blocks", "is a number, must be"),
            ("baselines = 'no'", "baselines", "is text, must be true or false"),
            ("workload = 5", "workload", "is a whole number, must be text"),
            ("backend = ['serial', 3]", "backend.1", "is a whole number, must be text"),
            ("budget = 2026-01-31", "budget", "is date"),
            ("kwargs = [1]", "kwargs", "is a list"),
            ("[suites]\nblas = 5", "suites.blas", "is a whole number, must be a table"),
            ("[suites.blas]\nworkers = true", "suites.blas.workers", "is true or false"),
            ("[suites.blas]\nworkers = 0", "suites.blas.workers", "not a worker count"),
            ("[suites.blas]\nworker = 1", "suites.blas", "no such key of a suite"),
            ("[variants]\nold = 5", "variants.old", "neither a table nor text"),
        ],
    )
    def test_of_a_wrong_type_is_refused_with_its_place_and_the_rule(self, toml, line, key, rule):
        path = toml(line)
        with pytest.raises(StudyError) as told:
            read_study(path)
        assert told.value.key == f"{path}: {key}"
        assert rule in told.value.rule
        assert told.value.way_out

    def test_finds_its_items_beside_itself(self, toml):
        toml("[3, 5]", "deep/items.json")
        toml("n\n7\n", "deep/other.csv")
        study = read_study(
            toml(
                'workload = "a:b"\nitems_file = "items.json"\n[suites.x]\n[suites.y]\nitems_file = "other.csv"\n[suites.z]\nitems = [1]',
                "deep/s.toml",
            )
        )
        assert study.items == [3, 5]
        assert [one.items for one in each_suite(study)] == [[3, 5], [7], [1]]

    def test_takes_items_or_a_file_of_them(self, toml):
        toml("[3, 5]", "items.json")
        with pytest.raises(StudyError, match="one of the two"):
            read_study(toml('workload = "a:b"\nitems_file = "items.json"\nitems = [1]'))

    def test_has_keyword_arguments_in_the_name_of_its_workload(self, toml):
        study = read_study(toml("workload = 'shop:simulate'\n[kwargs]\nsteps = 10\nmethod = 'rk4'"))
        assert study.kwargs == {"steps": 10, "method": "rk4"}
        assert workload_name(study) == "shop:simulate(steps=10, method='rk4')"
        assert reference_of(study) == "shop:simulate"

    def test_of_the_lectures_task_has_none(self, toml):
        with pytest.raises(StudyError, match="really_hard_task takes none"):
            read_study(toml("kwargs = {steps = 10}"))


class TestAProjectsDefaults:
    @pytest.fixture
    def project(self, tmp_path, monkeypatch):
        def write(table, folder="."):
            (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'mine'\n{table}")
            (tmp_path / folder).mkdir(exist_ok=True)
            monkeypatch.chdir(tmp_path / folder)
            return tmp_path / "pyproject.toml"

        return write

    def test_are_those_of_the_nearest_file_that_has_some(self, project, tmp_path):
        file = project("[tool.scalebench]\nblocks = 7", "deep")
        (tmp_path / "deep" / "pyproject.toml").write_text("[tool.other]\na = 1")
        assert project_defaults() == (file, {"blocks": 7})

    def test_are_none_where_no_file_has_any(self, project):
        project("")
        assert project_defaults() == (None, {})

    def test_are_below_what_a_study_file_says(self, project, toml):
        project("[tool.scalebench]\nblocks = 7\nworkers = 3")
        study = read_study(toml("blocks = 4"), project_defaults()[1])
        assert (study.blocks, study.workers) == (4, (3,))

    @pytest.mark.parametrize(
        ("table", "key"),
        [
            ("[tool]\nscalebench = 5", "tool.scalebench.scalebench"),
            ("[tool.scalebench]\nblocks = 0", "tool.scalebench.blocks"),
            ("[tool.scalebench]\nblocks = []", "tool.scalebench.blocks"),
            ("[tool.scalebench]\nblcoks = 3", "tool.scalebench.study"),
            ("[tool.scalebench]\nworkload = 'a:b'", "tool.scalebench.study"),
            ("[tool.scalebench]\nprofile = 'quik'", "tool.scalebench.profile"),
            ("[tool.scalebench]\nresults = 5", "tool.scalebench.results"),
        ],
    )
    def test_that_are_wrong_are_refused_with_their_file(self, project, table, key):
        file = project(table)
        with pytest.raises(StudyError) as told:
            project_defaults()
        assert told.value.key == f"{file}: {key}"

    def test_of_a_function_are_left_out_for_a_program(self):
        assert of_program({"backend": "threads", "workers": 2, "binding": "cores", "blocks": 3}) == {"workers": 2, "blocks": 3}
