"""The words that completion offers are those that commands take."""

from scalebench.analysis.laws.registry import LAWS
from scalebench.analysis.statistics import QUANTILES
from scalebench.cli import compare, completion


def test_names_of_laws_and_of_statistics_which_it_does_not_load_are_those_that_there_are():
    assert tuple(LAWS) == completion._LAWS
    assert tuple(QUANTILES) == compare.LOCATIONS


def test_words_of_an_axis_are_completed_in_every_shell():
    for shell in ("bash", "zsh", "fish"):
        script = completion.script(shell)
        assert all(word in script for word in ("forkserver", "cyclic", "low-quantile", "gustafson", "dispatch"))
