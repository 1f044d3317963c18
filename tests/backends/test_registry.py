"""Backends found through entry points, broken ones too."""

import pytest

from scalebench import Study
from scalebench.backends import registry
from scalebench.backends.base import PlainProcess
from scalebench.launchers import base
from scalebench.study import required_backends
from scalebench.sweep import expand


class Foreign(PlainProcess):
    name = "foreign"
    summary = "has an axis that no study knows"
    axes = {"colour": ("red",)}  # noqa: RUF012 - as a plug-in may write it


@pytest.fixture
def with_plug_in(monkeypatch):
    def add(value):
        monkeypatch.setattr(registry, "references", lambda: {**registry.BUILT_IN, "foreign": value})
        registry.get_backend.cache_clear()

    yield add
    registry.get_backend.cache_clear()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_package.module:Backend", "can't be loaded: ModuleNotFoundError"),
        (f"{__name__}:Missing", "can't be loaded: "),
        (f"{__name__}:Foreign", "axes that no study knows: colour"),
    ],
)
def test_a_broken_plug_in_is_unavailable_with_its_reason_and_stops_no_other(with_plug_in, value, reason):
    with_plug_in(value)
    assert reason in base.unavailable("foreign")
    assert base.unavailable("serial") is None


def test_every_built_in_backend_is_an_entry_point_too():
    import tomllib
    from pathlib import Path

    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    assert project["project"]["entry-points"]["scalebench.backends"] == registry.BUILT_IN


def test_all_means_every_backend_and_none_of_them_by_name():
    study = Study(backend="all", workers=1)
    assert {entry.case.backend for entry in expand(study).entries} == set(registry.references())
    assert required_backends(study) == set()
    assert required_backends(Study(backend="threads,all", workers=1)) == {"threads"}
