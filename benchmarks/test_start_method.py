"""Start methods: what a fork, a fork server and fresh interpreters cost at the start (profile ``full``)."""

import pytest


@pytest.mark.scalebench("start_method")
def test_start_method(scalebench):
    scalebench()
