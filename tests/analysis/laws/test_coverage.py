"""What the 95% intervals of coefficients cover, by simulation of studies of known truth (benchmarks/intervals/laws.py has more of them).

Figures of 1,000 studies a setting stand in results/reference/simulated-laws.md: 93 to 96%, but for errors as skewed as exponential (89 to
96%) and for throughputs measured once with errors in proportion (79 to 83%).

So the last kind is told of where it is fitted: without repeats all throughputs are taken to be equally exact, as published
fits of them do, and errors that grow with the throughput make intervals too short.
"""

import pytest
from known_laws import TRUTHS, covered, covered_of_throughputs, normal, skewed

pytestmark = pytest.mark.long
STUDIES = 200


@pytest.mark.parametrize(
    ("kind", "repeats", "errors"),
    [("single", 1, normal), ("repeats", 3, normal), ("repeats", 5, skewed), ("blocks", 5, normal)],
)
@pytest.mark.parametrize("name", TRUTHS)
def test_intervals_cover_the_truth_about_as_often_as_they_say(name, kind, repeats, errors):
    """200 studies: a share of 95% has a deviation of 1.5 points; found must be 89 to 99%.

    With another seed a true coverage of 94% fails this in 0.4% of cases, one of 85% passes in 6%.
    """
    found = covered(name, kind, repeats, errors, STUDIES)
    assert all(0.89 * STUDIES <= count <= 0.99 * STUDIES for count in found.values()), found


def test_throughputs_measured_once_with_errors_in_proportion_have_intervals_of_such_errors():
    """Counts over five decades: with equal errors for all, intervals would hold the truth in one study of ten."""
    found, proportional = covered_of_throughputs(100)
    assert proportional >= 75
    assert all(count >= 60 for count in found.values()), found
