"""Digests of answers: equal answers have equal digests on any machine, and what can't be encoded is left unchecked."""

import copy
import math
import pickle
from collections import OrderedDict, namedtuple
from enum import IntEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.host.answers import NotEncodableError, combine, digest, encode

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(st.characters()), st.binary(),
    st.binary().map(bytearray),
)  # fmt: skip
HASHABLE = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    st.one_of(SCALARS, st.sets(HASHABLE, max_size=4), st.frozensets(HASHABLE, max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(HASHABLE, inner, max_size=4)
    ),
    max_leaves=12,
)
#: few values in many shapes, so that pairs often are nearly the same
SMALL = st.recursive(
    st.sampled_from([None, 0, 1, 2, 11, 1.5, "", "1", "11", "a", b"", b"1", b"a"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.sampled_from("ab1"), inner)
    ),
    max_leaves=6,
)


class Level(IntEnum):
    LOW = 1


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped one is what many programs return


class TestEqualAnswers:
    @given(VALUES)
    def test_have_equal_digests_however_they_were_copied(self, value):
        assert digest(value) is not None
        assert digest(value) == digest(copy.deepcopy(value)) == digest(pickle.loads(pickle.dumps(value)))

    @given(st.dictionaries(HASHABLE, SCALARS), st.randoms())
    def test_that_are_dicts_may_be_in_any_order(self, value, random):
        pairs = list(value.items())
        random.shuffle(pairs)
        assert digest(value) == digest(dict(pairs))

    @given(st.sets(HASHABLE), st.randoms())
    def test_that_are_sets_may_be_in_any_order(self, value, random):
        members = list(value)
        random.shuffle(members)
        assert digest(value) == digest(set(members))

    @pytest.mark.parametrize("digits", [1, 4300, 4301, 20_000])
    def test_may_be_whole_numbers_of_any_length(self, digits):
        number = 10 ** (digits - 1) + 7
        assert digest(number) == digest(10 ** (digits - 1) + 7)
        assert digest(number) not in (None, digest(-number), digest(number + 1))

    def test_that_are_not_a_number_are_equal_whatever_their_bits(self):
        assert digest(math.nan) == digest(-math.nan) == digest(float("nan"))
        assert digest([math.nan, 1.0]) == digest([-math.nan, 1.0])

    def test_have_the_digest_that_older_results_have(self):
        """Written down from the first version: a reference digest may come from another machine."""
        assert digest([1, True, None, 1.5, "a", b"a", (2 + 1j,), {"k": {3}}]) == "623cb1437d6a2259c41dfc05"
        assert digest(np.arange(6, dtype="<f8").reshape(2, 3)) == "e91ce048ca9ae86305dfbbdb"


class TestUnequalAnswers:
    @given(SMALL, SMALL)
    def test_have_unequal_digests(self, one, other):
        assert (digest(one) == digest(other)) == (one == other)

    @pytest.mark.parametrize(
        "values",
        [
            [1, True, 1.0, 1 + 0j, "1", b"1", bytearray(b"1"), np.int64(1), np.float64(1), np.array(1), np.bool_(True)],
            [[], (), {}, set(), frozenset(), "", b"", bytearray(), None, False, 0],
            [[1, 2], (1, 2), {1, 2}, frozenset({1, 2}), {1: 2}, [[1], 2], [1, [2]], np.array([1, 2])],
            [["a", "b"], ["ab"], "ab", ["ab", ""], ["", "ab"], ["a", ["b"]]],
            [{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1}, {"a": {"b": 2}}],
            [math.inf, -math.inf, math.nan, complex(math.nan, 0), complex(0, math.nan)],
        ],
        ids=["ones", "empty", "pairs", "texts", "dicts", "floats"],
    )
    def test_of_other_types_or_shapes_are_told_apart(self, values):
        assert len({digest(value) for value in values} - {None}) == len(values)


