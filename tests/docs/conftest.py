"""What the tests of pages share: the script that writes their figures."""

import importlib.util

import pytest
from pages import ROOT


@pytest.fixture(scope="module")
def update_readme():
    """docs/update_readme.py, as a module."""
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "docs" / "update_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
