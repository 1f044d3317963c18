"""What a worker of dask in a job loads first (``dask worker --preload``): that it ends with its job.

The job's shell starts the worker, and is all that Slurm is sure to end: where processes are found by their parents
(``proctrack/linuxproc``) it does not see one whose name has a space in it, and dask calls itself ``dask worker [ADDRESS]``. Such a
worker would go on for its scheduler, on a node that others are given. So the kernel ends it when the shell is gone.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Be killed when the process that started this one ends."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended meanwhile
        os.kill(os.getpid(), signal.SIGKILL)


if sys.platform == "linux":
    end_with_parent()
