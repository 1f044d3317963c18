"""How classic MPI deals out items to ranks, runs them, and puts the answers together again."""

import os
import pickle
import subprocess
import sys

import pytest
import tasks
from hypothesis import given
from hypothesis import strategies as st

from scalebench.backends.mpi import _gathered, _share, join, split
from scalebench.launchers.mpi import find_mpi

LENGTHS, RANKS = st.integers(0, 60), st.integers(1, 20)


@given(items=st.lists(st.integers()), ranks=RANKS, cyclic=st.booleans())
def test_what_was_split_is_joined_again_in_order(items, ranks, cyclic):
    assert join(split(items, ranks, cyclic=cyclic), len(items), cyclic=cyclic) == items


@given(length=LENGTHS, ranks=RANKS, cyclic=st.booleans())
def test_every_rank_gets_a_part_and_no_part_is_more_than_one_longer_than_another(length, ranks, cyclic):
    lengths = [len(part) for part in split(range(length), ranks, cyclic=cyclic)]
    assert len(lengths) == ranks
    assert sum(lengths) == length
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@given(length=LENGTHS, ranks=RANKS)
def test_blocks_are_runs_of_neighbours(length, ranks):
    parts = split(range(length), ranks, cyclic=False)
    assert [item for part in parts for item in part] == list(range(length))


@given(length=LENGTHS, ranks=RANKS)
def test_cyclic_dealing_gives_every_rank_each_so_many_th_item(length, ranks):
    parts = split(range(length), ranks, cyclic=True)
    assert all(item % ranks == rank for rank, part in enumerate(parts) for item in part)


@pytest.mark.parametrize(
    ("cyclic", "expected"), [(False, [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]), (True, [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]])]
)
def test_ten_items_on_three_ranks(cyclic, expected):
    assert split(list(range(10)), 3, cyclic=cyclic) == expected


@pytest.mark.parametrize("cyclic", [False, True])
def test_more_ranks_than_items_leave_some_with_none(cyclic):
    assert split(["a", "b"], 4, cyclic=cyclic) == [["a"], ["b"], [], []]


class WorldOfOne:
    """The two collective calls of a round, for one rank."""

    def scatter(self, parts):
        return parts[0]

    def gather(self, mine):
        return [mine]


def test_a_rank_whose_task_exits_says_so_instead_of_leaving_the_others_waiting():
    with pytest.raises(RuntimeError, match=r"(?s)rank 0 could not .*SystemExit: leaving"):
        _share(WorldOfOne(), [pickle.dumps([0, 1])], tasks.exits)


def test_a_rank_that_can_not_be_set_up_says_so_instead_of_leaving_the_others_waiting():
    with pytest.raises(RuntimeError, match=r"(?s)rank 0:.*SystemExit: leaving"):
        _gathered(WorldOfOne(), lambda: tasks.exits(1))


def test_each_rank_is_asked_again_after_one_has_raised():
    """Two ranks, of which one raises."""
    pytest.importorskip("mpi4py", reason="mpi4py is an extra")
    mpi = find_mpi()
    code = """
from mpi4py import MPI
from scalebench.backends.mpi import MPIClassic, follow
def rank():
    return MPI.COMM_WORLD.Get_rank()
def raises():
    1 // (1 - rank())
if MPI.COMM_WORLD.Get_rank():
    follow(MPI.COMM_WORLD)
else:
    world = MPIClassic().open(2, None, distribution="block")
    try:
        world.each_worker(raises)
    except RuntimeError as error:
        print(str(error).splitlines()[0], str(error).splitlines()[-1])
    print(sum(world.each_worker(rank)))
    world.close()
"""
    told = subprocess.run(
        [*mpi.command(2), sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, **mpi.environment()},
    )
    assert told.stdout.splitlines()[:2] == ["rank 1: ZeroDivisionError: integer division or modulo by zero", "1"]
