"""Runs of made-up pools, whose costs are known: played step by step, so that what is measured of them has a right answer."""

from factories import make_rounds

from scalebench.analysis.simulation.model import Costs
from scalebench.results.schema import TASKS, to_frame


def pool(workers):
    """The costs of one whose manager looks at each of its workers at each answer."""
    return Costs(lead_s=0.001, wake_s=1e-4, manager_s=1.5e-4 + 1e-6 * workers, turn_s=3e-4, ahead=workers + 1)


def played(chunks, workers, costs):
    """A round, told with lists: its wall time, and for each chunk the worker, start and stop."""
    waiting, coming, line = list(enumerate(chunks)), [], []
    free = [costs.lead_s + (number + 1) * costs.wake_s for number in range(workers)]
    clock, on_their_way = costs.lead_s, 0
    while waiting or coming:
        if waiting and on_their_way < workers + costs.ahead:
            worker = free.index(min(free))
            start = max(clock, free[worker]) + costs.turn_s
            number, lasts = waiting.pop(0)
            free[worker] = start + lasts
            coming.append(free[worker])
            line.append((number, worker, start, free[worker]))
            on_their_way += 1
        else:
            coming.sort()
            clock = max(clock, coming.pop(0)) + costs.manager_s
            on_their_way -= 1
    return clock + costs.tail_s, line


def pool_run(costs_at, *, workers=(8, 16, 32, 64), suites=((0.05, 4), (1e-5, 16)), startup_at=lambda count: 0.01 * count, broadcast_at=None, blocks=3,
             mood=lambda block: 1 + block / 64, keep_tasks=True, **common):  # fmt: skip
    """Rounds and tasks of a weak scaling run.

    Args:
        costs_at: Costs of a pool by its number of workers.
        workers: The counts.
        suites: Length of a task in s, and tasks per worker.
        startup_at: s by number of workers.
        broadcast_at: How much of it is broadcast; None: not told apart.
        blocks: How many, each with its own mood.
        mood: By block: a factor of all costs and times.
        keep_tasks: Whether tasks were recorded.
        common: Values of all rows.
    """
    rows, tasks = [], []
    for number, (lasts, each) in enumerate(suites):
        for block in range(blocks):
            for count in workers:
                factor = mood(block)
                costs = costs_at(count)
                scaled = Costs(**{name: getattr(costs, name) * factor for name in ("lead_s", "wake_s", "manager_s", "turn_s", "tail_s")},
                               ahead=costs.ahead)  # fmt: skip
                dealt = common.get("distribution") is not None
                chunks = [lasts * each] * count if dealt else [lasts] * (each * count)
                wall_s, line = played(chunks, count, scaled)
                total = each * count
                row = {"block": block, "workers": count, "tasks": total, "scaling": "weak", "wall_s": wall_s, "busy_s": total * lasts, "kind": "sleep",
                       "size": str(lasts * 1000), "suite": f"suite{number}", "backend": "processes", "chunksize": 1, "chunksize_found": 1,
                       "cpu_s": 0.01 * total * lasts, "startup_s": startup_at(count) * factor, "work_units": total,
                       "broadcast_s": None if broadcast_at is None else broadcast_at(count) * factor,
                       **({"start_method": "fork"} if "backend" not in common else {}), **common}  # fmt: skip
                rows.append(row)
                if dealt:
                    line = [(each * part + task, worker, start + task * lasts, start + (task + 1) * lasts)
                            for part, worker, start, _ in line for task in range(each)]  # fmt: skip
                tasks += [{"_row": len(rows) - 1, "block": block, "task": task, "worker": worker, "node": 0, "start_s": start, "stop_s": stop}
                          for task, worker, start, stop in line if keep_tasks]  # fmt: skip
    rounds = make_rounds(*rows)
    ids, run_id = list(rounds["case_id"]), rounds["run_id"].iloc[0]
    whole = [{**one, "run_id": run_id, "case_id": ids[one["_row"]], "attempt": 0, "round": 0} for one in tasks]
    return rounds, to_frame(whole, TASKS)
