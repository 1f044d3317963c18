"""The one line of a message that stands for it."""

import pytest

from scalebench.errors import brief


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (None, ""),
        ("the host was killed by SIGKILL during 'round'\nIt printed last:\nTraceback (most recent call last):", "the host was killed by SIGKILL during 'round'"),
        ("task 3 raised ValueError: no\nin worker 7 on node:\nTraceback (most recent call last):\n  x", "task 3 raised ValueError: no"),
        ("Traceback (most recent call last):\n  x\nValueError: no\n", "ValueError: no"),
        ('mpi4py.futures._core.RemoteTraceback:\n"""\nTraceback (most recent call last):\n"""\nTypeError: no', "TypeError: no"),
    ],
)  # fmt: skip
def test_is_the_first_or_the_last_of_a_traceback(message, line):
    assert brief(message) == line
