"""BLAS threads against the pool: workers x threads over dense matrix products."""

import pytest


@pytest.mark.scalebench("blas")
def test_blas_threads(scalebench):
    scalebench()
