from mpi4py.futures import MPIPoolExecutor
from work import CHUNKSIZE, ITEMS, WORKERS, serve, task

if __name__ == "__main__":
    with MPIPoolExecutor(WORKERS) as pool:
        serve(lambda: list(pool.map(task, ITEMS, chunksize=CHUNKSIZE or 1)))
