"""The Karp-Flatt metric inverts Amdahl's law point by point."""

import math

from hypothesis import given
from hypothesis import strategies as st

from scalebench.analysis.laws.karp_flatt import karp_flatt


@given(fraction=st.floats(0, 1), workers=st.integers(2, 1000))
def test_the_metric_of_amdahls_speedup_is_amdahls_serial_fraction(fraction, workers):
    speedup = 1 / (fraction + (1 - fraction) / workers)
    assert math.isclose(karp_flatt([speedup], [workers])[0], fraction, abs_tol=1e-9)
