"""Every kind of really hard task: its sizes, the work that it counts, and its answers."""

import time
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from factories import take_work
from hypothesis import given
from hypothesis import strategies as st

from scalebench.workloads.family import make_items
from scalebench.workloads.kinds import KINDS, get_kind

SMALL = {"sleep": "0.05", "spin": "0.5", "crunch": "100", "blas": "6x3", "stream": "256"}
LEAST = {"sleep": "0.001", "spin": "0.001", "crunch": "1", "blas": "1x1", "stream": "16"}
WITH_ANSWERS = ["crunch", "blas", "stream"]


@pytest.fixture(params=KINDS)
def kind(request):
    take_work()
    return get_kind(request.param)


def run(kind, n, size):
    """The answer, and the work that was counted."""
    answer = kind.run(n, *kind.parse(size))
    return answer, take_work()


class TestEveryKind:
    def test_has_an_example_here(self):
        assert set(SMALL) == set(LEAST) == set(KINDS)

    def test_is_found_by_its_name(self, kind):
        assert get_kind(kind.name) is kind
        assert kind.size_unit
        assert kind.work_unit

    def test_has_a_default_size_that_it_can_do(self, kind):
        shape, units = kind.parse(kind.default_size)
        assert (type(shape), type(units)) == (int, int)
        assert units >= 1

    def test_counts_its_work_even_at_its_least_size(self, kind):
        _, work = run(kind, 1, LEAST[kind.name])
        assert type(work) is int
        assert work >= 0 if kind.name == "spin" else work >= 1

    def test_answers_the_same_each_time_with_the_same_work_or_has_no_answer(self, kind):
        first, second = run(kind, 3, SMALL[kind.name]), run(kind, 3, SMALL[kind.name])
        assert first[0] == second[0]
        assert (first[0] is None) == kind.fixed_time
        assert kind.name == "spin" or first[1] == second[1]

    def test_takes_a_negative_number_like_any_other(self, kind):
        assert run(kind, -3, SMALL[kind.name])[0] == run(kind, -3, SMALL[kind.name])[0]

    def test_refuses_what_is_no_size(self, kind):
        wrong = [
            "",
            " ",
            "0",
            "-1",
            "nan",
            "inf",
            "-inf",
            "1e400",
            "abc",
            "9" * 400,
            "9" * 5000,
            "²",
            "1,5",
            "None",
            "0x10",
            "400x",
            "x4",
        ]
        accepted = []
        for text in wrong:
            try:
                accepted.append((text, kind.parse(text)))
            except ValueError:
                continue
        assert accepted == []

    def test_refuses_a_size_whose_work_a_row_could_not_hold(self, kind):
        with pytest.raises(ValueError, match=r".+"):
            kind.parse("1x1" + "0" * 30 if kind.name == "blas" else "1e30")

    @pytest.mark.parametrize("imbalance", [0.5, 1.0])
    def test_runs_uneven_tasks_of_its_least_size(self, kind, imbalance):
        items = make_items(kind.name, LEAST[kind.name], 12, imbalance, 0)
        for item in items:
            kind.run(*item)
        assert take_work() is not None

    def test_that_is_unknown_is_an_error(self):
        with pytest.raises(KeyError, match="crush"):
            get_kind("crush")


@pytest.mark.parametrize("name", WITH_ANSWERS)
def test_answers_depend_on_the_item(name):
    assert len({run(get_kind(name), n, SMALL[name])[0] for n in range(20)}) > 15


@pytest.mark.parametrize("name", ["sleep", *WITH_ANSWERS])
def test_uneven_tasks_do_the_same_work_in_all(name):
    work = []
    for imbalance in (0.0, 0.5, 1.0):
        for item in make_items(name, SMALL[name], 10, imbalance, 0):
            get_kind(name).run(*item)
        work.append(take_work())
    assert len(set(work)) == 1


