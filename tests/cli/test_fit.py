"""``scalebench fit`` and ``scalebench predict``, as a user types them."""

import json
from pathlib import Path

import pandas as pd
import pytest
from factories import make_rounds

from scalebench.results.schema import ROUNDS, arrow_schema

DATA = Path(__file__).parents[1] / "data" / "laws"
PROCESSES = {"backend": "processes", "start_method": "fork"}
#: contention 0.05, coherency 0.002, to four digits
GOOD = "workers,wall_s\n1,10\n2,5.27\n4,2.935\n8,1.828\n16,1.394\n32,1.417\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text(GOOD)
    return path


def curve_rows(workers=(1, 2, 4, 8, 16, 32), blocks=4, **common):
    """A run whose backend follows Amdahl's law with a tenth serial; every block has its mood, every count a little of its own."""
    rows = []
    for block in range(blocks):
        for count in workers:
            own = 1 + 0.002 * ((block * 7 + count * 3) % 5 - 2)
            tasks = 24 * (count if common.get("scaling") == "weak" else 1)
            rows.append({
                "block": block, "workers": count, "wall_s": (0.1 + 0.9 / count) * (1 + block / 64) * own, "tasks": tasks,
                "work_units": 100 * tasks, **PROCESSES, **common,
            })  # fmt: skip
    return rows


@pytest.fixture
def run(tmp_path):
    """A parquet file of a run with these rows."""

    def write(*rows):
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = tmp_path / "rounds.parquet"
        serial = [{"block": block, "wall_s": 1 + block / 64, "work_units": 2400} for block in range(4)]
        frame = make_rounds(*serial, *rows)
        pq.write_table(pa.Table.from_pandas(frame, schema=arrow_schema(ROUNDS), preserve_index=False), path)
        return path

    return write


