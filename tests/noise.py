"""Machines whose truth is known: block moods, launches and rounds with a heavy right tail, drawn by the thousand.

All spreads are of logarithms (0.05 is about 5%). Magnitudes are those of ``results/reference/amd-epyc-2cpu``: over its
45 cases the launch medians of a case have a standard deviation of 0.13 between blocks, the rounds of a launch one of
0.09 whose middle (by the median absolute deviation) is only 0.05 wide: the rest is slow rounds.

The truth of a case is the population value of what is printed: the geometric mean, over all blocks that might have
been, of the lower median round of the case's launch.
"""

from dataclasses import dataclass, replace

import numpy as np

from scalebench.analysis.precision import IN_A_ROW, LEAST_JUDGED
from scalebench.analysis.statistics import half_width


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where time varies, and by how much."""

    mood: float = 0.05  #: of a block, shared by its launches
    launch: float = 0.10  #: of a launch of its own
    neighbour: float = 0.0  #: chance that a launch has a neighbour, which costs it ``neighbour_cost``
    neighbour_cost: float = 0.2
    slow_launch: float = 0.0  #: chance of a slow launch; its cost is exponential, of mean ``slow_cost``
    slow_cost: float = 0.15
    round: float = 0.04  #: of a round
    slow_round: float = 0.12  #: chance of a slow round; its cost is exponential, of mean 0.15


#: even: log-normal. neighbour: launches have one of two speeds, as in the reference run. tail: one launch in ten is slow.
#: rare: the hard one, steady launches of which one in ten is far off
MACHINES = {
    "even": Machine(),
    "neighbour": Machine(launch=0.06, neighbour=0.4, slow_launch=0.05),
    "tail": Machine(launch=0.08, slow_launch=0.1),
    "rare": Machine(mood=0.01, launch=0.01, slow_launch=0.1, slow_cost=0.2, round=0.01),
}


def walls(machine, generator, studies, blocks, rounds, cases=2):
    """Wall times, shape ``(studies, cases, blocks, rounds)``; case 0 is the baseline, the others have twice its slow launches."""
    shape = (studies, cases, blocks)
    chance = machine.slow_launch * np.where(np.arange(cases) > 0, 2, 1)[:, None]
    logs = generator.normal(0, machine.mood, (studies, 1, blocks)) + generator.normal(0, machine.launch, shape)
    logs = logs + machine.neighbour_cost * (generator.random(shape) < machine.neighbour)
    logs = logs + (generator.random(shape) < chance) * generator.exponential(machine.slow_cost, shape)
    within = generator.normal(0, machine.round, (*shape, rounds))
    within += (generator.random(within.shape) < machine.slow_round) * generator.exponential(0.15, within.shape)
    return 0.1 * np.exp(logs[..., None] + within)


def medians(walls):
    """The lower median round of each launch: the last axis goes."""
    return np.sort(walls, axis=-1)[..., (walls.shape[-1] - 1) // 2]


def quantities(launches):
    """``wall_s`` of case 1 and its ``speedup`` over case 0, each of shape ``(studies, blocks)``."""
    return {"wall_s": launches[:, 1], "speedup": launches[:, 0] / launches[:, 1]}


def truths(machine, rounds):
    """Population values of :func:`quantities`: of 400,000 launches, whose own error is below 0.0003."""
    one_block = replace(machine, mood=0.0)
    launches = medians(walls(one_block, np.random.default_rng(99), 400_000, 1, rounds))
    return {name: float(np.exp(np.log(values).mean())) for name, values in quantities(launches).items()}


def running_intervals(logs):
    """Mean and half-width of the interval over the first block, the first two and so on; logs and both ``(studies, blocks)``."""
    counts = np.arange(1, logs.shape[1] + 1)
    mean = logs.cumsum(axis=1) / counts
    variance = np.maximum((logs**2).cumsum(axis=1) / counts - mean**2, 0) * counts / np.maximum(counts - 1, 1)
    half = half_width(np.sqrt(variance), np.broadcast_to(counts, variance.shape))
    return mean, np.where(np.isnan(half), np.inf, half)


def stop_at(narrow, *, least=LEAST_JUDGED, in_a_row=IN_A_ROW):
    """Blocks, by study, at which ``in_a_row`` numbers of blocks from ``least`` on were narrow; the last where none were."""
    ok = narrow & (np.arange(1, narrow.shape[1] + 1) >= least)
    running = ok.copy()
    for back in range(1, in_a_row):
        running[:, back:] &= ok[:, :-back]
        running[:, :back] = False
    running[:, -1] = True
    return running.argmax(axis=1) + 1
