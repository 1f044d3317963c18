import multiprocess
from work import CHUNKSIZE, ITEMS, WORKERS, serve, task

if __name__ == "__main__":
    with multiprocess.Pool(WORKERS) as pool:
        serve(lambda: pool.map(task, ITEMS, CHUNKSIZE or None))
