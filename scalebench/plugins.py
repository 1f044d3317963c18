"""What other packages add: entry points beside what is built in."""

from collections.abc import Mapping
from importlib.metadata import entry_points


def named(group: str, built_in: Mapping[str, str]) -> dict[str, str]:
    """``name -> "module:attribute"`` of a group, what is built in first; a built-in name can't be taken over."""
    found = dict(built_in)
    for point in sorted(entry_points(group=group), key=lambda one: one.name):
        found.setdefault(point.name, point.value)
    return found
