"""Files of other tools as rows of ours, as far as that is honest.

``workload`` is the benchmark's full name, ``tasks`` the calls of a round and ``wall_s`` the whole round, never a call.
What such a file does not hold is null: backend, workers, work, blocks in random order. So it can be compared and
exported, and there is no scaling to show.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scalebench.errors import ResultsError
from scalebench.results.result import Result, check_rounds
from scalebench.results.schema import ROUNDS, TASKS, to_frame


def case_id(name: str) -> str:
    """A digest of all that is known of what was asked: the name."""
    return hashlib.blake2b(json.dumps({"benchmark": name}).encode(), digest_size=8).hexdigest()


def rows(name: str, *, wall_s: Sequence[float], calls: Sequence[int], **values: Any) -> pd.DataFrame:
    """Rounds of one launch of a benchmark.

    Args:
        name: Of the benchmark, in full.
        wall_s: Of each whole round.
        calls: Of the benchmark in each round.
        values: Other columns, one value or one for each round.
    """
    common = {"case_id": case_id(name), "workload": name, "attempt": 0, "status": "ok", "task_timing": "off", "warmup": False}
    return pd.DataFrame({"wall_s": wall_s, "tasks": calls}, dtype=object).assign(**{**common, **values})


def result(tables: list[pd.DataFrame], about: dict[str, Any], path: Path) -> Result:
    """A run of one session of the tool.

    Raises:
        ResultsError: A value that its column can't hold, or that nothing can be computed with.
    """
    whole = pd.concat(tables, ignore_index=True).assign(run_id=about["run_id"], study=about["tool"])
    try:
        found = to_frame(whole, ROUNDS)
    except (ValueError, TypeError, OverflowError) as error:
        raise ResultsError(f"{path} holds values that its columns can't: {error}.\nTake it as it was written") from None
    check_rounds(found, [(path, len(found))])
    return Result(found, to_frame(None, TASKS), about, path)