class TestFitOfATable:
    def test_has_the_json_that_is_documented(self, scalebench, good):
        status, out, err = scalebench("fit", good, "--json")
        told = json.loads(out)
        assert (status, err) == (0, "")
        assert {"laws", "karp_flatt", "preferred", "holdout"} <= set(told)
        usl, amdahl, gustafson = (told["laws"][name] for name in ("usl", "amdahl", "gustafson"))
        assert usl["status"] == "fitted"
        assert usl["reason"] is None
        assert set(usl["coefficients"]) == {"contention", "coherency", "rate"}
        assert set(usl["coefficients"]["contention"]) == {"value", "low", "high"}
        assert usl["coefficients"]["contention"]["low"] <= usl["coefficients"]["contention"]["value"]
        assert 16 < usl["peak_workers"] < 32
        assert usl["peak_workers_low"] < usl["peak_workers"] < usl["peak_workers_high"]
        assert set(amdahl["coefficients"]) == {"serial_fraction", "rate"}
        assert gustafson["status"] == "refused"
        assert "weak scaling" in gustafson["reason"]
        assert gustafson["coefficients"]["serial_fraction"] == {"value": None, "low": None, "high": None}
        assert [one["workers"] for one in told["karp_flatt"]] == [1, 2, 4, 8, 16, 32]
        assert told["karp_flatt"][0]["value"] is None
        assert told["karp_flatt"][1]["value"] == pytest.approx((5.27 / 10 - 0.5) / 0.5)
        assert told["preferred"] == "usl"
        assert told["holdout"]["workers"] == 32
        assert told["holdout"]["measured"] == 1.417
        assert told["holdout"]["predicted"] > 0

    def test_tells_it_in_lines_of_80_columns(self, scalebench, good):
        status, out, _ = scalebench("fit", good.name)
        assert status == 0
        assert [line for line in out.splitlines() if len(line) > 80] == []
        for part in ("Universal Scalability Law (preferred)", "contention", "peak", "Gustafson's law: refused.", "Karp-Flatt",
                     "Fitted without 32 workers", "--scaling weak"):  # fmt: skip
            assert part in " ".join(out.split())

    def test_of_three_counts_refuses_and_exits_with_0(self, scalebench, good):
        good.write_text("p,time\n1,37\n2,48\n4,49\n")
        status, out, _ = scalebench("fit", good, "--json")
        told = json.loads(out)
        assert status == 0
        assert {law["status"] for law in told["laws"].values()} == {"refused"}
        assert told["preferred"] is None
        assert told["holdout"]["predicted"] is None
        assert told["karp_flatt"][1]["value"] > 1

    def test_leaves_out_more_workers_than_cpus_and_says_so(self, scalebench, good):
        told = json.loads(scalebench("fit", good, "--cpus", 8, "--json")[1])
        assert [one["workers"] for one in told["karp_flatt"]] == [1, 2, 4, 8]
        assert any("16, 32 workers" in note for note in told["notes"])
        whole = json.loads(scalebench("fit", good, "--cpus", 8, "--oversubscribed", "--json")[1])
        assert len(whole["karp_flatt"]) == 6

    def test_leaves_out_what_the_table_calls_oversubscribed(self, scalebench, good):
        lines = [f"{line},{'oversubscribed' if not number else number > 4}" for number, line in enumerate(GOOD.splitlines())]
        good.write_text("\n".join(lines))
        assert len(json.loads(scalebench("fit", good, "--json")[1])["karp_flatt"]) == 4

    def test_of_weak_scaling_has_gustafson_and_not_amdahl(self, scalebench, good):
        good.write_text("p,time\n1,10\n2,10.5\n4,10.8\n8,10.9\n16,11\n32,11.1\n")
        told = json.loads(scalebench("fit", good, "--scaling", "weak", "--json")[1])
        assert told["laws"]["gustafson"]["status"] == "fitted"
        assert "strong scaling" in told["laws"]["amdahl"]["reason"]
        assert "is this weak scaling?" in " ".join(scalebench("fit", good)[1].split())

    def test_may_say_itself_of_which_scaling_it_is(self, scalebench, good):
        good.write_text("p,time,scaling\n" + "".join(f"{p},{10 + p / 10},weak\n" for p in (1, 2, 4, 8)))
        assert json.loads(scalebench("fit", good, "--json")[1])["scaling"] == "weak"
        assert scalebench("fit", good, "--scaling", "strong")[0] == 2
        good.write_text(good.read_text() + "1,10,strong\n2,5,strong\n")
        assert scalebench("fit", good)[0] == 2
        assert json.loads(scalebench("fit", good, "--scaling", "strong", "--json")[1])["scaling"] == "strong"

    def test_that_holds_several_curves_says_how_to_choose_one(self, scalebench, good):
        good.write_text(
            "mode,p,time\n"
            + "".join(f"{mode},{p},{10 / p + cost}\n" for mode, cost in (("mpi", 0), ("omp", 3)) for p in (1, 2, 4, 8))
        )
        assert "--where mode=mpi" in " ".join(scalebench("fit", good)[1].split())
        told = json.loads(scalebench("fit", good, "--where", "mode=mpi", "--json")[1])
        assert not any("--where" in note for note in told["notes"])

    def test_of_others_is_read_with_its_own_column_names(self, scalebench):
        told = json.loads(scalebench("fit", DATA / "cisco_schwartz.csv", "--json")[1])
        assert told["laws"]["usl"]["coefficients"]["contention"]["value"] == pytest.approx(0.02671591, rel=2e-4)
        told = json.loads(scalebench("fit", DATA / "krueger_openmp_output.csv", "--json")[1])
        assert told["laws"]["amdahl"]["coefficients"]["serial_fraction"]["value"] == pytest.approx(0.001, abs=0.0005)


BAD = [
    ("p,time\n1,8\n2,fast\n", "line 3, column 'time'"),
    ("p,time\n1,8\n2,0\n", "not above 0"),
    ("p,time\n1,8\n2,nan\n", "line 3"),
    ("p,time\n4,8\n", "a single count, 4 workers"),
    ("p,time\n4,8\n4,8.1\n", "a single count, 4 workers"),
    ("p,p,time\n1,1,8\n", "same name: p"),
    ("", "is empty"),
    ("run_id,case_id,backend,workers,wall_s\na,b,c,1,1\n", "the rounds of a run"),
]


