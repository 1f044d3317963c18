from joblib import Parallel, delayed
from work import ITEMS, WORKERS, serve, task

if __name__ == "__main__":
    with Parallel(WORKERS) as parallel:
        serve(lambda: parallel(delayed(task)(item) for item in ITEMS))
