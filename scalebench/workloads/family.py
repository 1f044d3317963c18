"""The ``really_hard_task`` family: the lecture's function, and its items for a sweep.

Promises: the same items, sizes and answers on every machine; with an imbalance, the same total work.
Not here: what a kind does (its own file), timing (``scalebench.host``).
"""

import random
from collections.abc import Iterable, Sequence

from scalebench.workloads.kinds import get_kind

NAME = "really_hard_task"  #: what the workload is called in studies and columns


def really_hard_task(n: int, kind: str = "crunch", size: str | None = None) -> object:
    """Do something really hard for item ``n``, and say so: the function that the lecture maps over a pool.

    Args:
        n: The item; it seeds the task's generator, so equal items have equal answers in any process.
        kind: ``sleep``, ``spin``, ``crunch``, ``blas`` or ``stream``.
        size: How much; the unit is the kind's own. The kind's default when None.
    Returns:
        The kind's answer; None for ``sleep`` and ``spin``.
    """
    which = get_kind(kind)
    answer = which.run(n, *which.parse(which.default_size if size is None else str(size)))
    print(f"finished task {n}", flush=True)
    return answer


def spread(units: int, tasks: int, imbalance: float, seed: int) -> list[int]:
    """Sizes of ``tasks`` tasks: seeded, spread by ``imbalance``, the same total as without.

    Args:
        units: Mean size of a task, >= 1.
        tasks: How many, >= 0.
        imbalance: Half-width of the uniform spread relative to the mean, in [0, 1]: 0.5 is sizes from half to
            one and a half times the mean.
        seed: Of the generator; one seed gives one spread on every machine.
    Returns:
        ``tasks`` whole numbers >= 1 that add up to ``units * tasks`` exactly.
    """
    if not imbalance or not tasks:
        return [units] * tasks
    generator = random.Random(f"scalebench-imbalance-{seed}")
    weights = [1 + imbalance * (2 * generator.random() - 1) for _ in range(tasks)]
    total = units * tasks
    weight_in_all = sum(weights)
    exact = [total * weight / weight_in_all for weight in weights]
    sizes = [max(1, int(value)) for value in exact]
    # largest remainder: hand out what rounding down kept back
    by_remainder = sorted(range(tasks), key=lambda task: sizes[task] - exact[task])
    missing = total - sum(sizes)
    step = 1 if missing > 0 else -1
    index = 0
    while missing:
        task = by_remainder[index % tasks]
        if sizes[task] + step >= 1:
            sizes[task] += step
            missing -= step
        index += 1
    return sizes


def make_items(
    kind: str, size: str, tasks: int, imbalance: float, seed: int, numbers: Sequence[int] | None = None
) -> list[tuple[int, int, int]]:
    """The items of a sweep, ``(n, shape, units)`` each, as ``Kind.run`` takes them.

    Args:
        kind, size, imbalance, seed: As in the study.
        tasks: How many items.
        numbers: The ``n`` of each, repeated until there are ``tasks``; ``range(tasks)`` when None.
    """
    shape, units = get_kind(kind).parse(size)
    which: Iterable[int] = range(tasks) if numbers is None else (numbers[i % len(numbers)] for i in range(tasks))
    return [(n, shape, task_units) for n, task_units in zip(which, spread(units, tasks, imbalance, seed), strict=True)]
