"""Numbers as people read them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.report.numbers import duration, fine_ratio, number, percent, ratio


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0, "0"), (1, "1.00"), (12.345, "12.3"), (123.45, "123"), (12345.6, "12346"), (0.0123, "0.0123"),
     (0.001, "0.00100"), (0.0009, "0.0009"), (1.5e-7, "1.5e-07"), (2e6, "2e+06"), (-1.5, "-1.50"), (float("nan"), "-"), (None, "-"),
     (pd.NA, "-"), (float("inf"), "inf")],
)  # fmt: skip
def test_numbers_have_three_digits_and_no_exponent_within_reason(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(9.996, "10.0"), (99.96, "100"), (0.09999, "0.100"), (0.9996, "1.00"), (-9.996, "-10.0")],
)
def test_those_that_are_rounded_up_to_a_power_of_ten_have_three_digits_too(value, text):
    assert number(value) == text


@given(st.floats(1e-3, 999, allow_nan=False))
def test_they_are_within_half_a_unit_of_the_third_digit(value):
    assert float(number(value)) == pytest.approx(value, rel=5.1e-3)
    assert len(number(value).lstrip("0.").replace(".", "")) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1.00"), (0.004, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (10.0, "10.0"), (123.4, "123")]
)
def test_ratios_have_two_decimals_below_ten(value, text):
    assert ratio(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(100.4, "100"), (10.0, "10"), (9.94, "9.9"), (9.96, "10"), (0.04, "0.0"), (1234.0, "1234")]
)
def test_percents_have_a_decimal_below_ten(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.000"), (0.98765, "0.988"), (9.9994, "9.999"), (12.345, "12.3")])
def test_fine_ratios_have_three_decimals_below_ten(value, text):
    assert fine_ratio(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.9e-7, "390 ns"),
        (4.6e-6, "4.60 us"),
        (9.996e-4, "1.00 ms"),
        (0.0012, "1.20 ms"),
        (0.9996, "1.00 s"),
        (12.5, "12.5 s"),
        (0.0, "0 ns"),
    ],
)
def test_durations_are_in_the_unit_that_suits(seconds, text):
    assert duration(seconds) == text
