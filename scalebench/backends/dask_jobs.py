"""Workers of dask in jobs of Slurm, by dask-jobqueue: ``python -m scalebench.backends.dask_jobs COUNT NAME``.

A process beside the controller has the scheduler, and one job a worker, or one for as many as are configured to share one. Each line
that it reads is a question, which it answers with a line of JSON: the address, how many workers are up, and how many jobs there should
be. With the end of its input the jobs are given back and it ends.

What a job asks for (partition, account, time, memory) is dask-jobqueue's own configuration, section ``jobqueue.slurm``.
"""

import json
import logging
import socket
import subprocess
import sys
import tempfile
from typing import Any


def address_to(node: str) -> str:
    """The address of this machine that a node answers to; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node, 9))
        return str(probe.getsockname()[0])


def _first_node() -> str:
    told = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--format=%o"], capture_output=True, text=True, check=False, timeout=30
    )
    if told.returncode or not told.stdout.split():
        raise SystemExit(f"sinfo knows no node: {told.stderr.strip()}")
    return told.stdout.split()[0]


def cluster(count: int, name: str) -> Any:
    """A scheduler that only this network's side of the machine listens on, and a job for each worker."""
    import dask
    from dask_jobqueue.slurm import SLURMCluster

    def configured(key: str) -> Any:
        return dask.config.get(f"jobqueue.slurm.{key}")

    place = dict(configured("scheduler-options") or {})
    if not place.keys() & {"host", "interface"} and configured("interface") is None:
        place["host"] = address_to(_first_node())
    quiet = [] if configured("log-directory") else ["--output=/dev/null"]
    together = configured("processes") or 1
    found = SLURMCluster(
        cores=together, processes=together, job_name=name, nanny=together > 1,  # dask starts several by a nanny alone
        memory=configured("memory") or "1GB",
        job_directives_skip=[*configured("job-directives-skip"), *([] if configured("memory") else ["--mem="])],
        job_extra_directives=[*configured("job-extra-directives"), "--no-requeue", *quiet],
        # no limit of memory, by which workers would write to disk, and no page of their own
        worker_extra_args=[*configured("worker-extra-args"), "--memory-limit", "0", "--no-dashboard",
                           "--preload-nanny" if together > 1 else "--preload", "scalebench.backends.dask_worker"],
        local_directory=configured("local-directory") or tempfile.gettempdir(),
        scheduler_options={"dashboard": False, "dashboard_address": ":0", **place},
    )  # fmt: skip
    script = found.job_script()  # type: ignore[no-untyped-call]
    told = subprocess.run(["sbatch", "--test-only"], input=script, capture_output=True, text=True, check=False)
    if told.returncode:  # else nobody would hear of it
        raise SystemExit(f"Slurm refuses such a job: {told.stderr.strip() or told.stdout.strip()}")
    found.scale(count)  # type: ignore[no-untyped-call]
    return found


def main() -> None:
    """Start the workers, answer questions, end."""
    count, name = int(sys.argv[1]), sys.argv[2]
    logging.disable(logging.CRITICAL)  # of workers that come and go
    jobs = cluster(count, name)
    try:
        for _ in sys.stdin:
            print(json.dumps({"address": jobs.scheduler_address, "up": len(jobs.scheduler_info["workers"]),
                              "jobs": len(jobs.worker_spec)}), flush=True)  # fmt: skip
    finally:
        jobs.close(timeout=30)


if __name__ == "__main__":
    main()