class TestArrays:
    @pytest.mark.parametrize(
        "dtype", ["b1", "i1", "i2", "i4", "i8", "u4", "f2", "f4", "f8", "c8", "c16", "U5", "S5", "M8[s]", "m8[ms]"]
    )
    def test_are_equal_in_any_byte_order(self, dtype):
        values = np.array([0, 1, 2, 3], dtype="i8").astype(dtype)
        assert digest(values) is not None
        assert digest(values.astype(values.dtype.newbyteorder("<"))) == digest(values.astype(values.dtype.newbyteorder(">")))

    def test_are_equal_however_they_lie_in_memory(self):
        whole = np.arange(24.0).reshape(4, 6)
        plain = digest(np.array([[0.0, 2.0, 4.0], [12.0, 14.0, 16.0]]))
        assert digest(whole[::2, ::2]) == plain
        assert digest(np.asfortranarray(whole[::2, ::2])) == plain
        assert digest(whole[::2, ::2].T.copy().T) == plain
        assert digest(whole[::-1][::-1]) == digest(whole)
        assert digest(np.broadcast_to(np.float64(3), (2, 2))) == digest(np.full((2, 2), 3.0))

    @pytest.mark.parametrize(
        "values",
        [
            [np.zeros(6), np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((1, 6)), np.zeros(7)],
            [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(0)],
            [np.zeros(2, dtype) for dtype in ("i4", "u4", "f4", "i8", "U1", "S4", "M8[s]", "M8[ms]", "m8[s]")],
            [np.float64(2), np.array(2.0), np.array([2.0]), 2.0],
        ],
        ids=["shapes", "empty", "types", "scalars"],
    )
    def test_of_other_shapes_or_types_are_told_apart(self, values):
        assert len({digest(value) for value in values} - {None}) == len(values)

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
    def test_that_hold_not_a_number_are_equal_whatever_its_bits(self, dtype):
        """0/0 has the sign bit set on x86 and not on ARM."""
        positive = np.array([1.0, math.nan], dtype)
        negative = positive.copy()
        negative[1] = -negative[1]
        assert positive.tobytes() != negative.tobytes()
        assert digest(positive) == digest(negative)

    def test_of_long_doubles_do_not_depend_on_their_padding(self):
        """Only 80 bits of the 16 bytes are the number; they are left unchecked or encoded by value."""
        item = np.dtype(np.longdouble).itemsize
        clean = np.zeros(3, np.longdouble)
        dirty = clean.copy()
        if np.finfo(np.longdouble).nmant == 63:
            dirty.view(np.uint8).reshape(3, item)[:, 10:] = 0xFF
        assert (clean == dirty).all()
        assert digest(clean) == digest(dirty)

    def test_that_are_masked_are_not_taken_for_their_hidden_values(self):
        hidden, shown = np.ma.masked_array([1.0, 2.0], [0, 1]), np.ma.masked_array([1.0, 2.0], [0, 0])
        assert digest(hidden) is None or digest(hidden) != digest(shown)


def a_list_in_itself():
    value = []
    value.append(value)
    return value


def a_deep_tuple():
    value = ()
    for _ in range(100_000):
        value = (value,)
    return value


class TestWhatCannotBeEncoded:
    @pytest.mark.parametrize(
        "value",
        [object(), len, Level.LOW, Point(1, 2), OrderedDict(a=1), range(3), Ellipsis, ValueError("x"), np.array([None]),
         np.zeros(2, "i4,i4"), np.random.default_rng(0), iter([1])],
        ids=lambda value: type(value).__name__,
    )  # fmt: skip
    def test_has_no_digest_wherever_it_stands(self, value):
        assert [digest(one) for one in (value, [value], {"a": (1, value)})] == [None] * 3

    def test_is_named_by_its_type(self):
        with pytest.raises(NotEncodableError, match=r"collections\.OrderedDict"):
            encode([OrderedDict()])

    @pytest.mark.parametrize("make", [a_list_in_itself, a_deep_tuple])
    def test_may_be_without_end(self, make):
        assert digest(make()) is None


class TestARound:
    def test_has_a_digest_of_its_answers_in_order(self):
        one, two = digest("one"), digest("two")
        assert combine([one, two]) == combine(iter((one, two)))
        assert len({combine([one, two]), combine([two, one]), combine([one]), combine([one, one]), combine([])}) == 5

    def test_of_as_many_answers_as_one_likes_has_a_digest_of_one_length(self):
        assert {len(combine([digest(n)] * n)) for n in range(4)} == {len(digest(None))} == {24}
