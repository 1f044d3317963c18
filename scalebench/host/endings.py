"""How a process ended, in words: for messages that tell the cause."""

import signal


def ending(status: int) -> str:
    """What follows the name of a process: its exit status, or the signal that killed it as a negative number.

    >>> ending(3), ending(-9)
    ('ended with exit status 3', 'was killed by SIGKILL')
    """
    return f"was killed by {signal_name(-status)}" if status < 0 else f"ended with exit status {status}"


def signal_name(number: int) -> str:
    """``SIGKILL``; most real-time signals have numbers alone."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
