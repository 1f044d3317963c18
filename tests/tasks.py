"""Workloads for tests, imported by name in real hosts and workers."""

import os
import sys
import threading
import time
from pathlib import Path

from scalebench.workloads import Workload, count_work


def square(item):
    return item * item


def in_base(item, base=10, others=None):
    return item % base, others is None


def squares_or_looks(item):
    """The square of a number; of a name, what the task of that name answers."""
    return globals()[item](item) if isinstance(item, str) else square(item)


def fails_on_three(item):
    if item == 3:
        raise ValueError("three is too hard")
    return item


def length(item):
    return len(item)


def prints_and_reads(item):
    """Everything that could get into the protocol's way."""
    print("finished task", item, flush=True)
    print('\x1escalebench\x1e{"wall_s": 0}')
    os.write(1, b"to descriptor 1\n")
    sys.stderr.write("to the error stream\n")
    return (item, sys.stdin.read(), os.read(0, 10))


def _generate():
    """What not even dill can pickle."""
    yield 1


def returns_a_generator(_item):
    return _generate()


class BecomesAGenerator:
    """Can be sent to the host, but not from the host to a worker."""

    def __reduce__(self):
        return _generate, ()


def ignores(_item):
    return 1


def heavy_modules(_item):
    return sorted({"pandas", "pyarrow", "rich", "pytest", "scipy"} & sys.modules.keys())


_times_set_up = threading.local()


def _set_up():
    _times_set_up.count = getattr(_times_set_up, "count", 0) + 1
    time.sleep(0.2)
    return b"x" * 10_000_000


set_up_once = Workload(function=lambda item, shared: (item, len(shared), _times_set_up.count), setup=_set_up)


def _set_up_badly():
    raise RuntimeError("the input is missing")


fails_in_setup = Workload(function=square, setup=_set_up_badly)


def multiplies(item):
    import numpy as np

    return int((np.eye(50) * item).sum())


def _reset_blas():
    import numpy as np
    from threadpoolctl import threadpool_limits

    np.eye(2) @ np.eye(2)
    threadpool_limits(3)  # as a library that thinks it knows better


resets_blas_threads = Workload(function=lambda item, _shared: multiplies(item), setup=_reset_blas)


def spins_for_odd_items(item):
    from scalebench.workloads.spin import run

    run(item, 0, 2_000 if item % 2 else 0)


def wrong_in_workers(item):
    """Right in the host that computes the reference, wrong in any worker process below it."""
    return item + (os.environ.get("OPENBLAS_NUM_THREADS") == "2")


def fails_in_threads(item):
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("not in a thread")
    return item


_kept = []


def keeps_330_mb(item):
    """And a while, since loky looks at the memory of a worker once a second."""
    if not _kept:
        _kept.append(b"x" * 330_000_000)
    time.sleep(1.1)
    return item


checked = Workload(function=square, check=lambda item, answer: answer == item * item)
checked_wrong = Workload(function=square, check=lambda item, answer: item != 2)
counted = Workload(function=square, work_units=lambda item, answer: item + answer)


def counts_ten(item):
    count_work(4)
    count_work(6)
    return item


def dies(item):
    if item == 2:
        os._exit(7)
    return item


def hangs(item):
    if item == 2:
        time.sleep(1000)
    return item


def dies_once(item):
    """The first worker to come here dies; its mark tells the next launch not to."""
    mark = os.environ["SCALEBENCH_TEST_MARK"]
    if item == 1 and not os.path.exists(mark):
        open(mark, "w").close()
        os._exit(9)
    return item


def exits(item):
    if item == 1:
        sys.exit("leaving")
    return item


def leaves_a_grandchild(item):
    import subprocess

    if item == 0:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "a grandchild"])
    return item


def where_it_may_run(_item):
    return len(os.sched_getaffinity(0))


def fails_after_the_warm_up(item):
    """The last item of the warm-up leaves a mark; the first one of the round after it sees that."""
    mark = os.environ["SCALEBENCH_TEST_MARK"]
    if item == 0 and os.path.exists(mark):
        raise ValueError("this time it is too hard")
    if item == 9:
        open(mark, "w").close()
    return item


def fails_in_other_threads(item):
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("not in the main thread")
    return item


class SlowToSend:
    """An item that takes 50 ms to be pickled, wherever that is done: a known delay before each dispatch."""

    DELAY_S = 0.05

    def __init__(self, milliseconds):
        self.milliseconds = milliseconds

    def __reduce__(self):
        time.sleep(self.DELAY_S)
        return SlowToSend, (self.milliseconds,)


def naps(item):
    time.sleep(item.milliseconds / 1e3)


def computes_twice_in_workers(_item):
    """One unit of work for the caller; twice the CPU time in a process that multiprocessing started.

    By the clock of the CPU time: a neighbour on the same core makes any fixed number of turns cost more of it.
    """
    import multiprocessing

    until = time.thread_time() + (0.02 if multiprocessing.parent_process() is None else 0.04)
    while time.thread_time() < until:
        pass
    count_work(1)


def counts_what_the_environment_says(item):
    """As much work as a variant's environment asks for; the answer is the same."""
    count_work(int(os.environ.get("SCALEBENCH_TEST_WORK", "1")))
    return item


def counts_two_where_pandas_could_be_imported(item):
    from importlib.util import find_spec

    count_work(2 if find_spec("pandas") else 1)
    return item


def answers_what_the_environment_says(_item):
    return os.environ.get("SCALEBENCH_TEST_WORK")


def sleeps_as_the_environment_says(_item):
    time.sleep(float(os.environ["SCALEBENCH_TEST_SLEEP"]))


kept = []


def leaves_things_and_hangs(item):
    """A file, a folder and shared memory that it never removes, a child that outlives it; and it comes to no end."""
    import subprocess
    import tempfile
    from multiprocessing import shared_memory

    tempfile.mkdtemp()
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"left")
    kept.append(shared_memory.SharedMemory(create=True, size=1000))
    subprocess.Popen(["sleep", "1000"])
    hangs(item)
    return item


def hangs_once_begun(folder):
    """The first time in a folder it answers; from then on it has no end."""
    begun = Path(folder, "begun")
    if begun.exists():
        Path(folder, "hangs").touch()
        while True:
            time.sleep(1000)
    begun.touch()


def hangs_when_asked(folder):
    """From when there is ``hang`` in a folder it has no end, and says so by ``hangs``."""
    if Path(folder, "hang").exists():
        Path(folder, "hangs").touch()
        while True:
            time.sleep(1000)
    time.sleep(0.01)


def spoils_the_terminal_and_dies(item):
    """Everything by which a task might reach the terminal that its run was started on; then, in a worker, death."""
    import multiprocessing
    import tty

    for way in ("/dev/tty", 0, 1, 2):
        try:
            terminal = os.open(way, os.O_RDWR) if isinstance(way, str) else way
            os.write(terminal, b"\x1b[?25l\x1b[?1049hspoilt")
            tty.setraw(terminal)
            os.tcsetpgrp(terminal, os.getpgrp())
        except (OSError, tty.error):
            continue
    if item == 2 and multiprocessing.parent_process() is not None:
        os._exit(3)
    return item


def waits_on_its_host(folder):
    """On a node it says so and waits until the test lets it go; anywhere else it has nothing to wait for."""
    here = Path(folder, os.uname().nodename)
    if not here.name.startswith("node"):
        return
    here.touch()
    while not Path(folder, "go").exists():
        time.sleep(0.01)
