"""How short may a task be? Minimum effective task granularity, METG(50%).

A case's granularity is wall x workers / tasks: the worker time that one task costs, overhead included. Its efficiency
is its work per second and worker over the best serial rate of any size. METG(50%) is the smallest granularity at
which half of that rate is kept; of that time, half is useful work: the useful task time.

Source: Slaughter et al. 2020, "Task Bench: A Parameterized Benchmark for Evaluating Parallel Runtime Performance",
SC20, doi:10.1109/SC41405.2020.00066.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from scalebench.analysis.scaling import CASE, launches
from scalebench.analysis.statistics import over_blocks

LEAST_SIZES = 4  #: distinct sizes that make a sweep of granularity
#: what a curve is of: all that was asked but for the size and the number of tasks
CURVE = ["run_id", "suite", "workload", "kind", "scaling", "backend", "start_method", "mpi_mode", "distribution", "binding",
         "chunksize", "workers", "blas_threads", "variant"]  # fmt: skip


def sweeps(rounds: pd.DataFrame) -> set[tuple[str, str]]:
    """``(run_id, suite)`` of the suites that sweep enough sizes of one kind."""
    sizes = rounds.groupby(["run_id", "suite", "workload", "kind"], dropna=False)["size"].nunique()
    return {(str(key[0]), str(key[1])) for key, count in sizes.items() if count >= LEAST_SIZES}  # type: ignore[index]


def curves(rounds: pd.DataFrame) -> pd.DataFrame:
    """Granularity and efficiency of every case of the suites that sweep sizes.

    Args:
        rounds: As loaded, any number of runs.
    Returns:
        One row a case: the columns of :data:`CURVE`, ``size``, ``tasks``, ``granularity_s`` (s of worker time per task),
        ``efficiency`` (dimensionless, 1 is the best serial rate of any size), each the geometric mean over blocks.
    """
    wanted = sweeps(rounds)
    chosen = launches(rounds)
    keep = [key in wanted for key in zip(chosen["run_id"], chosen["suite"], strict=True)]
    chosen = chosen[np.array(keep, dtype=bool)]  # a list that is empty would select no column
    chosen = chosen[chosen["work_units"].notna() & (chosen["tasks"] > 0)]
    workers = chosen["workers"].astype(float)
    chosen = chosen.assign(
        granularity_s=chosen["wall_s"] * workers / chosen["tasks"].astype(float),
        efficiency=chosen["work_units"].astype(float) / chosen["wall_s"] / workers,
    )
    cases = chosen.drop_duplicates(CASE)[[*CASE, *(name for name in CURVE if name not in CASE), "size", "tasks"]].set_index(CASE)
    for name in ("granularity_s", "efficiency"):
        cases[name] = over_blocks(chosen[name], [chosen[key] for key in CASE])["value"]
    cases = cases.reset_index()
    best = (
        cases[cases["backend"] == "serial"]
        .groupby(["run_id", "suite", "workload", "kind", "variant"], dropna=False)["efficiency"]
        .max()
    )
    keys = pd.MultiIndex.from_frame(cases[["run_id", "suite", "workload", "kind", "variant"]])
    cases["efficiency"] /= best.reindex(keys).to_numpy()
    return cases


def granularity(rounds: pd.DataFrame) -> pd.DataFrame:
    """METG(50%) of every curve.

    Returns:
        One row a curve: the columns of :data:`CURVE`; ``metg_s`` and ``useful_task_s`` (s per task; null where the curve
        doesn't cross 50%), ``bound``: ``crossed``, ``below`` (even the shortest tasks keep half: METG is at most
        ``shortest_s``), ``above`` (not even the longest do).
    """
    cases = curves(rounds)
    rows = []
    for key, curve in cases.groupby(CURVE, dropna=False, sort=False):
        metg_s, bound = metg(curve["granularity_s"].to_numpy(dtype=float), curve["efficiency"].to_numpy(dtype=float))
        shortest = float(curve["granularity_s"].min())
        rows.append(
            {
                **dict(zip(CURVE, key, strict=True)),
                "metg_s": metg_s,
                "useful_task_s": metg_s / 2,
                "bound": bound,
                "shortest_s": shortest,
            }
        )
    found = pd.DataFrame(rows, columns=[*CURVE, "metg_s", "useful_task_s", "bound", "shortest_s"])
    return found.astype(dict.fromkeys(["chunksize", "workers", "blas_threads"], "Int64"))


def metg(granularity_s: npt.NDArray[np.floating], efficiency: npt.NDArray[np.floating]) -> tuple[float, str]:
    """The granularity at which the efficiency falls through one half, between two measured points.

    Interpolated linearly in the logarithm of the granularity. Where the curve crosses more than once, the finest point
    that still keeps half counts, as the definition has it.

    >>> metg(np.array([1e-3, 1e-4]), np.array([0.9, 0.1]))[1]
    'crossed'
    """
    order = np.argsort(granularity_s)
    times, kept = granularity_s[order], efficiency[order]
    enough = np.flatnonzero(kept >= 0.5)
    if not len(enough):
        return float("nan"), "above"
    finest = int(enough[0])
    if finest == 0:
        return float("nan"), "below"
    low, high = finest - 1, finest
    share = (0.5 - kept[low]) / (kept[high] - kept[low])
    return float(times[low] ** (1 - share) * times[high] ** share), "crossed"
