"""A variant as it is written: one meaning for each text, and everything else refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.errors import StudyError
from scalebench.study import Study, described, each_suite, override
from scalebench.study_file import read_study
from scalebench.variants import THREAD_VARIABLES, Variant, read_variants

variables = st.dictionaries(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in THREAD_VARIABLES),
    st.text("abcXYZ019=:/.{} ", max_size=8),
    min_size=1,
    max_size=4,
)


class TestAFlag:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("old=/usr/bin/python3", Variant(python="/usr/bin/python3")),
            ("old=python3.12", Variant(python="python3.12")),
            ("old=venv", Variant(python="venv")),
            ("old=python:git:odd", Variant(python="git:odd")),
            ("old=C:\\python\\python.exe", Variant(python="C:\\python\\python.exe")),
            ("old=git:HEAD~1", Variant(revision="HEAD~1")),
            ("old=git:feature/a=b", Variant(revision="feature/a=b")),
            ("old=env:A=1", Variant(env={"A": "1"})),
            ("old=env:A=", Variant(env={"A": ""})),
            ("old=env:A=1,B=x=y,C=", Variant(env={"A": "1", "B": "x=y", "C": ""})),
            ("old=env:GOMP_CPU_AFFINITY=0,1,B=2", Variant(env={"GOMP_CPU_AFFINITY": "0,1", "B": "2"})),
            ("old=env:URL=http://a/b?c=d,e", Variant(env={"URL": "http://a/b?c=d,e"})),
            ("old", Variant()),
        ],
    )
    def test_has_one_meaning(self, text, expected):
        assert read_variants([text]) == {"old": expected}

    @given(variables)
    def test_gives_any_variables_whose_values_hold_no_comma(self, env):
        text = ",".join(f"{name}={value}" for name, value in env.items())
        assert read_variants([f"new=env:{text}"])["new"].env == env

    @pytest.mark.parametrize(
        ("texts", "complaint"),
        [
            (["old="], "nothing stands after the ="),
            (["=python3"], "name"),
            (["a b=python3"], "name"),
            (["../x=python3"], "name"),
            (["x" * 33], "at most 32"),
            (["old=a", "old=b"], "two variants have this name"),
            (["old=env:"], "has no value"),
            (["old=env:A"], "'A' has no value"),
            (["old=env:A=1,A=2"], "given twice"),
            (["old=env:1A=1"], "not a variable's name"),
            (["old=env:OMP_NUM_THREADS=2"], "blas_threads"),
            (["old=env:SCALEBENCH_LAUNCH=2"], "can't be set"),
            (["old=git:"], "revision"),
        ],
    )
    def test_that_is_wrong_says_what_and_the_way_out(self, texts, complaint):
        with pytest.raises(StudyError) as raised:
            read_variants(texts)
        assert complaint in str(raised.value)
        assert raised.value.way_out


class TestAStudy:
    def test_measures_all_its_variants_and_a_suite_may_choose(self):
        study = Study(workers=1, variants={"old": "git:HEAD~1", "new": {}}, suites={"both": {}, "one": {"variant": "new"}})
        assert [one.variant for one in each_suite(study)] == [("old", "new"), ("new",)]
        assert Study(workers=1).variant == (None,)

    def test_of_flags_replaces_the_variants_of_its_file_in_every_suite(self):
        study = override(Study(workers=1, variants={"old": {}}, suites={"one": {"variant": "old"}}), {"variants": ["a", "b"]})
        assert [one.variant for one in each_suite(study)] == [("a", "b")]

    def test_in_toml_may_give_all_three_together(self, tmp_path):
        path = tmp_path / "ab.toml"
        path.write_text(
            'workers = 1\n[variants.old]\npython = "venv"\nrevision = "v1"\nenv = { A = 1, B = "x" }\n[variants.new]\n'
        )
        study = read_study(path)
        assert study.variants == {"old": Variant(python="venv", revision="v1", env={"A": "1", "B": "x"}), "new": Variant()}

    @pytest.mark.parametrize(
        ("asked", "complaint"),
        [
            ({"variants": {"a": {"pyton": "x"}}}, "Did you mean 'python'"),
            ({"variants": {"a": {"env": "A=1"}}}, "table of variables"),
            ({"variants": {"a": {"env": {"A": True}}}}, "not a value of the variable A"),
            ({"variants": {"a": {"env": {"A": "\0"}}}}, "not a value of the variable A"),
            ({"variants": {"a": {"python": 3}}}, "must be text"),
            ({"variants": {"a": {"revision": " "}}}, "must be text"),
            ({"variants": {"a": 3}}, "neither a table nor text"),
            ({"variants": "a"}, "must be a table"),
            ({"variants": {3: {}}}, "name"),
            ({"variants": {"old": {}}, "variant": "odl"}, "Did you mean 'old'"),
            ({"variant": "old"}, "the study has none"),
        ],
    )
    def test_of_wrong_variants_is_refused(self, asked, complaint):
        with pytest.raises(StudyError, match=complaint):
            Study(workers=1, **asked)

    json_like = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=2)),
        max_leaves=6,
    )

    @given(json_like)
    def test_takes_variants_or_raises_a_study_error_and_nothing_else(self, value):
        try:
            study = Study(workers=1, variants=value)
        except StudyError as error:
            assert str(error).count("\n") >= 1  # noqa: PT017 - the other way out of the property
        else:
            json.dumps(described(study))

    def test_is_described_without_a_path_of_this_machine(self):
        env = {"LD_LIBRARY_PATH": "/home/me/lib", "OPENBLAS_CORETYPE": "Haswell"}
        told = described(Study(workers=1, variants={"a": Variant(python="/home/me/venv/bin/python3", env=env)}))
        assert told["variants"] == {
            "a": {"python": "python3", "env": {"LD_LIBRARY_PATH": "(a path)", "OPENBLAS_CORETYPE": "Haswell"}, "revision": None}
        }
