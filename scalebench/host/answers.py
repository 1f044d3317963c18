"""Digests of answers: equal answers have equal digests, on any machine.

Taken of a type-tagged canonical encoding, never of pickle bytes (equal objects pickle differently). Types that it
does not know make an answer ``unchecked`` instead of being guessed at.
"""

import hashlib
import math
import struct
import sys
from collections.abc import Iterable
from typing import Any

_DIGEST_BYTES = 12  # 2^-48 chance of a collision among 2^24 answers


class NotEncodableError(TypeError):
    """A type that has no canonical encoding."""


def encode(value: object) -> bytes:
    """The canonical encoding: a tag for the type, a length, the content. Dicts and sets are sorted by it.

    >>> encode((1, True)) == encode((1, 1))
    False
    >>> encode({"a": 1, "b": 2}) == encode({"b": 2, "a": 1})
    True
    """
    kind = type(value)
    if value is None:
        return b"N;"
    if kind is bool:
        return b"T;" if value else b"F;"
    if kind is int:
        return _tagged(b"i", _whole(value))  # type: ignore[arg-type]
    if kind is float:
        return _tagged(b"f", _float(value))  # type: ignore[arg-type]
    if kind is complex:
        return _tagged(b"c", _float(value.real) + _float(value.imag))  # type: ignore[attr-defined]
    if kind is str:
        return _tagged(b"s", value.encode("utf-8", "surrogatepass"))  # type: ignore[attr-defined]
    if kind is bytes or kind is bytearray:
        return _tagged(b"b" if kind is bytes else b"B", bytes(value))  # type: ignore[call-overload]
    if kind is list or kind is tuple:
        return _tagged(b"l" if kind is list else b"t", b"".join(map(encode, value)))  # type: ignore[call-overload]
    if kind is dict:
        pairs = sorted(encode(key) + encode(item) for key, item in value.items())  # type: ignore[attr-defined]
        return _tagged(b"d", b"".join(pairs))
    if kind is set or kind is frozenset:
        return _tagged(b"S" if kind is set else b"Z", b"".join(sorted(map(encode, value))))  # type: ignore[call-overload]
    if (numpy := sys.modules.get("numpy")) and isinstance(value, numpy.ndarray | numpy.generic):
        return _array(value, numpy)
    raise NotEncodableError(f"{kind.__module__}.{kind.__qualname__}")


def _tagged(tag: bytes, content: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(content), content)


def _whole(value: int) -> bytes:
    """Decimal, but for numbers beyond the limit of digits that Python converts."""
    return (str(value) if value.bit_length() < 14_000 else hex(value)).encode()


def _float(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def _array(value: Any, numpy: Any) -> bytes:
    """Arrays and NumPy scalars of plain dtypes, by value in little-endian row-major order."""
    if type(value) is not numpy.ndarray and not isinstance(value, numpy.generic):
        raise NotEncodableError(f"{type(value).__module__}.{type(value).__qualname__}")
    if value.dtype.kind not in "biufcSUmM" or value.dtype.char in "gG":
        raise NotEncodableError(f"numpy dtype {value.dtype}")
    plain = numpy.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    if plain.dtype.kind in "fc" and (unknown := numpy.isnan(plain)).any():
        plain = numpy.where(unknown, plain.dtype.type(numpy.nan), plain).astype(plain.dtype)
    tag = b"a" if isinstance(value, numpy.ndarray) else b"g"
    shape = ",".join(map(str, value.shape))
    return _tagged(tag, f"{plain.dtype.str}({shape})".encode() + plain.tobytes())


def digest(value: object) -> str | None:
    """Digest of one answer as hexadecimal text; None when it can't be encoded."""
    try:
        content = encode(value)
    except (NotEncodableError, RecursionError):
        return None
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def combine(digests: Iterable[str]) -> str:
    """One digest of the answers of a round, in item order."""
    whole = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for one in digests:
        whole.update(bytes.fromhex(one))
    return whole.hexdigest()
