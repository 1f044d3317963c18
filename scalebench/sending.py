"""Values that go to another process: pickled, refused with the reason where they can't be, and known by a digest."""

import hashlib
import io
import pickle
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from scalebench.errors import StudyError
from scalebench.host.answers import digest


class _ByName(pickle.Pickler):
    """Refuses what only this process has, where pickle would send its name."""

    def reducer_override(self, one: Any) -> Any:
        if isinstance(one, (type, FunctionType)) and one.__module__ == "__main__":
            raise TypeError(
                f"{one.__qualname__} is defined in this notebook or script; define it in a module that is imported here"
            )
        return NotImplemented


def by_name(value: Any) -> bytes:
    """Pickled; TypeError for what the other process could not import."""
    file = io.BytesIO()
    _ByName(file).dump(value)
    return file.getvalue()


def pickled(key: str, shown: str, dump: Callable[[], bytes]) -> bytes:
    """What ``dump`` gives.

    Raises:
        StudyError: Of ``key``, whatever it raised.
    """
    try:
        return dump()
    except Exception as error:  # noqa: BLE001 - an object's own __reduce__ may raise anything
        rule = f"can't be sent to another process: {type(error).__name__}: {error}"
        raise StudyError(key, shown, rule, "It must be picklable, with all that it holds") from None


def digest_of(key: str, values: Sequence[Any], shown: str) -> str:
    """By value where they can be encoded; else of their pickle, which may differ for equal values."""
    plain = digest(list(values))
    if plain is not None:
        return plain
    return "pickle-" + hashlib.blake2b(pickled(key, shown, lambda: by_name(values)), digest_size=12).hexdigest()
