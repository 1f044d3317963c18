"""Weak scaling: the same work per worker."""

import pytest


@pytest.mark.scalebench("weak")
def test_weak(scalebench):
    scalebench()
