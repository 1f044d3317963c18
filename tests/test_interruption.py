"""Signals that come while something is done to its end, or while something is imported."""

import os
import signal

import pytest

from scalebench import cli
from scalebench.cli import list as command
from scalebench.interruption import Ended, Interruption, interruption_of


@pytest.fixture(autouse=True)
def _none_is_ignored():
    """Below nohup SIGHUP is, and stays so."""
    before = {
        number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)


def held(interruption, *signals, done=None, error=None):
    """All of it within what is done to its end."""
    with interruption.held():
        for number in signals:
            send(number)
        if error is not None:
            raise error
        done.append("to its end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_something_is_done_to_its_end_counts_afterwards(number):
    done = []
    with Interruption() as interruption, pytest.raises(Ended) as ended:
        held(interruption, number, done=done)
    assert done == ["to its end"]
    assert ended.value.status == 128 + number


def test_a_second_one_counts_at_once():
    done = []
    with Interruption() as interruption, pytest.raises(Ended) as ended:
        held(interruption, signal.SIGINT, signal.SIGTERM, done=done)
    assert done == []
    assert ended.value.status == 128 + signal.SIGTERM


def test_without_a_signal_nothing_is_raised_and_the_next_one_counts_at_once_again():
    done = []
    with Interruption() as interruption:
        held(interruption, done=done)
        assert done == ["to its end"]
        with pytest.raises(Ended):
            send(signal.SIGTERM)


def test_an_error_in_there_is_told_and_not_the_signal():
    with Interruption() as interruption, pytest.raises(OSError, match="full"):
        held(interruption, signal.SIGINT, error=OSError("full"))


class SendsInItsFinaliser:
    def __del__(self):
        send(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_was_dropped_counts_before_the_next_launch():
    with Interruption() as interruption:
        assert not interruption.asked()
        one = SendsInItsFinaliser()
        del one
        with pytest.raises(Ended) as ended:
            interruption.asked()
    assert ended.value.status == 128 + signal.SIGTERM


def as_an_extension_does():
    """The initialisation of one makes an ImportError of whatever is raised in it."""
    try:
        raise Ended(signal.SIGTERM)
    except Ended as error:
        raise ImportError("initialization failed") from error


def test_an_interruption_is_found_below_what_was_made_of_it():
    with pytest.raises(ImportError) as made:
        as_an_extension_does()
    assert interruption_of(made.value).status == 128 + signal.SIGTERM
    assert interruption_of(ImportError("no module")) is None


def test_a_command_that_is_ended_in_an_import_says_so_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(command, "main", lambda _: as_an_extension_does())
    assert cli.main(["list"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "scalebench: interrupted\n"


def test_an_import_that_fails_by_itself_is_no_interruption(monkeypatch):
    def fails(_):
        raise ImportError("no module")

    monkeypatch.setattr(command, "main", fails)
    with pytest.raises(ImportError, match="no module"):
        cli.main(["list"])
