"""What an interpreter holds, asked before anything is measured: versions, backends, whether a workload can be imported."""

import platform
import sys
from importlib import import_module
from typing import Any

from scalebench.host import probe, worker


def about(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to ``about``.

    Args:
        request: ``packages`` (names), ``backends`` (name -> ``module:Class``), ``jobs`` (as workers are given them).
    Returns:
        ``python`` (text), ``version`` (major, minor), ``packages`` (name -> version of those installed), ``missing``
        (backend -> why it can't run here), ``failures`` (by job: why it can't be imported, or null), ``files`` (of all
        that is loaded now).
    """
    failures = [_failure(job) for job in request["jobs"]]
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "version": list(sys.version_info[:2]),
        "packages": {name: found for name in request["packages"] if (found := probe.installed(name)) is not None},
        "missing": {name: why for name, reference in request["backends"].items() if (why := _missing(reference)) is not None},
        "failures": failures,
        "files": sorted(file for file in files if isinstance(file, str)),
    }


def _missing(reference: str) -> str | None:
    module, _, name = reference.partition(":")
    try:
        reason: str | None = getattr(import_module(module), name)().unavailable()
    except Exception as error:  # noqa: BLE001 - another package's backend may raise anything
        return f"{reference} can't be loaded: {type(error).__name__}: {error}"
    return reason


def _failure(job: dict[str, Any]) -> str | None:
    try:
        worker.resolve(worker.Job(**job))
    except BaseException as error:  # noqa: BLE001 - the user's module may raise anything, sys.exit too
        return f"{type(error).__name__}: {error}"
    return None
