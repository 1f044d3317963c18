"""Files of pyperf are read as launches and rounds, and what they can't be is refused by file, field and value."""

import gzip
import json
import math
import re
from pathlib import Path

import pytest

from scalebench.analysis.scaling import launches
from scalebench.errors import ResultsError
from scalebench.results import limits
from scalebench.results.load import load

DATA = Path(__file__).parents[1] / "data"


def write(folder, *benchmarks, version="1.0", **metadata):
    path = folder / "bench.json"
    path.write_text(json.dumps({"version": version, "metadata": metadata, "benchmarks": list(benchmarks)}))
    return path


def benchmark(*runs, name="sort", **metadata):
    return {"metadata": {"name": name, **metadata}, "runs": list(runs)}


def run(*values, warmups=(), **metadata):
    return {"values": list(values), "warmups": list(warmups), "metadata": metadata}


class TestARealFile:
    def test_has_the_figures_that_pyperf_itself_prints_of_it(self):
        """From pyperf's README: 40 runs with 3 values of 8 loops, raw 177 ms to 183 ms, a median of 22.5 ms."""
        rounds = load(DATA / "pyperf_0_8_2.json").rounds
        counted = rounds[~rounds["warmup"]]
        assert (counted["block"].nunique(), len(counted)) == (40, 120)
        assert counted["tasks"].unique().tolist() == [8]
        assert (round(counted["wall_s"].min(), 3), round(counted["wall_s"].max(), 3)) == (0.177, 0.183)
        assert round((counted["wall_s"] / 8).median(), 4) == 0.0225

    def test_that_is_packed_is_read_too(self):
        rounds = load(DATA / "pyperf_1_0.json.gz").rounds
        assert (len(rounds), rounds["tasks"].unique().tolist()) == (80, [32768])
        assert (rounds["wall_s"] / 32768).median() == pytest.approx(4.2e-6, rel=0.01)

    def test_counts_inner_loops_as_calls(self):
        rounds = load(DATA / "pyperf_2_0_1_py36.json").rounds
        assert set(rounds["tasks"]) == {64 * 1024, 32 * 1024}
        assert set(rounds["workload"]) == {"[1]*1000", "[1,2]*1000", "[1,2,3]*1000"}

    def test_has_a_launch_for_each_process_that_measured_and_none_that_calibrated(self):
        assert launches(load(DATA / "pyperf_2_0_1_py36.json").rounds).groupby("workload").size().tolist() == [20, 20, 20]

    def test_tells_the_machine_but_no_host_name(self):
        about = load(DATA / "pyperf_2_0_1_py36.json").about
        assert about["machine"]["python"] == "CPython 3.6.12"
        assert about["load_average"] == pytest.approx(0.6)
        assert "apu" not in json.dumps(about)


class TestMetadata:
    def test_of_a_run_stand_above_those_of_its_benchmark_and_those_above_the_suites(self, tmp_path):
        path = write(tmp_path, benchmark(run(1.0), run(1.0, loops=5), loops=3), benchmark(run(1.0), name="other"), loops=2)
        rounds = load(path).rounds
        assert rounds["tasks"].tolist() == [3, 5, 2]
        assert rounds["wall_s"].tolist() == [3.0, 5.0, 2.0]

    def test_without_loops_mean_one_call_a_value(self, tmp_path):
        assert load(write(tmp_path, benchmark(run(0.5)))).rounds["wall_s"].tolist() == [0.5]

    @pytest.mark.parametrize("odd", ["", None, True, math.nan, 10**400])
    def test_a_load_that_is_no_number_is_not_known(self, tmp_path, odd):
        whole = benchmark(run(1.0, load_avg_1min=odd), run(1.0, load_avg_1min=0.5))
        assert load(write(tmp_path, whole)).about["load_average"] == 0.5

    @pytest.mark.parametrize("odd", ["", True, -1, 2**63, 10**400])
    def test_a_memory_that_is_no_number_of_bytes_is_not_known(self, tmp_path, odd):
        found = load(write(tmp_path, benchmark(run(1.0, mem_max_rss=odd), run(1.0, mem_max_rss=2**20))))
        assert found.rounds["rss_peak_bytes"].dropna().tolist() == [2**20]

    def test_a_run_without_metadata_has_no_load(self, tmp_path):
        whole = benchmark(run(1.0), run(1.0))
        whole["runs"][1]["metadata"] = None
        assert load(write(tmp_path, whole)).about["load_average"] is None


