"""The Karp-Flatt metric: the serial fraction that each point implies by itself.

    e = (1 / S - 1 / p) / (1 - 1 / p)        S: speedup at p workers, both over the baseline; dimensionless

One that stays tells of serial work, one that grows with p of overhead. It is negative where a speedup is superlinear,
and stays so: clipped, it would hide what was measured. Source: Karp and Flatt 1990, doi:10.1145/78607.78614.
"""

import numpy as np
import numpy.typing as npt

from scalebench.analysis.statistics import Floats


def karp_flatt(speedup: npt.ArrayLike, workers: npt.ArrayLike) -> Floats:
    """The metric of each point, shape ``(n,)``; null at one worker, where any speedup fits.

    Args:
        speedup: Over the baseline, dimensionless, > 0, shape ``(n,)``.
        workers: Over the baseline's, >= 1, shape ``(n,)``.

    >>> karp_flatt([1.0, 1.82, 4.71], [1, 2, 8]).round(2).tolist()
    [nan, 0.1, 0.1]
    """
    count = np.asarray(workers, dtype=np.float64)
    parallel = np.where(count > 1, 1 - 1 / count, np.nan)
    return np.asarray((1 / np.asarray(speedup, dtype=np.float64) - 1 / count) / parallel)
