"""``blas``: a chain of dense float64 matrix products, exact in any BLAS.

Entries are integers below 251 and are reduced modulo 251 after each product, so every sum stays below
order x 250^2, far under 2^53: no rounding, hence one right answer whatever the library, thread count or order
of summation.
"""

import zlib

from scalebench.workloads.kinds import MOST_UNITS, Kind
from scalebench.workloads.work import count_work

_MODULUS = 251.0  # prime, so that products don't collapse to zero
_MAX_ORDER = 100_000  # order x 250^2 < 2^53 holds far beyond; past this, a matrix takes 80 GB


def parse(text: str) -> tuple[int, int]:
    """``"400x8"`` -> ``(400, 8)``: the matrix order and the number of products; ``"400"`` is one product."""
    order, times, products = text.lower().partition("x")
    shape, units = int(order), int(products if times else 1)
    if not 1 <= shape <= _MAX_ORDER or units < 1 or 2 * shape**3 * units >= MOST_UNITS:
        raise ValueError(f"ORDERxPRODUCTS, order 1 to {_MAX_ORDER}, products 1 or more")
    return shape, units


def run(n: int, order: int, products: int) -> int:
    """Multiply ``products`` times by a fixed matrix drawn from a generator seeded by ``n``; answer: a checksum."""
    import numpy as np

    generator = np.random.default_rng(n % 2**64)
    factor = generator.integers(0, 251, (order, order)).astype(np.float64)
    state = factor.copy()
    product = np.empty_like(state)
    quotient = np.empty_like(state)
    for _ in range(products):
        np.matmul(state, factor, out=product)
        # product mod 251 in three passes: np.mod costs as much as the product itself at order 400
        np.divide(product, _MODULUS, out=quotient)
        np.floor(quotient, out=quotient)
        quotient *= _MODULUS
        np.subtract(product, quotient, out=state)
    count_work(2 * order**3 * products)
    return zlib.crc32(state.astype(np.uint8).tobytes())


def bytes_needed(order: int, _products: int) -> int:
    """Four matrices of float64."""
    return 4 * 8 * order * order


KIND = Kind(
    name="blas",
    size_unit="matrix order x products",
    default_size="400x4",
    work_unit="floating-point operations",
    parse=parse,
    run=run,
    holds_gil=False,
    uses_blas=True,
    bytes_needed=bytes_needed,
)