class TestSizes:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("crunch", "50000", (0, 50_000)),
            ("crunch", "50_000", (0, 50_000)),
            ("crunch", "5e4", (0, 50_000)),
            ("crunch", "9007199254740991", (0, 2**53 - 1)),
            ("sleep", "5", (0, 5000)),
            ("sleep", "2.5", (0, 2500)),
            ("spin", "0.001", (0, 1)),
            ("blas", "400x8", (400, 8)),
            ("blas", "400X8", (400, 8)),
            ("blas", "400", (400, 1)),
            ("stream", "64MiB", (0, 2**26)),
            ("stream", "64mib", (0, 2**26)),
            ("stream", "1GB", (0, 10**9)),
            ("stream", "1.5 KiB", (0, 1536)),
            ("stream", "67_108_864", (0, 2**26)),
        ],
    )
    def test_are_read_into_shape_and_units(self, name, text, expected):
        shape, units = get_kind(name).parse(text)
        held = get_kind(name).bytes_needed
        assert (shape, held(shape, units) if name == "stream" else units) == expected

    @given(st.integers(1, 2**53 - 1))
    def test_of_turns_are_read_exactly(self, turns):
        assert get_kind("crunch").parse(str(turns)) == (0, turns)

    @given(name=st.sampled_from(KINDS), text=st.text(max_size=12))
    def test_are_read_or_are_value_errors_and_nothing_else(self, name, text):
        try:
            _, units = get_kind(name).parse(text)
        except ValueError:
            return
        assert units >= 1

    @pytest.mark.parametrize("text", ["100001x1", "0x4", "4x0", "4x-1", "-4x4", "4.5x1", "4x4x4", "1e2x1"])
    def test_of_matrices_beyond_what_is_exact_are_refused(self, text):
        with pytest.raises(ValueError, match=r".+"):
            get_kind("blas").parse(text)

    def test_of_blas_and_stream_tell_the_bytes_that_a_task_holds(self):
        for name, size, held in [("blas", "100x7", 4 * 8 * 100**2), ("stream", "1MiB", 2**20)]:
            kind = get_kind(name)
            assert kind.bytes_needed(*kind.parse(size)) == held
        assert [get_kind(name).bytes_needed for name in ("sleep", "spin", "crunch")] == [None] * 3


class TestCrunch:
    @pytest.mark.parametrize(("n", "turns"), [(0, 1), (5, 1000), (2**40 + 3, 77), (-1, 10)])
    def test_is_the_generators_state_in_closed_form(self, n, turns):
        a, c, m = 1103515245, 12345, 2**31
        series = (pow(a, turns, (a - 1) * m) - 1) // (a - 1)
        assert run(get_kind("crunch"), n, str(turns)) == ((pow(a, turns, m) * n + c * series) % m, turns)


class TestBlas:
    @pytest.mark.parametrize(("n", "order", "products"), [(0, 1, 1), (1, 2, 5), (7, 17, 4), (123, 64, 3), (2, 100, 2)])
    def test_is_exactly_what_whole_numbers_give(self, n, order, products):
        factor = np.random.default_rng(n).integers(0, 251, (order, order)).astype(object)
        state = factor
        for _ in range(products):
            state = state.dot(factor) % 251
        answer, work = run(get_kind("blas"), n, f"{order}x{products}")
        assert answer == zlib.crc32(state.astype(np.uint8).tobytes())
        assert work == 2 * order**3 * products


class TestStream:
    @pytest.mark.parametrize("n", [0, 1, 255, 256, 1000])
    def test_leaves_the_source_as_it_was_and_twice_that_in_the_target(self, n):
        answer, work = run(get_kind("stream"), n, "4KiB")
        assert answer == 4 * (n & 0xFF)
        assert work == 8 * 4096


class TestFixedTime:
    def test_sleep_asks_for_the_time_and_counts_it(self, monkeypatch):
        slept = []
        monkeypatch.setattr(time, "sleep", slept.append)
        assert run(get_kind("sleep"), 1, "2.5") == (None, 2500)
        assert slept == [0.0025]

    @pytest.mark.parametrize(("step_s", "turns"), [(0.001, 4), (0.0005, 9), (1.0, 0)])
    def test_spin_counts_the_turns_that_fitted_into_its_time(self, monkeypatch, step_s, turns):
        now = iter(range(1000))
        clock = SimpleNamespace(perf_counter=lambda: next(now) * step_s)
        monkeypatch.setattr("scalebench.workloads.spin.time", clock)
        assert run(get_kind("spin"), 1, "5") == (None, turns)