class TestBadInput:
    @pytest.mark.parametrize("command", [["fit"], ["predict", "--workers", "4"], ["fit", "--json"]])
    @pytest.mark.parametrize(("content", "message"), BAD)
    def test_exits_with_2_and_says_what_where_and_the_way_out(self, scalebench, good, content, message, command):
        good.write_text(content)
        status, out, err = scalebench(*command, good)
        assert (status, out) == (2, "")
        assert message in err
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) >= 2

    def test_of_json_of_another_tool_is_refused(self, scalebench, tmp_path):
        (tmp_path / "other.json").write_text('{"benchmarks": []}')
        status, _, err = scalebench("fit", "other.json")
        assert status == 2
        assert "JSON of another tool" in err

    def test_of_parquet_that_was_cut_off_is_refused(self, scalebench, tmp_path):
        (tmp_path / "cut.parquet").write_bytes(b"PAR1 and then nothing")
        status, _, err = scalebench("fit", "cut.parquet")
        assert status == 2
        assert "cut.parquet can't be read as parquet" in err

    @pytest.mark.parametrize(("arguments", "message"), [
        (["fit", "missing.csv"], "no results at 'missing.csv'"),
        (["fit", "times.csv", "--cpus", "0"], "--cpus 0"),
        (["fit", "times.csv", "--where", "mode"], "COLUMN=VALUE"),
        (["predict", "times.csv", "--workers", "64,y"], "--workers 64,y"),
        (["predict", "times.csv", "--workers", "64..32"], "a range must rise"),
        (["predict", "times.csv", "--workers", "0"], "--workers 0"),
        (["predict", "times.csv", "--workers", "4", "--law", "moore"], "usl, amdahl, gustafson"),
        (["predict", "times.csv", "--workers", "4", "--law", "gustafson"], "weak scaling"),
        (["fit", "times.csv", "--cpus", "1"], "a single count"),
    ])  # fmt: skip
    def test_of_flags_is_refused(self, scalebench, good, arguments, message):
        status, out, err = scalebench(*arguments)
        assert (status, out) == (2, "")
        assert message in err


class TestFitOfARun:
    def test_has_every_curve_with_its_identity(self, scalebench, run):
        path = run(*curve_rows(), *curve_rows(backend="threads", start_method=None), *curve_rows(scaling="weak"))
        told = json.loads(scalebench("fit", path, "--json")[1])["curves"]
        assert sorted((one["curve"]["backend"], one["scaling"]) for one in told) == [
            ("processes", "strong"), ("processes", "weak"), ("threads", "strong")]  # fmt: skip
        strong = next(one for one in told if one["scaling"] == "strong")
        serial = strong["laws"]["amdahl"]["coefficients"]["serial_fraction"]
        assert serial["low"] <= 0.1 <= serial["high"]
        assert strong["holdout"]["measured"] == pytest.approx(0.128 * 1.023, rel=0.01)

    def test_does_not_cross_the_oversubscription_boundary_unless_asked(self, scalebench, run):
        rows = [{**row, "oversubscribed": row["workers"] > 8} for row in curve_rows()]
        path = run(*rows)
        (told,) = json.loads(scalebench("fit", path, "--json")[1])["curves"]
        assert [one["workers"] for one in told["karp_flatt"]] == [1, 2, 4, 8]
        assert any("16, 32 workers" in note for note in told["notes"])
        (whole,) = json.loads(scalebench("fit", path, "--oversubscribed", "--json")[1])["curves"]
        assert len(whole["karp_flatt"]) == 6
        assert any("waiting for a CPU" in note for note in whole["notes"])

    def test_of_work_that_differs_is_of_work_per_second(self, scalebench, run):
        """A busy wait lasts as long at any count; the turns made tell that four workers did the work of two."""
        rows = [
            {**row, "kind": "spin", "size": "40", "wall_s": 1.0, "work_units": 1000 * min(row["workers"], 2)}
            for row in curve_rows()
        ]
        (told,) = json.loads(scalebench("fit", run(*rows), "--json")[1])["curves"]
        assert any("work units per second" in note for note in told["notes"])
        assert told["karp_flatt"][1]["value"] == pytest.approx(0, abs=1e-9)
        assert told["karp_flatt"][2]["value"] > 0.3

    def test_leaves_out_counts_with_failures(self, scalebench, run):
        rows = [row for row in curve_rows() if not (row["workers"] == 4 and row["block"] > 1)]
        (told,) = json.loads(scalebench("fit", run(*rows), "--json")[1])["curves"]
        assert 4 not in [one["workers"] for one in told["karp_flatt"]]
        assert any("fewer than 3 good blocks: 4 workers" in note for note in told["notes"])

    def test_where_chooses_curves(self, scalebench, run):
        path = run(*curve_rows(), *curve_rows(backend="threads", start_method=None))
        assert len(json.loads(scalebench("fit", path, "--where", "backend=threads", "--json")[1])["curves"]) == 1
        assert "processes, serial, threads" in scalebench("fit", path, "--where", "backend=rayon")[2]

    def test_without_a_curve_is_an_error(self, scalebench, run):
        status, _, err = scalebench("fit", run(), "--json")
        assert status == 2
        assert "no curve" in err


