"""The columns of the tables that analysis returns: type, unit, of what a ratio is, range, meaning; the one place that tells them.

What a column of the rounds means, it means here too. Ratios are dimensionless, 1 is as good as what they are taken against. How
they are computed stands where that is done: ``scaling``, ``efficiency``, ``granularity``, ``compare``.
"""

from collections.abc import Iterable
from dataclasses import replace

from scalebench.analysis.efficiency import LOSSES
from scalebench.analysis.granularity import CURVE
from scalebench.analysis.recommend import QUESTION, SETUP
from scalebench.analysis.scaling import CASE, SHOWN
from scalebench.results import schema
from scalebench.results.schema import Column

_OF_ROUNDS = {one.name: one for one in schema.ROUNDS}
USUAL = "95%, over blocks; null below three"  #: what most intervals are
_SERIAL = "work per second of serial with one BLAS thread, same block"
_SERIAL_AS_MANY = "work per second of serial with as many BLAS threads, same block"
_BY_SERIAL = "the same of that serial baseline, same block"
_BY_BEST = "work per second of the best serial case of any size"


def _same(names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(_OF_ROUNDS[name] for name in names)


def _with_interval(one: Column, of: str = USUAL) -> tuple[Column, ...]:
    """A figure, then the ends of its interval, which may pass a bound that the figure itself keeps to."""
    ends = ((end, f"{word} end of its interval: {of}") for end, word in (("low", "lower"), ("high", "upper")))
    within = "> 0" if one.range in ("0 to 1", ">= 1") else one.range
    return (one, *(replace(one, name=f"{one.name}_{end}", meaning=meaning, range=within) for end, meaning in ends))


def _ratio(name: str, meaning: str, of: str, within: str = "> 0") -> Column:
    return Column(name, "float", meaning, "ratio", within, of)


#: of ``scaling.scaling``: one row a case
SCALING = (
    *_same([*CASE, *SHOWN]),
    *_with_interval(replace(_OF_ROUNDS["wall_s"], meaning="of a launch its median round; of launches their geometric mean over blocks")),
    Column("blocks", "int", "blocks with a launch that ran well", "count", ">= 0"),
    *_with_interval(_ratio("speedup", "work per second", _SERIAL)),
    *_with_interval(_ratio("efficiency", "work per second and worker", _SERIAL_AS_MANY)),
    *_with_interval(_ratio("relative_speedup", "work per second", "work per second of one worker of the same backend, same block")),
    *_with_interval(_ratio("efficiency_per_thread", "work per second, worker and BLAS thread of each", _SERIAL)),
    replace(_OF_ROUNDS["startup_s"], meaning="until all workers are set up; geometric mean over blocks"),
    replace(_OF_ROUNDS["cpu_tree_s"], meaning="CPU time of the host and all workers of its node; geometric mean over blocks"),
    replace(_OF_ROUNDS["rss_peak_bytes"], meaning="largest peak resident set of any one of the processes, in any launch"),
    *_with_interval(replace(_OF_ROUNDS["figure_of_merit"],
                            meaning="of a program's output; geometric mean over blocks, its median where one is not positive")),
    replace(_OF_ROUNDS["oversubscribed"], meaning="runnable_threads > cpu_budget, in any launch"),
    replace(_OF_ROUNDS["runnable_threads"], meaning="threads expected to want a CPU at a time, the most of any launch"),
    replace(_OF_ROUNDS["cpu_budget"], meaning="CPUs that the workers might use, the most of any launch"),
    *_same(["blas_found_max", "blas_found_min"]),
    Column("failed", "int", "blocks with a row whose status is not ok", "count", ">= 0"),
    replace(_OF_ROUNDS["status"], meaning="of the first row that is not ok; else ok"),
    replace(_OF_ROUNDS["message"], meaning="of the first row that is not ok: the cause"),
)  # fmt: skip


def _of_scaling(*names: str) -> tuple[Column, ...]:
    return tuple(one for one in SCALING if one.name in names)


_FACTORS = (
    _ratio(
        "baseline_overhead", "wall time of the serial baseline's round", "wall time in its tasks: what it lost itself", ">= 1"
    ),
    _ratio("computation_scalability", "units of work per second of task", _BY_SERIAL),
    _ratio("cpu_availability", "share of the tasks' time with a CPU", _BY_SERIAL),
    _ratio("cpu_cost", "units of work per second of CPU time", _BY_SERIAL),
    _ratio("load_balance", "mean time in tasks of a worker", "that of the worker that was busy longest", "0 to 1"),
    _ratio("dispatch_efficiency", "time in tasks of the worker that was busy longest", "wall time of the round", "0 to 1"),
    _ratio("cpu_use", "of a program: CPU time by workers x wall time; null for others", _BY_SERIAL),
)
_LOST = "an efficiency of 1: 100 points"
#: of ``Result.efficiency()``: the columns of :data:`SCALING`, then these
EFFICIENCY = (
    *SCALING,
    *(column for one in _FACTORS for column in _with_interval(one)),
    *(Column(f"lost_to_{name}", "float", f"lost to {name}; below 0: gained", "ratio", "any", _LOST) for name in LOSSES),
    Column("lost_to", "str", "the largest loss; null where there is none", "", ", ".join(LOSSES)),
    *_with_interval(_ratio("lost", "how much that is", _LOST, "any"), "of its factor"),
    Column("gained_by", "str", "the largest gain; null where there is none", "", ", ".join(LOSSES)),
    *_with_interval(_ratio("gained", "how much that is", _LOST, "any"), "of its factor"),
    Column("superlinear", "bool", "the whole interval of the efficiency is above 1"),
    *_with_interval(
        Column("payback_tasks", "float", "tasks after which the start of the pool has paid; null: never", "tasks", ">= 0"),
        "from the speedup's; null where that includes 1",
    ),
    Column("verdict", "str", "in words: how efficient, and where the largest part of the rest went"),
)  # fmt: skip

_PER_TASK = "s per task"
#: of ``granularity.granularity``: one row a curve over sizes
GRANULARITY = (
    *_same(CURVE),
    *_with_interval(
        Column("metg_s", "float", "METG(50%): worker time of the shortest task that keeps half of the best serial rate", _PER_TASK, "> 0"),
        "95%, over blocks; null outside of the sweep",
    ),
    Column("useful_task_s", "float", "how much of that is work", _PER_TASK, "> 0"),
    Column("bound", "str", "below: even the shortest tasks keep half; above: not even the longest do", "", "crossed, below, above"),
    Column("crossings", "int", "how often neighbours in the sweep lie on two sides of one half", "count", ">= 0"),
    Column("finer_s", "float", "the next shorter task measured: METG was interpolated from there", _PER_TASK, "> 0"),
    Column("lost_up_to_s", "float", "the longest task above METG that lost more than half; null: none", _PER_TASK, "> 0"),
    Column("shortest_s", "float", "the shortest task of the curve, overhead included", _PER_TASK, "> 0"),
    Column("blocks", "int", "the fewest of its cases", "count", ">= 0"),
)  # fmt: skip
#: of ``granularity.curves``: one row a case of such a curve
GRANULARITY_CASES = (
    *_same([*CASE, *(name for name in CURVE if name not in CASE), "size", "tasks"]),
    Column("granularity_s", "float", "worker time that one task costs, overhead included; geometric mean over blocks", _PER_TASK, "> 0"),
    Column("blocks", "int", "blocks with a launch that ran well", "count", ">= 0"),
    _ratio("efficiency", "work per second and worker; geometric mean over blocks", _BY_BEST),
)  # fmt: skip

#: of ``Recommendation.cases``: one row a case
RECOMMENDED = (
    *_same(dict.fromkeys([*CASE, "suite", *(name for name in (*QUESTION, *SETUP) if name != "work"), "workers", "tasks", "oversubscribed"])),
    Column("work", "int", "tasks; where scaling is weak, of each worker", "tasks", ">= 1"),
    *_of_scaling("wall_s", "startup_s", "speedup", "speedup_low", "speedup_high", "blocks"),
    Column("time", "float", "time for a unit of work", "s per unit of work", "> 0"),
    Column("left_out", "str", "why it can't be recommended; else null"),
    Column("threads", "float", "workers x BLAS threads of each", "count", ">= 1"),
    _ratio("cost", "workers x BLAS threads x wall time, for the same work", "that of the cheapest case", ">= 1"),
    _ratio("slower", "time for the same work", "that of the fastest case", ">= 1"),
    Column("slower_high", "float", "its upper bound: 95%, for all cases together", "ratio", ">= 1", "that of the fastest case"),
    Column("shown", "bool", "shown to be at most 10% slower than the fastest"),
)  # fmt: skip

#: of ``compare.compare``: one row a case and side
COMPARE = (
    *_same(["case_id", *(one.name for one in schema.ASKED)]),
    Column("side", "int", "which one is compared with the first, from 1", "index", ">= 1"),
    Column("baseline_s", "float", "cost on the first side", "s per what the column per says", "> 0"),
    Column("side_s", "float", "cost on this side", "s per what the column per says", "> 0"),
    *_with_interval(_ratio("ratio", "cost on this side; above 1 is slower", "cost on the first side"), "95%, of this case alone"),
    Column("replicates", "str", "what the interval is over", "", "pairs, runs, blocks, rounds"),
    Column("baseline_count", "int", "how many of them the first side has", "count", ">= 1"),
    Column("side_count", "int", "how many of them this side has", "count", ">= 1"),
    Column("p", "float", "chance of a ratio as far from 1, if nothing had changed", "probability", "0 to 1"),
    Column("p_holm", "float", "the same for all comparisons of one call together", "probability", "0 to 1"),
    Column("verdict", "str", "at 5% for all of one call", "", "same, faster, slower, can't tell, differs, drift not excluded"),
    _ratio("detectable", "the slowdown that such a test finds in 80% of cases; null without an interval", "cost on the first side", ">= 1"),
    Column("answers", "str", "between the two sides", "", "same, differ, unchecked"),
    Column("per", "str", "what a cost is of", "", "round, call, unit of work"),
)  # fmt: skip
