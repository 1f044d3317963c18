import itertools
import sys
import time

from mpi4py import MPI
from work import ITEMS, WORKERS, task

comm = MPI.COMM_WORLD
parts = [ITEMS[rank * len(ITEMS) // WORKERS : (rank + 1) * len(ITEMS) // WORKERS] for rank in range(WORKERS)]
while comm.bcast(sys.stdin.readline() if comm.rank == 0 else None):
    comm.Barrier()
    start = time.perf_counter()
    mine = comm.scatter(parts if comm.rank == 0 else None)
    gathered = comm.gather([task(item) for item in mine])
    if comm.rank == 0:
        answers = list(itertools.chain.from_iterable(gathered))
        print(repr(time.perf_counter() - start), flush=True)
        assert len(answers) == len(ITEMS)
