"""Location and interval over blocks.

A block's launches share the machine's mood of that moment; what varies independently is the block. So every interval
is over blocks: the t interval of the logarithms of one value per block. Logarithms, since times and ratios
are positive and combine by products; their mean is the geometric mean, and the factors of a product stay a product.

What it covers: for log-normal block-to-block variation the nominal share, from three blocks on; with few blocks and a
heavy tail somewhat less. Below three blocks none is given.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

LEAST_BLOCKS = 3  #: that an interval is given for
CONFIDENCE = 0.95


def over_blocks(values: pd.Series, groups: list[pd.Series]) -> pd.DataFrame:
    """Geometric mean of one positive value per block, and its interval, by group.

    Args:
        values: One per case and block, any unit, > 0; null where the block has none.
        groups: What tells the groups apart, each of the length of ``values``.
    Returns:
        Index: the groups; columns ``value``, ``low``, ``high`` in the unit of ``values`` and ``blocks`` (a count).
        ``low`` and ``high`` are null below three blocks.
    """
    logs = pd.Series(np.log(values.to_numpy(dtype=float)), index=values.index)
    by = logs.groupby(groups, dropna=False, sort=False)
    mean, spread, blocks = by.mean(), by.std(ddof=1), by.count()
    half = half_width(spread.to_numpy(dtype=np.float64), blocks.to_numpy(dtype=np.int64))
    return pd.DataFrame(
        {"value": np.exp(mean), "low": np.exp(mean - half), "high": np.exp(mean + half), "blocks": blocks}, index=mean.index
    )


def half_width(spread: npt.NDArray[np.floating], blocks: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
    """Half-width of the t interval of a mean, in the unit of ``spread`` (its standard deviation over blocks).

    Source: Student 1908, doi:10.1093/biomet/6.1.1.
    """
    from scipy.special import stdtrit

    enough = blocks >= LEAST_BLOCKS
    freedom = np.where(enough, blocks - 1, 1)
    quantile = stdtrit(freedom, 0.5 + CONFIDENCE / 2)
    return np.where(enough, quantile * spread / np.sqrt(np.maximum(blocks, 1)), np.nan)
