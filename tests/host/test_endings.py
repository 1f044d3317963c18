"""How processes ended, in words."""

import signal

import pytest

from scalebench.host.endings import ending


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with exit status 0"),
        (3, "ended with exit status 3"),
        (-signal.SIGKILL, "was killed by SIGKILL"),
        (-(signal.SIGRTMIN + 3), f"was killed by signal {signal.SIGRTMIN + 3}"),
    ],
)
def test_a_status_is_an_exit_or_a_signal_by_its_name_if_it_has_one(status, words):
    assert ending(status) == words
