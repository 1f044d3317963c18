"""The browser that pages are tested in."""

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium")
ABSENT = "Debian's chromium is not installed: apt-get install chromium"
needs_browser = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason=ABSENT)
