"""Is a run precise enough? The rule by which a run that was asked for a precision ends.

An interval that is looked at after each block, and kept the first time that it is narrow, is too narrow: runs end where
the spread happens to look small. So every interval must be narrow four times running, over the first n - 3, n - 2, n - 1
and all n blocks, and none of fewer than five blocks counts. By simulation this loses one to two points of the 95%
where stopping at the first narrow interval of three blocks loses five (docs/methodology.md has the figures). Two-stage
rules, which decide the number of blocks from the first few (Stein 1945, doi:10.1214/aoms/1177731088), were no better for
the same blocks: they too trust a spread that happened to be small.
"""

import numpy as np
import pandas as pd

from scalebench.analysis.scaling import CASE
from scalebench.analysis.statistics import blocks_needed, over_blocks

IN_A_ROW = 4  #: numbers of blocks over which each interval must be narrow
LEAST_JUDGED = 5  #: blocks of an interval that counts
LEAST = LEAST_JUDGED + IN_A_ROW - 1  #: blocks of a run that a precision ends
QUANTITIES = ("wall_s", "speedup")  #: that the tables print with an interval; an efficiency is as precise as its speedup
_MOST_BLOCKS = 10_000  #: nobody measures more, so no larger number is told


def precisions(paired: pd.DataFrame) -> pd.DataFrame:
    """How narrow the intervals are.

    Args:
        paired: Launches beside their baseline: ``wall_s`` and ``speedup``, one row a launch.
    Returns:
        One row a case and quantity that the case has: the case's keys, ``quantity``, ``precision`` (half the interval's
        width relative to its value; null below three blocks), ``blocks``.
    """
    found = []
    for name in QUANTITIES:
        one = over_blocks(paired[name], [paired[key] for key in CASE])
        one["precision"] = (one["high"] - one["low"]) / (2 * one["value"])
        found.append(one[one["blocks"] > 0].reset_index().assign(quantity=name))
    return pd.concat(found, ignore_index=True)[[*CASE, "quantity", "precision", "blocks"]]


def judged(paired: pd.DataFrame, last: int) -> pd.DataFrame:
    """:func:`precisions` of what is still being measured: what block ``last`` has no value of will not get narrower."""
    whole = precisions(paired[paired["block"] <= last])
    now = precisions(paired[paired["block"] == last])[[*CASE, "quantity"]]
    return whole.merge(now, on=[*CASE, "quantity"])


def reached(paired: pd.DataFrame, wanted: float, last: int) -> bool:
    """Whether every interval is as narrow as wanted, by the rule of this module.

    Args:
        paired: Launches beside their baseline, of one run.
        wanted: Half an interval's width relative to its value, > 0.
        last: The last block, counted from 0.
    """
    if last + 1 < LEAST:
        return False
    return all(_narrow(judged(paired, block), wanted) for block in range(last, last - IN_A_ROW, -1))


def _narrow(found: pd.DataFrame, wanted: float) -> bool:
    return bool(found["precision"].le(wanted).all())  # null is not


def missed(paired: pd.DataFrame, wanted: float) -> pd.DataFrame:
    """The cases whose intervals are wider than wanted, the widest first.

    Returns:
        One row a case, of its wider quantity: the columns of :func:`precisions`, those without an interval first, and
        ``blocks_needed``: in all, by the spread seen; null where that is unknown or beyond 10,000.
    """
    found = precisions(paired)
    wide = found[~found["precision"].le(wanted)].sort_values("precision", ascending=False, na_position="first", kind="stable")
    wide = wide.drop_duplicates(CASE).reset_index(drop=True)
    logs = {name: pd.Series(np.log(paired[name].to_numpy(dtype=float)), index=paired.index) for name in QUANTITIES}
    spread = {name: one.groupby([paired[key] for key in CASE]).std(ddof=1) for name, one in logs.items()}
    needed: list[int | None] = []
    for _, one in wide.iterrows():
        found_spread = spread[one["quantity"]][tuple(one[CASE])]
        blocks = None if pd.isna(one["precision"]) else blocks_needed(found_spread, wanted, _MOST_BLOCKS)
        needed.append(None if blocks is None else max(LEAST, blocks + IN_A_ROW - 1))
    return wide.assign(blocks_needed=pd.array(needed, dtype="Int64"))
