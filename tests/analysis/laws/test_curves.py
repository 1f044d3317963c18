"""Curves of a run: which cases are one, what is left out of it and said, and what is fitted."""

import pytest
from factories import make_rounds, sweep_rows

from scalebench.analysis.laws.curves import curves


def pool(*workers, blocks=3, **common):
    """A pool at these counts, without the serial baseline."""
    return [row for row in sweep_rows(workers, blocks=blocks, **common) if "backend" in row]


def counts(curve):
    return sorted(set(curve.table["workers"]))


class TestACurve:
    def test_is_of_two_counts_or_more(self):
        assert curves(make_rounds(*sweep_rows((2,)))) == []
        (one,) = curves(make_rounds(*sweep_rows((1, 2))))
        assert counts(one) == [1, 2]

    def test_tells_what_is_the_same_along_it_with_null_as_none_and_numbers_as_json_has_them(self):
        (one,) = curves(make_rounds(*pool(1, 2)))
        told = {name: one.identity[name] for name in ("backend", "kind", "size", "tasks", "chunksize", "scaling", "imbalance")}
        assert told == {"backend": "processes", "kind": "crunch", "size": "50000", "tasks": 24, "chunksize": None,
                        "scaling": "strong", "imbalance": 0.0}  # fmt: skip
        assert {name: type(one.identity[name]) for name in ("tasks", "imbalance")} == {"tasks": int, "imbalance": float}
        assert not {"workers", "launcher", "nodes", "tasks_per_worker", "_work", "_nodes"} & set(one.identity)

    def test_of_weak_scaling_has_the_same_work_for_each_worker(self):
        rows = [row for count in (1, 2, 4) for row in pool(count, scaling="weak", tasks=6 * count)]
        (one,) = curves(make_rounds(*rows))
        assert (one.scaling, one.identity["tasks_per_worker"], "tasks" in one.identity) == ("weak", 6, False)
        assert counts(one) == [1, 2, 4]

    def test_is_another_one_for_each_backend_and_each_size(self):
        rows = [
            row for backend in ("processes", "threads") for size in ("10", "20") for row in pool(1, 2, backend=backend, size=size)
        ]
        found = curves(make_rounds(*rows))
        assert sorted((one.identity["backend"], one.identity["size"]) for one in found) == [
            ("processes", "10"), ("processes", "20"), ("threads", "10"), ("threads", "20")]  # fmt: skip

    def test_goes_over_nodes_where_each_count_was_on_one_number_of_them(self):
        (one,) = curves(make_rounds(*pool(2, nodes=1), *pool(4, nodes=2)))
        assert (counts(one), "nodes" in one.identity) == ([2, 4], False)

    def test_is_one_for_each_number_of_nodes_where_a_count_was_on_two(self):
        rows = [row for nodes in (1, 2) for row in pool(4, 8, nodes=nodes)]
        found = curves(make_rounds(*rows))
        assert [(one.identity["nodes"], counts(one)) for one in found] == [(1, [4, 8]), (2, [4, 8])]


class TestOversubscribedCases:
    rows = make_rounds(*pool(1, 2), *pool(4, oversubscribed=True))

    def test_are_left_out_and_told(self):
        (one,) = curves(self.rows)
        assert counts(one) == [1, 2]
        assert one.notes == ("Left out, oversubscribed: 4 workers (--oversubscribed keeps them).",)

    def test_are_kept_for_who_asks_and_told(self):
        (one,) = curves(self.rows, oversubscribed=True)
        assert counts(one) == [1, 2, 4]
        assert one.notes == ("Oversubscribed: 4 workers; their times hold waiting for a CPU.",)

    def test_are_kept_where_there_are_no_others(self):
        (one,) = curves(make_rounds(*pool(4, 8, oversubscribed=True)))
        assert counts(one) == [4, 8]
        assert one.notes == ("Oversubscribed: 4, 8 workers; their times hold waiting for a CPU.",)

    def test_are_not_those_of_which_nobody_knows(self):
        (one,) = curves(make_rounds(*pool(1, 2), *pool(4, oversubscribed=None)))
        assert (counts(one), one.notes) == ([1, 2, 4], ())


class TestBlocks:
    def test_fewer_than_three_good_ones_leave_a_count_out(self):
        (one,) = curves(make_rounds(*pool(1, 2), *pool(4, 8, blocks=2)))
        assert (counts(one), one.notes) == ([1, 2], ("Left out, fewer than 3 good blocks: 4, 8 workers.",))

    def test_are_as_few_as_they_are_where_no_count_has_three(self):
        (one,) = curves(make_rounds(*pool(1, 2, blocks=2), *pool(4, blocks=1)))
        assert (counts(one), one.notes) == ([1, 2], ("Left out, fewer than 2 good blocks: 4 workers.",))

    def test_need_not_be_as_many_at_each_count(self):
        (one,) = curves(make_rounds(*pool(1, 2, blocks=5), *pool(4, blocks=3)))
        assert (counts(one), one.notes) == ([1, 2, 4], ())


class TestWhatIsFitted:
    def test_is_the_wall_time_of_each_launch_by_workers_and_block(self):
        (one,) = curves(make_rounds(*pool(1, 2, blocks=2)))
        assert list(one.table.columns) == ["workers", "block", "wall_s"]
        assert one.table.sort_values(["workers", "block"]).to_numpy().tolist() == [
            [1, 0, 1.0], [1, 1, 1 + 1 / 64], [2, 0, 0.5], [2, 1, (1 + 1 / 64) / 2]]  # fmt: skip

    def test_is_a_rate_where_the_work_is_not_the_same(self):
        rows = [{**row, "work_units": 300 * row["workers"]} for row in pool(1, 2, blocks=1)]
        (one,) = curves(make_rounds(*rows))
        assert list(one.table.columns) == ["workers", "block", "throughput"]
        assert one.table["throughput"].tolist() == pytest.approx([300.0, 1200.0])
        assert one.notes == ("The work differs from launch to launch: fitted are work units per second, not seconds.",)

    def test_of_weak_scaling_is_time_as_long_as_the_work_of_a_worker_is_the_same(self):
        def weak(*each):
            rows = [{**row, "work_units": units * count} for count, units in zip((1, 2), each, strict=True)
                    for row in pool(count, scaling="weak", tasks=6 * count)]  # fmt: skip
            (one,) = curves(make_rounds(*rows))
            return one.table.columns[-1]

        assert (weak(100, 100), weak(100, 101)) == ("wall_s", "throughput")

    @pytest.mark.parametrize("units", [0, None])
    def test_is_time_where_some_work_was_not_counted(self, units):
        rows = [{**row, "work_units": units if row["workers"] == 1 else 500} for row in pool(1, 2)]
        (one,) = curves(make_rounds(*rows))
        assert (one.table.columns[-1], one.notes) == ("wall_s", ())