class TestPredict:
    def test_tells_the_time_its_interval_the_law_and_how_far_that_is(self, scalebench, run):
        path = run(*curve_rows())
        (told,) = json.loads(scalebench("predict", path, "--workers", "32,64,256", "--json")[1])["curves"]
        assert told["law"] == "amdahl"
        near, far, farther = told["predictions"]
        assert [one["beyond"] for one in told["predictions"]] == [1, 2, 8]
        assert far["wall_s_low"] < (0.1 + 0.9 / 64) * 1.023 < far["wall_s_high"]
        widths = [one["wall_s_high"] / one["wall_s_low"] for one in (near, far, farther)]
        assert widths == sorted(widths)
        assert farther["wall_s_high"] < 1.5 * farther["wall_s"]
        text = " ".join(scalebench("predict", path, "--workers", "64,256")[1].split())
        assert "By Amdahl's law, from 6 counts, 1 to 32" in text
        assert "8 times" in text

    def test_takes_counts_as_a_run_does_and_more_than_can_be_started(self, scalebench, good, cpus):
        cpus(2)
        told = json.loads(scalebench("predict", good, "--workers", "64..200,2x,5000000", "--json")[1])
        assert [one["workers"] for one in told["predictions"]] == [4, 64, 128, 200, 5_000_000]

    def test_works_for_a_table(self, scalebench, good):
        told = json.loads(scalebench("predict", good, "--workers", "64", "--json")[1])
        assert told["law"] == "usl"
        assert told["predictions"][0]["workers"] == 64
        assert told["predictions"][0]["beyond"] == 2
        assert told["predictions"][0]["wall_s"] > 1.417

    def test_of_throughput_is_of_throughput(self, scalebench):
        told = json.loads(scalebench("predict", DATA / "cisco_schwartz.csv", "--workers", "64", "--json")[1])
        assert "throughput" in told["predictions"][0]

    def test_refuses_where_no_law_fits(self, scalebench, good):
        good.write_text("p,time\n1,37\n2,48\n4,49\n")
        status, out, err = scalebench("predict", good, "--workers", "8")
        assert (status, out) == (2, "")
        assert "usl, amdahl: 3 distinct counts" in err

    def test_has_the_reason_as_json_too(self, scalebench, good):
        good.write_text("p,time\n1,37\n2,48\n4,49\n")
        status, out, err = scalebench("predict", good, "--workers", "8", "--json")
        assert (status, json.loads(out)["predictions"]) == (2, [])
        assert json.loads(out)["reason"] in err

    def test_of_some_curves_tells_which_were_refused(self, scalebench, run):
        path = run(*curve_rows(), *curve_rows(workers=(1, 2), backend="threads", start_method=None))
        status, out, _ = scalebench("predict", path, "--workers", "64")
        assert status == 0
        assert "threads: strong scaling of crunch 50000, tasks 24: no law to predict with" in " ".join(out.split())


def test_a_table_of_one_frame_can_be_given_as_parquet(scalebench, tmp_path):
    pd.DataFrame({"workers": [1, 2, 4, 8], "wall_s": [8.0, 4.4, 2.6, 1.7]}).to_parquet(tmp_path / "times.parquet")
    assert json.loads(scalebench("fit", "times.parquet", "--json")[1])["laws"]["amdahl"]["status"] == "fitted"
