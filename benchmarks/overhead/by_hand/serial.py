from work import ITEMS, serve, task

serve(lambda: [task(item) for item in ITEMS])
