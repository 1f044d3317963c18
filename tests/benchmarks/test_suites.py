"""What ``nox -s bench`` measures is what ``scalebench run`` measures, whatever the profile."""

import re

from pages import ROOT

from scalebench.study_file import profile


def test_each_suite_of_each_profile_has_a_test_and_each_test_a_suite():
    marked = [
        name
        for file in sorted((ROOT / "benchmarks").glob("test_*.py"))
        for name in re.findall(r'mark\.scalebench\("(\w+)"\)', file.read_text(encoding="utf-8"))
    ]
    names = [path.stem for path in (ROOT / "scalebench" / "profiles").glob("*.toml")]
    assert sorted(marked) == sorted({suite for name in names for suite in profile(name).suites})
