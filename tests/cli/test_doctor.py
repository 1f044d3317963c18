"""``scalebench doctor`` on this very machine, and what it exits with."""

import json

import pytest

from scalebench import cli
from scalebench.backends import registry
from scalebench.doctor.base import STATUSES, Diagnosis
from scalebench.doctor.checks import backends


@pytest.mark.long  # it starts each backend
def test_of_this_machine_says_something_of_each_and_measures_the_noise(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["analysis"] == "doctor"
    assert told["measurable"] is True
    checks = {one["check"]: one for one in told["checks"]}
    assert checks["noise"]["figures"]["pairs"] >= 1
    assert checks["host"]["status"] == "ok"
    for one in checks.values():
        assert one["status"] in STATUSES
        assert one["text"]
        assert one["advice"] or one["status"] in ("ok", "note")


@pytest.fixture
def few_backends(monkeypatch):
    """All of them take a minute to start, and what is looked at here is not what they do."""
    monkeypatch.setattr(backends, "references", lambda: {"threads": registry.references()["threads"]})


@pytest.mark.usefixtures("few_backends")
def test_reads_worst_first_within_80_columns_and_names_the_next_command(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["doctor", "--quick"]) == 0
    out = capsys.readouterr().out
    *lines, last = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in out
    found = [line.split()[0] for line in lines if line and not line.startswith(" ") and line.split()[0] in STATUSES]
    assert found == sorted(found, key=STATUSES.index)
    assert "noise floor:" not in out
    assert last == "Results: none are stored   Next: scalebench run --profile quick"


@pytest.mark.usefixtures("few_backends")
@pytest.mark.parametrize(("check", "status"), [("host", 3), ("mpi", 0)])
def test_exits_with_3_where_nothing_can_be_measured(capsys, monkeypatch, check, status):
    monkeypatch.setattr(f"scalebench.doctor.checks.{check}.check", lambda _: Diagnosis(status="broken", text="it does not start"))
    assert cli.main(["doctor", "--quick"]) == status
    assert ("Nothing can be measured here." in capsys.readouterr().out) == (status == 3)
