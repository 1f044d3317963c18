"""Tables that anybody wrote: which columns are meant, and what is wrong with a cell."""

import os

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalebench.errors import ResultsError
from scalebench.results.any_table import MOST, MOST_COUNT, read_table


@pytest.fixture
def write(tmp_path):
    def call(content, name="times.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return call


def rows(path, *chosen):
    return read_table(path).points(chosen).to_numpy().tolist()


EXPECTED = [[1, 8.0], [2, 4.5]]


class TestText:
    @pytest.mark.parametrize(
        "content",
        [
            "workers,wall_s\n1,8\n2,4.5\n",
            "workers;wall_s\n1;8\n2;4.5\n",
            "workers\twall_s\n1\t8\n2\t4.5\n",
            "workers\twall_s\tnote\n1\t8\t\n2\t4.5\t\n",
            "workers wall_s\n1   8\n2 4.5\n",
            "| workers | wall_s |\n| 1 | 8 |\n| 2 | 4.5 |\n",
            "\ufeffworkers,wall_s\n1,8\n2,4.5\n",
            "# a comment\nworkers,wall_s\n# another\n1,8\n\n2,4.5\n,\n",
            "# workers wall_s\n1 8\n2 4.5\n",
            "workers,wall_s\r\n1,8\r\n2,4.5",
            "workers,wall_s\r1,8\r2,4.5\r",
            '"workers","wall_s"\n"1","8"\n"2","4.5"\n',
            "WORKERS, Wall_S\n1.0, 8e0\n2, 4.5\n",
            "workers,wall_s\n1,8\n2,4.5\n".encode("utf-16"),
        ],
    )
    def test_of_any_delimiter_and_make_is_read(self, write, content):
        assert rows(write(content)) == EXPECTED

    @pytest.mark.parametrize("count", ["workers", "p", "P", "cores", "nodes", "n", "threads", "Number Threads", "num_workers",
                                       "nprocs", "MPI ranks", "processes", "# of cores", "OMP threads", "concurrency"])  # fmt: skip
    def test_may_call_the_count(self, write, count):
        frame = read_table(write(f"x1,{count},wall_s\na,1,8\na,2,4.5\n")).points()
        assert frame["workers"].tolist() == [1, 2]

    @pytest.mark.parametrize("measure", ["wall_s", "time", "Time", "Run Time (s)", "seconds", "elapsed", "wall time [s]", "mean_time",
                                         "runtime", "avg time", "Execution time", "time_s"])  # fmt: skip
    def test_may_call_the_time(self, write, measure):
        assert rows(write(f"p,{measure}\n1,8\n2,4.5\n")) == EXPECTED

    @pytest.mark.parametrize(
        ("measure", "factor"), [("time_ms", 1e-3), ("wall (us)", 1e-6), ("elapsed [ns]", 1e-9), ("time (min)", 60)]
    )
    def test_of_another_unit_is_in_seconds(self, write, measure, factor):
        assert rows(write(f"p,{measure}\n1,8\n2,4.5\n"))[0] == pytest.approx([1, 8 * factor])

    @pytest.mark.parametrize("measure", ["throughput", "X", "Throughput (ops/s)", "ops_per_sec", "tps"])
    def test_may_be_of_throughput(self, write, measure):
        assert read_table(write(f"p,{measure}\n1,8\n2,14\n")).points().columns.tolist() == ["workers", "throughput"]

    @given(
        numbers=st.lists(st.tuples(st.integers(1, MOST_COUNT), st.floats(1 / MOST, MOST)), min_size=1, max_size=5),
        delimiter=st.sampled_from(",;\t| "),
    )
    @example(numbers=[(1, 1 / MOST), (MOST_COUNT, MOST)], delimiter=",")
    def test_holds_each_number_exactly_whatever_stands_between_them(self, numbers, delimiter, tmp_path_factory):
        path = tmp_path_factory.getbasetemp() / "any.csv"
        path.write_text("".join(f"{count}{delimiter}{wall_s}\n" for count, wall_s in [("p", "time"), *numbers]))
        found = read_table(path).points()
        assert list(zip(found["workers"], found["wall_s"], strict=True)) == numbers

    def test_with_times_and_speedups_is_taken_by_its_times(self, write):
        assert rows(write("p,time,speedup,efficiency\n1,8,1,1\n2,4.5,1.78,0.89\n")) == EXPECTED

    def test_with_speedups_only_is_taken_by_them(self, write):
        assert read_table(write("p,speedup\n2,1.8\n4,3\n")).points().columns.tolist() == ["workers", "speedup"]

    def test_that_was_swept_over_cores_on_one_node_is_of_cores(self, write):
        assert rows(write("nodes,cores,time\n1,1,8\n1,2,4.5\n")) == EXPECTED

    def test_may_say_its_scaling_and_what_was_oversubscribed(self, write):
        frame = read_table(write("p,time,scaling,oversubscribed\n1,8,weak,no\n2,4.5,Weak,True\n")).points()
        assert frame["scaling"].tolist() == ["weak", "weak"]
        assert frame["oversubscribed"].tolist() == [False, True]


class TestWhere:
    CONTENT = "mode,p,time\nmpi,1,8\nomp,1,9\nmpi,2,4.5\nomp,2,5\n"

    def test_chooses_rows(self, write):
        assert read_table(write(self.CONTENT)).where({"mode": "mpi"}).points().to_numpy().tolist() == EXPECTED

    def test_of_no_such_column_or_value_says_what_there_is(self, write):
        table = read_table(write(self.CONTENT))
        with pytest.raises(ResultsError, match="mode, p, time"):
            table.where({"backend": "mpi"})
        with pytest.raises(ResultsError, match="mpi, omp"):
            table.where({"mode": "serial"})

    def test_is_what_a_column_of_text_asks_for(self, write):
        assert read_table(write(self.CONTENT)).texts() == {"mode": ["mpi", "omp"]}
        assert read_table(write("p,time,host\n1,8,a\n2,4.5,a\n")).texts() == {}


class TestParquet:
    def test_is_read_like_text(self, tmp_path):
        path = tmp_path / "times.parquet"
        pd.DataFrame({"cores": [1, 2], "time": [8.0, 4.5]}).to_parquet(path)
        assert rows(path) == EXPECTED

    def test_of_many_columns_is_read_for_those_that_can_matter(self, tmp_path):
        path = tmp_path / "times.parquet"
        known = {"cores": [1, 2], "time": [8.0, 4.5], "scaling": ["weak", "weak"]}
        pd.DataFrame(known | {f"mood {number}": [0, 0] for number in range(30)}).to_parquet(path)
        assert read_table(path).columns == known

    def test_that_was_cut_off_is_refused(self, tmp_path):
        path = tmp_path / "times.parquet"
        pd.DataFrame({"cores": [1, 2], "time": [8.0, 4.5]}).to_parquet(path)
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(ResultsError, match="can't be read as parquet") as told:
            read_table(path)
        assert ".." not in str(told.value)

    def test_with_a_null_names_the_row(self, tmp_path):
        path = tmp_path / "times.parquet"
        pd.DataFrame({"cores": [1, 2], "time": [8.0, None]}).to_parquet(path)
        with pytest.raises(ResultsError, match="row 2, column 'time'"):
            rows(path)


_LONG = "x" * 131_073  # characters: one more than the module csv takes
BAD_CELLS = [
    ("p,time\n1,8\n2,fast\n", "line 3, column 'time': 'fast' is not a number"),
    ("p,time\n1,8\n2,4.5s\n", "line 3, column 'time': '4.5s' is not a number"),
    ("p;time\n1;8\n2;4,5\n", "with a point, not a comma"),
    ("p,time\n1,8\n# why\n2,0\n", "line 4, column 'time': 0 is not above 0"),
    ("p,time\n1,8\n2,-4.5\n", "line 3, column 'time': -4.5 is not above 0"),
    ("p,time\n1,8\n2,NaN\n", "line 3, column 'time': NaN is not a time or a rate"),
    ("p,time\n1,8\n2,\n", "line 3, column 'time': an empty cell"),
    ("p,time\n1,8\n2,inf\n", "line 3, column 'time': inf is not between 1e-100 and 1e"),
    ("p,time\n1,8\n2,1e-300\n", "line 3, column 'time': 1e-300 is not between"),
    ("p,time\n1,8\n2,4_5\n", "line 3, column 'time': '4_5' is not a number"),
    ("p,time\n0,8\n2,4\n", "line 2, column 'p': 0 is not above 0"),
    ("p,time\n1.5,8\n2,4\n", "line 2, column 'p': 1.5 is not a whole number"),
    ("p,time\n1e30,8\n2,4\n", "not a whole number"),
    ("p,time\n1,8,9\n2,4\n", "line 2: 3 cells, the heading has 2"),
    ("p,time\n1\n2,4\n", "line 2: 1 cells, the heading has 2 (p, time).\nMend the line"),
    ("p,time,scaling\n1,8,big\n", "line 2, column 'scaling': 'big' is neither"),
    ("p,time,oversubscribed\n1,8,maybe\n", "line 2, column 'oversubscribed': 'maybe' is neither"),
    pytest.param(f"p,time,log\n1,8,{_LONG}\n", "line 2: a cell of more than 131,072 characters", id="a cell too long"),
    pytest.param(f"p,{_LONG}\n1,8\n", "line 1: a cell of more than 131,072 characters", id="a heading too long"),
    pytest.param(f"# p,{_LONG}\n1,8\n", "line 1: a cell of more than 131,072 characters", id="a comment's heading too long"),
]
BAD_TABLES = [
    ("", "is empty"),
    ("\n\n", "no table"),
    ("# only this\n", "no table"),
    ("p,time\n", "no rows"),
    ("# why\n1,8\n2,4.5\n", "line 2: a row of numbers where the heading should be"),
    ("p,time,time\n1,8,8\n", "columns of the same name: time"),
    ("p,time,elapsed\n1,8,8\n", "several columns could be wall_s: time, elapsed"),
    ("p,cores,time\n1,1,8\n2,2,4\n", "several columns could be workers: p, cores"),
    ("p,time,throughput\n1,8,8\n", "several columns were measured: time, throughput"),
    ("size,time\n1,8\n", "no column of worker counts"),
    ("p,efficiency\n1,8\n", "no column wall_s, time or throughput"),
    ('{"benchmarks": []}', "looks like JSON"),
    (b"PK\x03\x04 a spreadsheet", "not text"),
    (b"p,time\n1,8\n2,\xe9\n", "line 3: byte 0xe9 is not UTF-8"),
    (b"p,time\n1,8\n\0\0\0", "not text"),
    (b"PAR1....", "Call it .parquet"),
]


@pytest.mark.parametrize(("content", "message"), [*BAD_CELLS, *BAD_TABLES])
def test_a_bad_table_is_refused_with_what_is_wrong_where_and_the_way_out(write, content, message):
    path = write(content)
    with pytest.raises(ResultsError) as caught:
        read_table(path).points()
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).rpartition("\n")[2].split()) > 1  # the way out, in words


def test_a_column_that_is_chosen_settles_which_is_meant(write):
    path = write("p,cores,time,elapsed\n1,2,8,9\n2,4,4.5,5\n")
    assert rows(path, "cores", "elapsed") == [[2, 9.0], [4, 5.0]]


def test_a_column_of_any_name_is_taken_for_what_it_is_said_to_hold(write):
    path = write("at once,latency,time\n1,8,1\n2,4.5,1\n")
    assert rows(path, "workers=at once", "wall_s=latency") == EXPECTED


def test_a_chosen_column_that_is_not_there_is_refused(write):
    with pytest.raises(ResultsError, match="no column 'nosuch'"):
        read_table(write("p,time\n1,8\n2,4.5\n")).points(["nosuch"])


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2 * 2**30)  # takes no room on the disk
    with pytest.raises(ResultsError, match=r"huge\.csv: 2,048 MiB of text; at most 32 are read(?s:.*)--limit 100"):
        read_table(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="not a file"):
        read_table(tmp_path)
