"""``python -m scalebench.host [-m MODULE ...]``: keep the protocol's descriptors, then run ``MODULE``.

Whatever the workload prints or reads must not reach the protocol. So before anything else runs, the real
descriptors 0 and 1 are put aside; 0 then points at the null device and 1 at the standard error stream. This is
done in every process that a launcher starts, MPI's ranks too, whose output ends in one common pipe.

``MODULE`` is ``scalebench.host.serve`` unless given; ``mpi4py.futures`` and the like take their own arguments.
"""

import runpy
import sys

from scalebench.host import protocol

if __name__ == "__main__":
    protocol.take_descriptors()
    module = "scalebench.host.serve"
    if sys.argv[1:2] == ["-m"]:
        module = sys.argv[2]
        del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
