"""Whether libraries bring two OpenMP or BLAS runtimes into one process: each has threads of its own, which fight or hang.

Source: threadpoolctl's ``multiple_openmp.md``. What is installed of a few well-known libraries is imported in a process of its own.
"""

import json
import subprocess
import sys

from scalebench.doctor.base import Diagnosis, System

TITLE = "OpenMP runtimes"
LIBRARIES = ("numpy", "scipy.linalg", "sklearn.utils", "torch", "numexpr")
_LIMIT_S = 60.0
_CHILD = """
import importlib, importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
loaded = []
for name in sys.argv[1:]:
    if importlib.util.find_spec(name.partition(".")[0]):
        try:
            importlib.import_module(name)
            loaded.append(name.partition(".")[0])
        except Exception:
            pass
from threadpoolctl import threadpool_info
print(json.dumps([loaded, threadpool_info()]))
"""


def check(system: System) -> Diagnosis:
    """Import them, ask threadpoolctl what is there."""
    try:
        told = subprocess.run([sys.executable, "-c", _CHILD, *LIBRARIES], capture_output=True, text=True, timeout=_LIMIT_S, check=True,
                              env=dict(system.environment), stdin=subprocess.DEVNULL)  # fmt: skip
        loaded, pools = json.loads(told.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        status = getattr(error, "returncode", None)
        how = f"ended with {status}" if status is not None else type(error).__name__
        return Diagnosis(status="warning", text=f"importing {', '.join(LIBRARIES)} in one process went wrong: {how}",
                         advice="Import them one by one; two OpenMP runtimes may be the reason")  # fmt: skip
    return judge(loaded, pools)


def judge(loaded: list[str], pools: list[dict[str, object]]) -> Diagnosis:
    """Of what was imported, and threadpoolctl's list of libraries with threads."""
    openmp = {str(one["filepath"]): str(one["prefix"]) for one in pools if one["user_api"] == "openmp"}
    blas = {
        str(one["filepath"]): f"{one['internal_api']} {one['version'] or ''}".strip()
        for one in pools
        if one["user_api"] == "blas"
    }
    figures = {"imported": loaded, "openmp": sorted(openmp), "blas": sorted(blas)}
    if not loaded:
        return Diagnosis(status="ok", text="no library with threads is installed", figures=figures)
    named = ", ".join(loaded)
    if len(openmp) > 1:
        danger = "may hang or crash, and " if {"libomp", "libiomp"} <= set(openmp.values()) else ""
        return Diagnosis(
            status="warning", text=f"{len(openmp)} in one process ({', '.join(sorted(openmp.values()))}) with {named}: it {danger}has more threads than asked for",
            advice="Install all of them from one place (all from conda-forge, or all wheels); see threadpoolctl's multiple_openmp.md", figures=figures,
        )  # fmt: skip
    if len(blas) > 1:
        return Diagnosis(
            status="note", text=f"{len(blas)} BLAS in one process with {named} ({', '.join(sorted(set(blas.values())))}), each with threads of its own",
            advice="They wait for each other only where code calls both at once; the thread variables hold for both", figures=figures,
        )  # fmt: skip
    return Diagnosis(status="ok", text=f"{len(openmp)} OpenMP and {len(blas)} BLAS with {named}", figures=figures)
