"""The workloads: the ``really_hard_task`` family, and how anybody's function becomes one.

``from scalebench.workloads import really_hard_task`` gives the lecture's function, ready for any pool:
``list(pool.map(really_hard_task, [3, 5, 10, 15]))``.
"""

from scalebench.workloads.describe import Workload
from scalebench.workloads.family import really_hard_task
from scalebench.workloads.work import count_work

__all__ = ["Workload", "count_work", "really_hard_task"]
