"""Commands of Slurm, given by scripts; that Slurm has them is shown in tests/cluster."""

import pytest

from scalebench.errors import StudyError
from scalebench.launchers import slurm_commands


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """``scripts(squeue="...")``: commands of that name do that."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def make(**bodies):
        for name, body in bodies.items():
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)

    return make


def test_one_that_does_not_answer_has_failed_in_bounded_time(scripts, monkeypatch):
    monkeypatch.setattr(slurm_commands, "_COMMAND_S", 0.2)
    scripts(squeue="exec sleep 600")
    told = slurm_commands.run_command(["squeue"])
    assert told.returncode != 0
    assert told.stderr == "squeue: no answer within 0.2 s"
    assert slurm_commands.state_of("7") == (slurm_commands.SILENT, "squeue: no answer within 0.2 s")


def test_one_that_fails_is_an_error_in_its_own_words(scripts):
    scripts(sinfo="echo 'sinfo: error: a plugin' >&2; echo 'slurm_load_partitions: Unable to contact' >&2; exit 1")
    with pytest.raises(StudyError, match="sinfo fails: sinfo: error: a plugin; slurm_load_partitions: Unable to contact"):
        slurm_commands.answer("sinfo")


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("echo 'RUNNING|None'", ("RUNNING", "None")),
        ("echo 'PENDING|Resources'", ("PENDING", "Resources")),
        ("true", ("UNKNOWN", "none")),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", ("UNKNOWN", "none")),
    ],
)
def test_a_job_has_the_state_that_squeue_tells_or_none_that_is_known(scripts, script, state):
    scripts(squeue=script)
    assert slurm_commands.state_of("7") == state


def test_what_slurm_told_this_process_of_its_own_step_is_not_passed_on(monkeypatch):
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("PMI_RANK", "0")
    kept = slurm_commands.environment()
    assert kept["SLURM_CONF"] == "/etc/slurm.conf"
    assert not {"SLURM_NTASKS", "PMI_RANK"} & set(kept)
