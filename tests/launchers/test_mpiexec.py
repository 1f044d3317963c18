"""The command lines that start ranks on hosts; that they work is shown in tests/cluster."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalebench.errors import StudyError
from scalebench.launchers import slurm_commands
from scalebench.launchers.mpi import MPI
from scalebench.launchers.mpiexec import Host, Mpiexec, allocated, over, read_hosts, shares

MPICH = MPI("MPICH", "mpiexec", open_mpi=False)
OPEN_MPI = MPI("Open MPI", "mpiexec", open_mpi=True)
TWO = [Host("a"), Host("b", 4)]


def test_mpich_is_told_hosts_and_how_many_ranks_each_has():
    assert over(MPICH, TWO, 5, []) == ["mpiexec", "-print-all-exitcodes", "-hosts", "a:3,b:2", "-n", "5"]


@pytest.mark.parametrize(
    ("hosts", "count", "expected"),
    [
        ("abcd", 5, [2, 1, 1, 1]),
        ("abcd", 9, [3, 2, 2, 2]),
        ("abc", 4, [2, 1, 1]),
        ("abcdefgh", 65, [9] + [8] * 7),
        ("ab", 1, [1, 0]),
    ],
)
def test_ranks_are_dealt_equally(hosts, count, expected):
    assert shares([Host(one) for one in hosts], count) == expected


@given(st.lists(st.none() | st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 40))
def test_no_host_has_more_ranks_than_slots_and_without_slots_none_has_two_more_than_another(slots, count):
    hosts = [Host(f"n{number}", one) for number, one in enumerate(slots)]
    assume(None in slots or sum(slots) >= count)
    given_to = shares(hosts, count)
    assert sum(given_to) == count
    assert all(one is None or share <= one for one, share in zip(slots, given_to, strict=True))
    free = [share for one, share in zip(slots, given_to, strict=True) if one is None or share < one]
    assert not free or max(given_to) - min(free) <= 1


def test_a_host_that_no_rank_is_for_is_named_too_since_ranks_may_be_spawned_there():
    assert over(MPICH, TWO, 1, [])[3] == "a:1,b:1"


def test_a_binding_of_the_users_own_is_the_only_one():
    command = over(OPEN_MPI, TWO, 2, [], ["--bind-to", "core"])
    assert [command[place + 1] for place, word in enumerate(command) if word == "--bind-to"] == ["core"]
    assert command[-2:] == ["--bind-to", "core"]


def test_more_arguments_are_taken_apart_as_a_shell_does():
    assert Mpiexec({"arguments": "-env NAME 'two words'"})._arguments == ["-env", "NAME", "two words"]
    with pytest.raises(StudyError, match=r"launcher_options\.arguments = \"'open\": can't be taken apart"):
        Mpiexec({"arguments": "'open"})


def test_open_mpi_is_told_slots_and_which_variables_to_take_along():
    command = over(OPEN_MPI, TWO, 4, ["OMP_NUM_THREADS", "PATH"])
    assert command[: command.index("--host") + 2] == ["mpiexec", "--oversubscribe", "--bind-to", "none", "--host", "a:2,b:2"]
    taken = [command[place + 1] for place, word in enumerate(command) if word == "-x"]
    assert taken == ["PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"]
    assert command[-2:] == ["-n", "4"]


@pytest.mark.parametrize("line", ["a:4", "a slots=4", "a  slots = 4", "a max_slots=4"])
def test_a_hostfile_may_be_written_for_either_mpi(tmp_path, line):
    file = tmp_path / "hosts"
    file.write_text(f"# two\n\n{line}   # fast\nb\n")
    assert Mpiexec({"hostfile": str(file)})._hosts == [Host("a", 4), Host("b")]


def test_the_hosts_of_an_allocation_of_pbs_are_taken(tmp_path, monkeypatch):
    (tmp_path / "nodes").write_text("a\na\nb\n")
    monkeypatch.delenv("SLURM_JOB_NODELIST", raising=False)
    monkeypatch.setenv("PBS_NODEFILE", str(tmp_path / "nodes"))
    assert allocated() == [Host("a"), Host("b")]


def test_an_allocation_whose_nodes_can_not_be_listed_is_an_error_with_the_way_out(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_NODELIST", "node[1-2]")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("PBS_NODEFILE", raising=False)
    with pytest.raises(StudyError, match="hosts=node1,node2"):
        allocated()


def test_an_allocation_whose_slurm_does_not_answer_is_an_error_too(tmp_path, monkeypatch):
    (tmp_path / "scontrol").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "node[1-2]")
    monkeypatch.delenv("PBS_NODEFILE", raising=False)
    monkeypatch.setattr(slurm_commands, "_COMMAND_S", 0.2)
    with pytest.raises(StudyError, match="hosts=node1,node2"):
        allocated()


def test_names_and_slots_are_read():
    assert read_hosts("hosts", ["a", "b.c-d:12"], "") == [Host("a"), Host("b.c-d", 12)]