def test_more_calls_than_a_column_holds_are_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"bench\.json holds values that its columns can't"):
        load(write(tmp_path, benchmark(run(1.0, loops=2**50, inner_loops=2**50))))


class TestWarmUps:
    def test_have_loops_of_their_own_and_don_t_count(self, tmp_path):
        path = write(tmp_path, benchmark(run(1e-3, warmups=[[4, 2e-3], [8, 1.5e-3]], loops=16, inner_loops=10)))
        rounds = load(path).rounds
        assert rounds["warmup"].tolist() == [True, True, False]
        assert rounds["tasks"].tolist() == [40, 80, 160]
        assert rounds["wall_s"].tolist() == pytest.approx([0.08, 0.12, 0.16])

    @pytest.mark.parametrize("warmup", [[4], [0, 1e-3], [4, -1.0], 5, [4, 1e-3, 1]])
    def test_of_another_shape_are_refused(self, tmp_path, warmup):
        with pytest.raises(ResultsError, match=r"bench\.json: benchmarks\[0\] \(sort\)\.runs\[0\]\.warmups\[0\]"):
            load(write(tmp_path, benchmark(run(1e-3, warmups=[warmup]))))


class TestUnits:
    def test_other_than_the_second_are_left_out_and_a_finding_says_so(self, tmp_path):
        result = load(write(tmp_path, benchmark(run(1e-3)), benchmark(run(123456), name="memory", unit="byte")))
        assert set(result.rounds["workload"]) == {"sort"}
        assert [(one["code"], one["case"], one["unit"]) for one in result.findings] == [("SB131", "memory", "byte")]

    def test_of_all_benchmarks_other_than_the_second_are_refused(self, tmp_path):
        with pytest.raises(ResultsError, match=r"no times.*byte"):
            load(write(tmp_path, benchmark(run(123456), unit="byte")))


@pytest.mark.parametrize(
    ("second", "place"),
    [(5, ""), ({"metadata": 5}, ".metadata"), ({"runs": [5]}, ".runs[0]"), ({"runs": [{"metadata": 5}]}, ".runs[0].metadata")],
)
def test_what_lost_its_shape_is_refused_by_its_place(tmp_path, second, place):
    with pytest.raises(ResultsError, match=rf"bench\.json: benchmarks\[1\]{re.escape(place)} "):
        load(write(tmp_path, benchmark(run(1.0)), second))


@pytest.mark.parametrize("value", [0, -1e-3, math.nan, math.inf, "1e-3", None])
def test_a_value_that_is_no_time_is_refused_by_its_place(tmp_path, value):
    with pytest.raises(ResultsError, match=r"bench\.json: benchmarks\[0\] \(sort\)\.runs\[0\]\.values\[1\]"):
        load(write(tmp_path, benchmark(run(1e-3, value))))


def test_another_version_of_the_format_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ResultsError, match=r"'6'(?s:.*)pyperf convert"):
        load(write(tmp_path, benchmark(run(1e-3)), version="6"))


def test_a_benchmark_without_a_name_or_with_one_used_before_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="no name"):
        load(write(tmp_path, {"runs": [run(1e-3)]}))
    with pytest.raises(ResultsError, match="second 'sort'"):
        load(write(tmp_path, benchmark(run(1e-3)), benchmark(run(1e-3))))


class TestAFileThatIsNone:
    @pytest.mark.parametrize("content", [b"", b"  \n"])
    def test_empty_is_refused(self, tmp_path, content):
        (tmp_path / "bench.json").write_bytes(content)
        with pytest.raises(ResultsError, match=r"bench\.json is empty"):
            load(tmp_path / "bench.json")

    def test_half_a_packed_one_is_refused(self, tmp_path):
        whole = (DATA / "pyperf_1_0.json.gz").read_bytes()
        (tmp_path / "half.json.gz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ResultsError, match=r"half\.json\.gz can't be read"):
            load(tmp_path / "half.json.gz")

    def test_too_large_is_refused_before_it_is_read(self, tmp_path):
        with (tmp_path / "huge.json").open("wb") as file:
            file.truncate(2 * 2**30)  # sparse: takes no room
        with pytest.raises(
            ResultsError, match=r"huge\.json: 2,048 MiB of JSON; at most 64 are read(?s:.*)folder(?s:.*)--limit 50"
        ):
            load(tmp_path / "huge.json")

    def test_too_large_once_unpacked_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SCALEBENCH_LIMIT", str(1000 / limits.JSON_BYTES))
        (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b" " * 5000))
        with pytest.raises(ResultsError, match="unpacked"):
            load(tmp_path / "bomb.json.gz")
