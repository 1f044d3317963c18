"""Dispatch: what an interface itself costs with far more workers than CPUs, by tasks that are over at once and tasks that sleep
(profile ``dispatch``)."""

import pytest


@pytest.mark.scalebench("busy")
def test_busy_manager(scalebench):
    scalebench()


@pytest.mark.scalebench("waiting")
def test_waiting_workers(scalebench):
    scalebench()
