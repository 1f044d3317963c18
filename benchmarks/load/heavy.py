"""Tasks of 50 MB, in and out, and one of next to nothing: imported by the hosts that ``measure.py`` starts."""

SIZE = 50 * 10**6


def length(item: bytes) -> int:
    """Takes much, gives nothing."""
    return len(item)


def large(item: int) -> bytes:
    """Takes nothing, gives much."""
    return bytes([item % 256]) * SIZE
