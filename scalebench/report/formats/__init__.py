"""The formats of a report, one file each; a file in this folder is a format, by its name.

Each has ``SUFFIX`` (of its files; text formats that are printed where no file is asked for have ``PRINTED = True``) and
``render(result)``, which gives text, bytes, or for a format of pictures ``{name: text or bytes}``, a file for each chart.
Not here: where files go (``report.files``).
"""

import pkgutil
from importlib import import_module
from typing import Protocol, cast

from scalebench.errors import UsageError
from scalebench.report import INSTALL
from scalebench.results.result import Result

Content = str | bytes | dict[str, str] | dict[str, bytes]


class Format(Protocol):
    """What the module of a format has."""

    SUFFIX: str  #: of its files, ``.html``
    PRINTED: bool  #: whether it is text to be printed where no file is asked for

    def render(self, result: Result) -> Content:
        """The report.

        Raises:
            UsageError: A library is missing that the format is made with; the message says how to get it.
        """


def names() -> list[str]:
    """Of all formats, without loading one; what is printed by default comes first."""
    found = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return sorted(found, key=lambda name: name != "terminal")


def get_format(name: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in names():
        raise UsageError(f"--format {name}: no such format.\nThere are: {', '.join(names())}")
    return cast("Format", import_module(f"{__name__}.{name}"))


def needs(*modules: str, of: str) -> None:
    """Refuse a format whose libraries are not installed."""
    from importlib.util import find_spec

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageError(f"--format {of} needs {' and '.join(missing)}, not installed here.\nInstall: {INSTALL}")
