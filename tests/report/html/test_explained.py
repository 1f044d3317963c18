"""What a finding means is in the page itself, whichever it is."""

import pytest

from scalebench.findings import FINDINGS
from scalebench.report.html.content import doubts
from scalebench.report.html.explained import explained


@pytest.mark.parametrize("code", [one.code for one in FINDINGS])
def test_each_finding_is_explained_without_a_link_to_anywhere(code):
    told = str(explained(code))
    for heading in ("What was seen", "What it means", "What to do"):
        assert f"<h4>{heading}</h4>" in told
    assert "<a" not in told
    assert "](" not in told
    assert "<script" not in told


@pytest.mark.parametrize("code", ["SB999", "README", "../findings/SB104", "<script>"])
def test_what_is_no_finding_is_not_explained(code):
    assert explained(code) is None
    (doubt,) = doubts([{"code": code, "text": "odd"}])
    assert doubt.page is None
