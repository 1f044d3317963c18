"""Whether this machine is a virtual one, or a container: others share its hardware, and it can't see what they do."""

import re

from scalebench.doctor.base import Diagnosis, System

TITLE = "virtual machine"


def check(system: System) -> Diagnosis:
    """The CPU's own flag, the maker's name, and the signs of containers."""
    flags = re.search(r"^flags\s*:(.*)$", system.read("/proc/cpuinfo") or "", re.MULTILINE)
    names = [system.read(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    named = " ".join(dict.fromkeys(name for name in names if name)) or None
    kind = system.read("/sys/hypervisor/type")
    virtual = (flags is not None and "hypervisor" in flags[1].split()) or kind is not None
    container = _container(system)
    figures = {"virtual": virtual, "maker": named, "container": container}
    if not (virtual or container):
        return Diagnosis(status="ok", text="no sign of one", figures=figures)
    what = " in ".join([*([f"a {container} container"] if container else []), *(["a virtual machine"] if virtual else [])])
    by = f" ({kind or named})" if virtual and (kind or named) else ""
    return Diagnosis(
        status="note", text=f"{what}{by}: cores, caches and clocks may be shared with others unseen", figures=figures,
        advice="Trust ratios within a block more than seconds; compare variants in one run, not run with run",
    )  # fmt: skip


def _container(system: System) -> str | None:
    if system.read("/.dockerenv") is not None:
        return "docker"
    if system.read("/run/.containerenv") is not None:
        return "podman"
    match = re.search(r"kubepods|docker|lxc|containerd", system.read("/proc/1/cgroup") or "")
    return None if match is None else match[0]
