"""Clocks of other nodes, their CPUs and their software, as the workers tell them."""

import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.host import nodes, worker

SECONDS = st.floats(0, 1e6)
SHORT = st.floats(0, 10)


class Pool:
    """Workers that answer what a test says."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def each_worker(self, function):
        assert function in (worker.read_clock, worker.software)
        return self.answers.pop(0)


@given(ahead=st.floats(-1e6, 1e6), calls=st.lists(st.tuples(SECONDS, SHORT, st.floats(0, 1)), min_size=1, max_size=8))
def test_the_true_difference_of_two_clocks_is_within_what_is_told(ahead, calls):
    seen = [(began, began + took, began + took * share + ahead) for began, took, share in calls]
    found, error = nodes.between(seen)
    assert abs(found - ahead) <= error + 1e-6
    assert error <= min(took for _, took, _ in calls) / 2 + 1e-6


def test_a_clock_that_was_corrected_meanwhile_goes_by_the_quickest_call():
    assert nodes.between([(0.0, 1.0, 100.5), (10.0, 10.2, 10.1)]) == (0.0, 0.1)


def test_clocks_of_the_hosts_own_node_need_no_call():
    assert nodes.align(Pool(), [{"key": 1, "node": platform.node()}]) == nodes.Clocks()


def test_only_workers_on_other_nodes_are_brought_onto_the_hosts_clock(monkeypatch):
    times = iter(range(100))
    monkeypatch.setattr(nodes.time, "perf_counter", lambda: float(next(times)))
    told = [[(1, 0.0), (2, 2 * call + 0.5 + 1000.0)] for call in range(5)]
    clocks = nodes.align(Pool(*told), [{"key": 1, "node": platform.node()}, {"key": 2, "node": "elsewhere"}])
    assert clocks == nodes.Clocks({2: 1000.0}, 0.5)


@pytest.mark.parametrize(("workers", "cpus"), [
    ([("a", "f", None)], 4),
    ([("a", "1", None), ("a", "2", None)], 2),  # bound to one each
    ([("a", "f", None), ("a", "f", None), ("b", "f", None)], 8),
    ([("a", "ff", 2.5), ("b", "1", None)], 3),
    ([("a", "f", 0.5)], 1),
    ([("a", None, None)], None),
])  # fmt: skip
def test_cpus_are_those_of_all_nodes_less_what_a_quota_takes(workers, cpus):
    assert nodes.cpus_of({"node": node, "cpu_mask": mask, "cpu_quota": quota} for node, mask, quota in workers) == cpus


def test_other_software_on_a_node_is_named_with_both_versions():
    told = Pool(
        [
            ("a", {"Python": "3.11.2", "numpy": "2.0"}),
            ("b", {"Python": "3.11.2", "numpy": "2.1"}),
            ("a", {"Python": "3.11.2", "numpy": "2.0"}),
        ]
    )
    assert nodes.differing_software(told) == "a: numpy 2.0; b: numpy 2.1"


def test_the_same_software_on_all_nodes_is_nothing_to_tell():
    assert nodes.differing_software(Pool([("a", {"Python": "3.11.2"}), ("b", {"Python": "3.11.2"})])) is None
