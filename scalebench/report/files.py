"""Where a report goes: a file, or a folder of pictures; written whole or not at all, and over nothing unless told to."""

import os
import secrets
import shutil
from pathlib import Path

from scalebench.errors import ResultsError, UsageError
from scalebench.report.formats import Content, Format
from scalebench.results.result import Result
from scalebench.results.store import write_atomically


def default_path(result: Result, format_: Format, *, folder: bool) -> Path:
    """``report.html`` in the folder of the run, where it has one that can be written, else in the working folder."""
    name = f"charts{format_.SUFFIX.replace('.', '-')}" if folder else f"report{format_.SUFFIX}"
    place = result.path
    if place is not None and (place / "run.json").is_file() and os.access(place, os.W_OK):
        return place / name
    return Path(name)


def check(path: Path, *, force: bool, folder: bool) -> None:
    """Refuse, before anything is made, a path that can't or must not be written.

    Raises:
        UsageError: It is there, and ``force`` is not given; or it is what this can't replace.
    """
    if not path.parent.is_dir():
        raise UsageError(
            f"{path} can't be written: there is no folder {str(path.parent)!r}.\nMake it, or give another name with -o"
        )
    if path.is_dir() and not folder:
        raise UsageError(f"{path} is a folder.\nGive a file's name with -o")
    if os.path.lexists(path) and not path.is_dir() and folder:
        raise UsageError(
            f"{path} is a file, and pictures go to a folder.\nGive another name with -o, or one picture: --chart NAME"
        )
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} exists.\nGive another name with -o, or --force to replace it")


def write(path: Path, content: Content, suffix: str, *, force: bool) -> int:
    """Write it, and say how many bytes it has; of pictures by name a folder.

    Raises:
        ResultsError: It can't be written; what was there is as it was.
    """
    try:
        if isinstance(content, dict):
            return _write_folder(path, {f"{name}{suffix}": _bytes(one) for name, one in content.items()}, force=force)
        write_atomically(path, _bytes(content))
        return len(_bytes(content))
    except OSError as error:
        raise ResultsError(f"{path} can't be written: {error.strerror or error}") from None


def _write_folder(path: Path, files: dict[str, bytes], *, force: bool) -> int:
    """A new folder, whole; into one that is there only its files are replaced, one by one."""
    if path.is_dir() and force:
        for name, content in files.items():
            write_atomically(path / name, content)
    else:
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        try:
            partial.mkdir()
            for name, content in files.items():
                write_atomically(partial / name, content)
            partial.replace(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return sum(map(len, files.values()))


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
