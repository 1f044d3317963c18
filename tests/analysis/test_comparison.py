"""All of a comparison together: who is the baseline, what is paired, and what each side has that the others lack."""

import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.analysis.comparison import comparison
from scalebench.analysis.shape import EQUAL_WORKERS
from scalebench.errors import UsageError

NOISY = (1.0, 1.01, 0.99, 1.02, 0.985)


def result(name, slow=1.0, *rows, about=(), **common):
    """A run of one serial case in five blocks, and of other rows."""
    blocks = [{"block": block, "wall_s": mood * slow, **common} for block, mood in enumerate(NOISY)]
    return make_result(make_rounds(*blocks, *rows, run_id=name), **{"run_id": name, **dict(about)})


def variants(*, study=None):
    """A run of two variants, of which the second takes twice as long."""
    rows = [{"block": block, "wall_s": mood * slow, "variant": name}
            for block, mood in enumerate(NOISY) for name, slow in (("new", 2.0), ("old", 1.0))]  # fmt: skip
    return make_result(make_rounds(*rows), study=study)


class TestSides:
    def test_are_the_results_by_the_names_they_were_asked_for_by(self):
        found = comparison([("before", result("a")), ("after", result("b", 2.0))])
        assert [side.name for side in found.sides] == ["before", "after"]
        assert [[about["run_id"] for about in runs] for runs in found.runs] == [["a"], ["b"]]
        assert (found.paired, found.found["ratio"].tolist()) == (False, pytest.approx([2.0]))

    def test_of_one_result_are_its_variants_paired_and_in_the_order_of_the_study(self):
        found = comparison([("run", variants(study={"variants": {"old": {}, "new": {}}}))])
        assert [side.name for side in found.sides] == ["old", "new"]
        assert (found.paired, found.found["replicates"].tolist()) == (True, ["pairs"])
        assert found.found["ratio"].tolist() == pytest.approx([2.0])
        assert len(found.runs) == 2
        assert found.runs[0] == found.runs[1]

    @pytest.mark.parametrize("study", [{}, {"variants": None}])
    def test_of_a_run_whose_study_tells_no_variants_are_in_the_order_of_their_names(self, study):
        assert [side.name for side in comparison([("run", variants(study=study))]).sides] == ["new", "old"]

    def test_may_have_another_baseline(self):
        found = comparison([("a", result("a")), ("b", result("b", 2.0)), ("c", result("c", 4.0))], baseline="c")
        assert [side.name for side in found.sides] == ["c", "a", "b"]
        assert [runs[0]["run_id"] for runs in found.runs] == ["c", "a", "b"]
        assert found.found["ratio"].tolist() == pytest.approx([0.25, 0.5])

    def test_that_are_the_same_run_an_unknown_baseline_and_one_alone_are_refused(self):
        with pytest.raises(UsageError, match="before and after both hold run a"):
            comparison([("before", result("a")), ("after", result("a"))])
        with pytest.raises(UsageError, match=r"--baseline c: none of what is compared.\nThere are: before, after"):
            comparison([("before", result("a")), ("after", result("b"))], baseline="c")
        with pytest.raises(UsageError, match="it has no variants"):
            comparison([("before", result("a"))])
        with pytest.raises(UsageError, match="it has one variant, old"):
            comparison([("before", result("a", variant="old"))])


class TestVariants:
    def test_are_joined_on_all_but_the_variant_in_what_only_one_has_and_what_failed(self):
        both = [
            {"block": block, "variant": name, **case}
            for block in range(3) for name in ("old", "new") for case in ({}, {"size": "77"})
            if not (name == "new" and case)
        ]  # fmt: skip
        rows = [*both, {"variant": "new", "size": "77", "status": "crashed"}, {"variant": "old", "size": "99"}]
        found = comparison([("run", make_result(make_rounds(*rows), study={"variants": {"old": {}, "new": {}}}))])
        assert found.only_in == [(0, ["crunch 99 x24 strong serial w1"]), (1, [])]
        assert found.failed[["side", "label", "status"]].to_numpy().tolist() == [[1, "crunch 77 x24 strong serial w1", "crashed"]]


class TestWhatElseItTells:
    def test_is_what_only_one_side_has_and_what_failed_on_the_other(self):
        other = {"size": "77"}
        found = comparison([
            ("a", result("a", 1.0, *({"block": block, "size": "99"} for block in range(3)), other)),
            ("b", result("b", 1.0, {"size": "55"}, {**other, "status": "crashed", "message": "it fell"})),
        ])  # fmt: skip
        assert found.only_in == [(0, ["crunch 99 x24 strong serial w1"]), (1, ["crunch 55 x24 strong serial w1"])]
        assert found.failed[["side", "status", "message"]].to_numpy().tolist() == [[1, "crashed", "it fell"]]

    def test_is_what_differs_besides_and_what_a_side_does_not_say(self):
        told = {"machine": {"python": "CPython 3.11.7", "cpu": "Fast"}}
        other = {"machine": {"python": "CPython 3.13.1"}}
        found = comparison([("a", result("a", about=told.items())), ("b", result("b", about=other.items()))])
        assert {one.field: one.values for one in found.differences}["python"] == ("CPython 3.11.7", "CPython 3.13.1")
        assert [("cpu" in names) for names in found.not_recorded] == [False, True]

    def test_is_the_margin_and_the_round_that_it_went_by(self):
        found = comparison([("a", result("a")), ("b", result("b"))], margin=0.25, location="minimum")
        assert (found.margin, found.location) == (0.25, "minimum")
        usual = comparison([("a", result("a")), ("b", result("b"))])
        assert (usual.margin, usual.location) == (0.02, "median")


class TestTheShapeOfTheScaling:
    @staticmethod
    def sides(*machines):
        rows = [sweep_rows((1, 2), machine_id=machine) for machine in machines]
        return [
            (str(place), make_result(make_rounds(*one, run_id=str(place)), run_id=str(place))) for place, one in enumerate(rows)
        ]

    def test_is_compared_between_two_machines_whichever_of_the_sides_is_the_other_one(self):
        for machines in (("a", "b"), ("a", "a", "b")):
            assert EQUAL_WORKERS in set(comparison(self.sides(*machines)).shape["measure"])

    @pytest.mark.parametrize("machines", [("a", "a"), ("a", None)])
    def test_is_not_on_one_machine_or_where_a_side_does_not_say_on_which(self, machines):
        assert comparison(self.sides(*machines)).shape.empty
