"""Granularity: shorter and shorter tasks at fixed workers, chunk size an axis (profiles ``granularity`` and ``full``)."""

import pytest


@pytest.mark.scalebench("granularity")
def test_granularity(scalebench):
    scalebench()
