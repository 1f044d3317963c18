"""Tasks of the tests of this folder, found there by name."""

import multiprocessing
import os
import platform
import time
from pathlib import Path


def slow(item):
    """Say that a task has begun on this node, where the test wants to know; then take a tenth of a second."""
    if folder := os.environ.get("TEST_BEGUN"):
        Path(folder, platform.node()).touch()
    time.sleep(0.1)
    return item


def held(item):
    """On the second node, or in a worker of a pool, say that this item has begun there, and wait until the test says ``go``.

    The reference is on the first node and in no pool: it does not wait.
    """
    folder, node = Path(os.environ["TEST_BEGUN"]), platform.node()
    if node == "node2" or multiprocessing.parent_process() is not None:
        (folder / f"{node}-{item}").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
    return item


def told(item):
    """That the launcher's own arguments have set a variable here."""
    assert os.environ["MINE"] == "two words"
    return item


def bound(item):
    """That this process may use one CPU alone."""
    assert len(os.sched_getaffinity(0)) == 1
    return item
