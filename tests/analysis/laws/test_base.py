"""What all laws share: the baseline's rate and the serial share of its time."""

import numpy as np
import pytest

from scalebench.analysis.laws.base import shares


def test_the_two_first_factors_are_the_time_of_the_baseline_and_the_second_its_serial_part():
    found = shares(np.array([[3.0, 1.0, 9.0], [1.0, 0.0, 9.0], [0.0, 2.0, 9.0]]))
    assert found["rate"].tolist() == pytest.approx([0.25, 1.0, 0.5])
    assert found["serial"].tolist() == pytest.approx([0.25, 0.0, 1.0])


def test_an_extreme_draw_without_any_time_is_all_serial_at_a_rate_without_bound():
    found = shares(np.array([[0.0, 0.0], [-1.0, 0.5]]))
    assert (found["rate"].tolist(), found["serial"].tolist()) == ([np.inf] * 2, [1.0] * 2)
