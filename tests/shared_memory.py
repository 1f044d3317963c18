"""Shared memory that a test's launches left, told from that of tests beside it, which comes and goes."""

import os
import time

PLACE = "/dev/shm"
_OTHERS_S = 300  # for the launches of other tests to end; what is left goes at no time


def look():
    """The names of all that there is."""
    return set(os.listdir(PLACE)) if os.path.isdir(PLACE) else set()


def left_since(before):
    """What has come since and doesn't go."""
    left = look() - before
    give_up = time.monotonic() + _OTHERS_S
    while left and time.monotonic() < give_up:
        time.sleep(0.1)
        left &= look()
    return left
