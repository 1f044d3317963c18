"""Which of a broken pool's workers died by itself, and how."""

import signal
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

from scalebench.backends.deaths import first_death, unread


def workers(*exit_codes):
    return [SimpleNamespace(pid=number, exitcode=code) for number, code in enumerate(exit_codes, 100)]


def test_none_died_where_none_has_ended():
    assert first_death(workers(None, None)) is None


def test_the_one_that_ended_by_itself_is_told_from_those_that_the_pool_ended():
    assert str(first_death(workers(-signal.SIGTERM, 3, None), signal.SIGTERM)) == "worker process 101 ended with exit status 3"
    assert str(first_death(workers(-signal.SIGKILL, -11), signal.SIGKILL)) == "worker process 101 was killed by SIGSEGV"


def test_where_all_ended_by_the_pools_own_signal_it_was_that():
    assert str(first_death(workers(None, -signal.SIGTERM), signal.SIGTERM)) == "worker process 101 was killed by SIGTERM"


def test_an_answer_that_could_not_be_read_is_told_by_the_last_words_of_its_cause():
    error = BrokenProcessPool("broken")
    assert str(unread(error)) == "an answer can be pickled, but not unpickled: broken"
    error.__cause__ = Exception("'''\nTraceback (most recent call last):\nValueError: no number\n'''")
    assert str(unread(error)) == "an answer can be pickled, but not unpickled: ValueError: no number"
