from concurrent.futures import ProcessPoolExecutor

from work import CHUNKSIZE, ITEMS, WORKERS, serve, task

if __name__ == "__main__":
    with ProcessPoolExecutor(WORKERS) as pool:
        serve(lambda: list(pool.map(task, ITEMS, chunksize=CHUNKSIZE or 1)))
