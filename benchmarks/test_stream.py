"""Memory bandwidth: arrays that no cache holds, workers that share one memory (profile ``full``)."""

import pytest


@pytest.mark.scalebench("stream")
def test_stream(scalebench):
    scalebench()
