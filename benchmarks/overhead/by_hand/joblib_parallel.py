from joblib import Parallel, delayed
from work import CHUNKSIZE, ITEMS, WORKERS, serve, task

if __name__ == "__main__":
    with Parallel(WORKERS, batch_size=CHUNKSIZE or "auto") as parallel:
        serve(lambda: parallel(delayed(task)(item) for item in ITEMS))
