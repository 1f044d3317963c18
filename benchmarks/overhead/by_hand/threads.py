from concurrent.futures import ThreadPoolExecutor

from work import ITEMS, WORKERS, serve, task

with ThreadPoolExecutor(WORKERS) as pool:
    serve(lambda: list(pool.map(task, ITEMS)))
