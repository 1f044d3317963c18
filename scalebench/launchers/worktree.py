"""A revision of a git repository, checked out beside it: ``git worktree``, and its removal.

Submodules are not checked out, and nothing is built there.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from scalebench.errors import StudyError
from scalebench.launchers import guard

#: set inside hooks and 'git rebase --exec': they would turn our commands to another index or repository
_GITS_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")


def repository(folder: Path) -> Path | None:
    """The top folder of the working tree that a folder is in; None where it is in none, or there is no git."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel")).resolve()
    except (OSError, subprocess.SubprocessError):
        return None


def commit_of(top: Path, revision: str) -> str:
    """The full name of a revision's commit.

    Raises:
        StudyError: There is no such revision.
    """
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except (OSError, subprocess.SubprocessError):
        raise StudyError(
            "revision", revision, f"no commit of the repository {str(top)!r}", "'git log --oneline --all' shows what there is"
        ) from None


def check_out(top: Path, commit: str, folder: Path) -> None:
    """Check a commit out into a new folder, without running hooks. The guard has git forget it where this process is killed.

    Raises:
        StudyError: git can't.
    """
    guard.at_end(str(folder), ["env", *(f"-u{name}" for name in _GITS_OWN), *_removal(top, folder)])
    try:
        _git(top, "-c", "core.hooksPath=" + os.devnull, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    except (OSError, subprocess.SubprocessError) as error:
        told = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise StudyError(
            "revision", commit, f"can't be checked out: {told[-1] if told else error}", "Look at 'git worktree list'"
        ) from None


def remove(top: Path, folder: Path) -> None:
    """Remove what :func:`check_out` made; a second Ctrl-C does not reach it."""
    subprocess.run(
        _removal(top, folder), capture_output=True, check=False, env=_environment(), start_new_session=sys.platform != "win32"
    )
    guard.at_end(str(folder), None)


def _removal(top: Path, folder: Path) -> list[str]:
    return ["git", "-C", str(top), "worktree", "remove", "--force", "--force", str(folder)]


def inside(top: Path, tree: Path, paths: Iterable[str]) -> list[str]:
    """Where the paths of a repository that code is imported from are in its other working tree; those that it has."""
    found = []
    for path in paths:
        whole = Path(path or ".").resolve()
        if whole.is_relative_to(top) and (there := tree / whole.relative_to(top)).is_dir():
            found.append(str(there))
    return list(dict.fromkeys(found))


def _git(folder: Path, *arguments: str) -> str:
    told = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=600, env=_environment()
    )
    return told.stdout.strip()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _GITS_OWN}
