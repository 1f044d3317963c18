"""Items and keyword arguments: what a text or a file of them says, and that everything else is refused with its place."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.errors import StudyError
from scalebench.items import items_text, read_items, read_items_file, read_kwargs

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=8,
)


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


class TestTheTextOfItems:
    @pytest.mark.parametrize(
        "items", [[bytes(10**7)], ["x" * 10**7], [bytes(10**7)] * 3, [b"x" * 100] * 10**5], ids=["bytes", "text", "some", "many"]
    )
    def test_is_not_made_of_large_ones(self, items):
        tracemalloc.start()
        try:
            assert items_text(items) == f"{len(items)} items"
            assert tracemalloc.get_traced_memory()[1] < 10**6
        finally:
            tracemalloc.stop()

    @given(st.lists(PLAIN, min_size=1, max_size=5))
    def test_reads_as_they_are_or_says_how_many(self, items):
        text = items_text(items)
        assert text == f"{len(items)} items" or read_items(text) == items


class TestAFileOfItems:
    @given(items=st.lists(PLAIN, min_size=1, max_size=5))
    def test_of_json_holds_any_values(self, items, tmp_path_factory):
        path = tmp_path_factory.mktemp("items") / "items.json"
        path.write_text(json.dumps(items))
        assert read_items_file(path) == items

    def test_of_csv_with_one_column_holds_its_values(self, file):
        assert read_items_file(file("a.csv", "n\n3\n5\n\n10\n")) == [3, 5, 10]

    def test_of_csv_with_several_columns_holds_dicts(self, file):
        content = 'n,share,name\r\n1,0.5,"a, b"\r\n2,1,007\r\n'
        assert read_items_file(file("a.csv", content)) == [
            {"n": 1, "share": 0.5, "name": "a, b"},
            {"n": 2, "share": 1.0, "name": "007"},
        ]

    def test_of_text_holds_its_lines(self, file):
        assert read_items_file(file("a.txt", "\ufeffone.dat\n\n  two.dat \n")) == ["one.dat", "two.dat"]

    @pytest.mark.parametrize(
        ("lines", "items"),
        [
            ("1\n-2\n+3", [1, -2, 3]),
            ("1\n2.5\n1e3", [1.0, 2.5, 1000.0]),
            ("1\n007", ["1", "007"]),
            ("1\nnan", ["1", "nan"]),
            ("1_000", ["1_000"]),
            ("0", [0]),
            ("0.5", [0.5]),
        ],
    )
    def test_is_of_numbers_only_where_all_are(self, file, lines, items):
        found = read_items_file(file("a.txt", lines))
        assert found == items
        assert list(map(type, found)) == list(map(type, items))

    @pytest.mark.parametrize(
        ("name", "content", "cause"),
        [
            ("a.xml", "<a/>", "none of .json, .csv, .txt"),
            ("a.json", "[1, 2", "not JSON"),
            ("a.json", "[" * 100_000, "not JSON"),
            ("a.json", '{"a": 1}', "an object, not an array"),
            ("a.json", "3", "a number, not an array"),
            ("a.json", "[]", "no item"),
            ("a.json", b"[\xff]", "not UTF-8: byte 1"),
            ("a.csv", "", "no item"),
            ("a.csv", "n\n", "no item"),
            ("a.csv", "1\n2\n", "looks like an item"),
            ("a.csv", "n,n\n1,2\n", "a name of its own"),
            ("a.csv", "n,m\n1,2\n3\n", "item 2 has 1 values, the heading has 2"),
            ("a.csv", 'n\n"1\n', "not CSV"),
            ("a.txt", " \n\n", "no item"),
        ],
    )
    def test_that_is_none_is_refused_with_its_name_and_the_reason(self, file, name, content, cause):
        path = file(name, content)
        with pytest.raises(StudyError, match=cause) as told:
            read_items_file(path)
        assert told.value.key == "items_file"
        assert told.value.value == str(path)

    def test_that_is_not_there_or_is_a_folder_is_refused(self, tmp_path):
        (tmp_path / "b.json").mkdir()
        for name in ("a.json", "b.json"):
            with pytest.raises(StudyError, match="can't be read"):
                read_items_file(tmp_path / name)


class TestKeywordArguments:
    @given(
        st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in KEYWORDS), PLAIN)
    )
    def test_read_as_they_are_written_in_a_call_and_in_json(self, arguments):
        assert read_kwargs(", ".join(f"{name}={value!r}" for name, value in arguments.items())) == arguments
        assert read_kwargs(json.dumps(arguments)) == arguments
        assert read_kwargs(arguments) == arguments

    @pytest.mark.parametrize(
        "text",
        [
            "a=b",
            "1, 2",
            "a=1) + f(b=2",
            "**{'a': 1}",
            "a=1, a=2",
            "x",
            "{1: 2}",
            "[1]",
            "a=__import__('os')",
            "a=(1).real",
            '{"a b": 1}',
        ],
    )
    def test_are_never_evaluated_and_never_guessed(self, text):
        with pytest.raises(StudyError, match="kwargs"):
            read_kwargs(text)

    @pytest.mark.parametrize("value", [5, ["a"], {1: 2}, {"a-b": 1}])
    def test_are_a_table_of_names(self, value):
        with pytest.raises(StudyError, match="kwargs"):
            read_kwargs(value)


KEYWORDS = __import__("keyword").kwlist
