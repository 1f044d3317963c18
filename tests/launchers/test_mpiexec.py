"""The command lines that start ranks on hosts; that they work is shown in tests/cluster."""

import pytest

from scalebench.errors import StudyError
from scalebench.launchers.mpi import MPI
from scalebench.launchers.mpiexec import Host, Mpiexec, allocated, over, read_hosts

MPICH = MPI("MPICH", "mpiexec", open_mpi=False)
OPEN_MPI = MPI("Open MPI", "mpiexec", open_mpi=True)
TWO = [Host("a"), Host("b", 4)]


def test_mpich_is_told_hosts_and_how_many_ranks_each_has():
    assert over(MPICH, TWO, 5, []) == ["mpiexec", "-print-all-exitcodes", "-hosts", "a,b", "-ppn", "3", "-n", "5"]


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


def test_names_and_slots_are_read():
    assert read_hosts("hosts", ["a", "b.c-d:12"], "") == [Host("a"), Host("b.c-d", 12)]
