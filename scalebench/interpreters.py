"""Where an interpreter is that a variant names."""

import shutil
from pathlib import Path

from scalebench.errors import StudyError


def find_python(asked: str) -> str:
    """The interpreter's path, symbolic links kept: a virtual environment's is one."""
    whole = Path(asked).expanduser()
    for one in (whole / "bin" / "python", whole / "Scripts" / "python.exe", whole):
        if not one.is_dir() and (found := shutil.which(one)):
            return str(Path(found).absolute())
    hint = "; a variable is given as NAME=env:KEY=VALUE" if "=" in asked else ""
    raise StudyError(
        "python",
        asked,
        f"no such interpreter, nor a virtual environment's folder{hint}",
        "For example old=/path/to/venv/bin/python",
    )
