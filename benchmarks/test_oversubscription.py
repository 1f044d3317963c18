"""Oversubscription: far more workers than CPUs; and ``spin``, the busy wait that hides it."""

import pytest


@pytest.mark.scalebench("oversubscription")
def test_oversubscription(scalebench):
    scalebench()


@pytest.mark.scalebench("spin")
def test_spin_trap(scalebench):
    scalebench()
