"""Numbers as people read them: as many digits as they are worth, the unit that suits."""

import math

import pandas as pd


def number(value: float) -> str:
    """Three significant digits, without an exponent from 0.001 to a million."""
    if pd.isna(value):
        return "-"
    if value and math.isfinite(value):
        value = float(f"{value:.3g}") if abs(value) < 1000 else value
    if value == 0 or not 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def ratio(value: float) -> str:
    """Two decimals, fewer from ten on."""
    return f"{value:.2f}" if round(value, 2) < 10 else number(value)


def fine_ratio(value: float) -> str:
    """Three decimals, fewer from ten on: where a change of a percent matters."""
    return f"{value:.3f}" if value < 10 else number(value)


def percent(value: float) -> str:
    """Whole percents, one decimal below ten."""
    return f"{value:.0f}" if round(value, 1) >= 10 else f"{value:.1f}"


def duration(seconds: float) -> str:
    """Three significant digits in the unit that suits: ``390 ns``, ``4.60 us``, ``1.20 ms``, ``12.5 s``."""
    for unit, factor in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if float(f"{seconds * factor:.3g}") < 1000:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds)} s"
