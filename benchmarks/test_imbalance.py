"""Imbalance: tasks that differ in length, dealt out in blocks, cyclically or one by one (profile ``full``)."""

import pytest


@pytest.mark.scalebench("imbalance")
def test_imbalance(scalebench):
    scalebench()
