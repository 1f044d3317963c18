"""Tasks of the tests of this folder, found there by name."""

import time


def slow(item):
    time.sleep(0.1)
    return item
