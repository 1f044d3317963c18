"""What scalebench's dependencies weigh here: version, licence and size of each as installed, and of what it brings besides.

The size is that of the installed files, without bytecode. Prints results/reference/dependencies.md.

    python benchmarks/size/dependencies.py
"""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

OWN = "scalebench"
LONGEST = 40  # characters of a licence's name; else it is its text
#: what older metadata call it, where the text does not say it in a word
BSD = re.compile(r"3-Clause|Redistribution and use .* Neither the name", re.DOTALL)


def required(of: Distribution) -> list[tuple[str, str]]:
    """Packages that this Python needs for it, each with the extra that asks for it."""
    found = []
    for text in of.requires or []:
        one = Requirement(text)
        extras = ["", *of.metadata.get_all("Provides-Extra", [])]
        asked_by = next((extra for extra in extras if one.marker is None or one.marker.evaluate({"extra": extra})), None)
        if asked_by is not None:
            found.append((one.name.lower(), asked_by))
    return found


def mib(of: Distribution) -> float:
    paths = [Path(str(of.locate_file(file))) for file in of.files or []]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.exists()) / 2**20


def licence(of: Distribution) -> str:
    said = of.metadata.get("License-Expression") or of.metadata.get("License") or ""
    classified = [one.rpartition(" :: ")[2] for one in of.metadata.get_all("Classifier", []) if one.startswith("License")]
    if BSD.search(said):
        return "BSD-3-Clause" + said.partition("BSD-3-Clause")[2].partition("\n")[0]
    return said if 0 < len(said) < LONGEST else ", ".join(classified)


def brought(name: str, known: set[str]) -> list[Distribution]:
    """What else is installed for it, of packages that are not known yet; they are afterwards."""
    found = []
    for other, extra in required(distribution(name)):
        if not extra and other not in known:
            known.add(other)
            try:
                found += [distribution(other), *brought(other, known)]
            except PackageNotFoundError:  # the metadata know better what a platform lacks
                continue
    return found


def main() -> None:
    listed = {name: extra for name, extra in required(distribution(OWN)) if name != OWN}
    print("# What the dependencies weigh\n")
    print("`python benchmarks/size/dependencies.py`: the files as installed, without bytecode.\n")
    print("| package | extra | version | licence | MiB | with it | MiB |\n|---|---|---|---|---:|---|---:|")
    known = {OWN, *listed}
    for name, extra in listed.items():
        try:
            one = distribution(name)
        except PackageNotFoundError:
            print(f"| {name} | {extra} | not installed | | | | |")
            continue
        others = brought(name, known)
        names = ", ".join(sorted(other.name.lower() for other in others))
        rest = f"{sum(map(mib, others)):.1f}" if others else ""
        print(f"| {name} | {extra} | {one.version} | {licence(one)} | {mib(one):.1f} | {names} | {rest} |")


if __name__ == "__main__":
    main()
