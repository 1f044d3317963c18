"""What the charts have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.errors import printable
from scalebench.report.charts.draw import decades, unique, wrapped
from scalebench.report.charts.losses import pieces
from scalebench.report.charts.theme import COLOURS, GREY, SHAPES, colour, shape

times = st.floats(1e-9, 1e6)


@given(times, st.floats(1.0, 1e9))
def test_a_logarithmic_axis_has_ticks_that_lie_on_it(low, ratio):
    found = decades([low, low * ratio])
    assert 2 <= len(found) < 25
    assert found == sorted(found)
    assert all(low * 0.994 <= tick <= low * ratio * 1.006 for tick in found)


@given(st.lists(st.sampled_from(["a", "a (2)", "b"])))
def test_names_are_told_apart_and_stay_in_order(names):
    found = unique(names)
    assert len(set(found)) == len(names)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))


@given(st.text(max_size=200))
def test_a_title_loses_no_word(text):
    assert "".join("".join(wrapped(printable(text), 20)).split()) == "".join(printable(text).split())


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-50, 100).map(lambda points: round(points, 1)), min_size=1))
def test_pieces_of_a_bar_meet_and_keep_their_length(account):
    found = pieces("case", account)
    assert [row["to"] - row["from"] for row in found] == pytest.approx(
        [points for points in account.values() if abs(points) >= 0.1], abs=0.2
    )
    for side in (1, -1):
        mine = [row for row in found if row["points"] * side > 0]
        ends = [0.0, *(row["to"] for row in mine)]
        assert [row["from"] for row in mine] == pytest.approx(ends[:-1], abs=0.2)


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(code):
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("page", ["#ffffff", "#15181c"])
@pytest.mark.parametrize("one", [*COLOURS, GREY])
def test_every_colour_stands_out_on_paper_and_on_a_dark_page(one, page):
    assert contrast(one, page) >= 3


def test_set_ups_differ_in_colour_and_shape_together():
    looks = [(colour(number), shape(number)) for number in range(len(COLOURS) * len(SHAPES))]
    assert len(set(looks)) == 56
