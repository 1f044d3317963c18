"""Strong scaling: the same total work on more and more workers, every interface."""

import pytest


@pytest.mark.scalebench("strong")
def test_strong(scalebench):
    scalebench()
