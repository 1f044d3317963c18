"""The recommendation in words, with its table."""

import json
import math
from dataclasses import asdict

import numpy as np
import pandas as pd
from factories import RUN_ID, make_result, make_rounds

from scalebench.report.recommend import recommend_texts, recommendations
from scalebench.results.shapes import plain


def result(walls, *, blocks=5, spread=0.002, **about):
    """``walls``: s per round by number of workers of ``processes``; 0 is serial."""
    generator = np.random.default_rng(0)
    rows = []
    for block in range(blocks):
        for workers, wall_s in walls.items():
            pool = {"backend": "processes", "start_method": "fork", "workers": workers} if workers else {}
            rows.append({"block": block, **pool, "wall_s": wall_s * math.exp(generator.normal(0, spread))})
    return make_result(make_rounds(*rows), **about)


def told(of):
    ((sentences, table),) = recommend_texts(of)
    return " ".join(sentences), table


def test_it_begins_with_what_to_use():
    words, table = told(result({0: 1.0, 1: 1.02, 2: 0.52, 4: 0.5}))
    assert words.startswith("Use 2 workers of processes. It is shown, with 95% confidence, to take at most 10% longer")
    assert "times the work per second of serial" in words
    assert "Against half the workers, 1 worker: 1.9" in words
    assert [row[-1] for row in table.rows] == ["", "", "recommended", "within 10%, fastest"]
    assert table.title == "crunch 50000, 24 tasks: strong scaling"


def test_fewer_workers_are_not_called_half_where_half_were_not_measured():
    words, _ = told(result({0: 1.0, 1: 1.02, 4: 0.26, 16: 0.07}))
    assert words.startswith("Use 16 workers")
    assert "Against fewer workers, 4 workers: 3.7" in words


def test_staying_serial_is_said_only_where_it_is_shown():
    assert told(result({0: 1.0, 2: 1.1}))[0].startswith("Stay serial: this is shown")
    noisy, _ = told(result({0: 1.0, 2: 1.0}, spread=0.3))
    assert noisy.startswith("Can't tell: no case is shown")
    assert "no reason to stay serial" in noisy


def test_the_budget_that_would_do_is_in_blocks_and_in_the_time_that_the_whole_study_took():
    noisy = result({0: 1.0, 2: 1.0}, spread=0.3, actual_s=300.0)
    words, _ = told(noisy)
    (one,) = recommendations(noisy)
    assert one.block_s == 60.0
    assert f"--blocks {one.blocks_needed}, about {one.blocks_needed} min for the whole study" in words


def test_two_blocks_are_too_few_and_the_way_out_is_told():
    words, _ = told(result({0: 1.0, 2: 0.5}, blocks=2))
    assert words.startswith("Can't tell from 2 blocks: an interval takes 3.")
    assert "--blocks 5" in words


def test_the_start_method_is_named_only_where_cases_differ_in_it():
    rounds = result({0: 1.0, 2: 0.5}).rounds
    slow = rounds[rounds["workers"] == 2].assign(start_method="spawn", case_id="other", wall_s=lambda rows: rows["wall_s"] * 1.5)
    words, _ = told(make_result(pd.concat([rounds, slow], ignore_index=True)))
    assert words.startswith("Use 2 workers of processes (start_method fork).")


def test_where_the_machine_was_not_quiet_it_is_doubted_with_the_command_that_says_more():
    findings = [{"code": code, "text": "what was seen"} for code in ("SB122", "SB110", "SB120")]
    words, _ = told(result({0: 1.0, 2: 0.5}, findings=findings))
    assert words.startswith("Use 2 workers")
    assert "Doubt it: the machine was not quiet meanwhile (SB120, SB122; see scalebench help SB120), " in words
    assert "Doubt it" not in told(result({0: 1.0, 2: 0.5}, findings=findings[1:2]))[0]


def test_a_case_left_out_stands_in_the_table_with_its_reason():
    bad = make_rounds({"backend": "processes", "start_method": "fork", "workers": 4, "status": "crashed"})
    _, table = told(make_result(pd.concat([result({0: 1.0, 2: 0.5}).rounds, bad], ignore_index=True)))
    assert [row[-1] for row in table.rows if row[0] == "4"] == ["left out: crashed"]


def test_chunks_come_from_the_sweep_of_sizes_of_the_same_run():
    rows = []
    for size in (10, 100, 1000, 10_000):
        work = {"size": str(size), "tasks": 100, "work_units": size * 100, "suite": "granularity"}
        rows.append({**work, "wall_s": size * 1e-6 * 100})
        for chunksize, cost_s in {1: 1e-1, 16: 1e-3}.items():
            pool = {"backend": "processes", "start_method": "fork", "workers": 2, "chunksize": chunksize}
            rows.append({**work, **pool, "wall_s": (size * 1e-6 + cost_s) * 50})
    both = pd.concat([result({0: 1.0, 2: 0.5}).rounds, make_rounds(*rows)], ignore_index=True)
    assert "Chunk size: tasks of 41.7 ms keep half of the serial rate and more with 16." in told(make_result(both))[0]


def test_json_has_null_for_what_is_not_there_and_no_nan():
    (one,) = recommendations(result({0: 1.0, 2: 0.5}, blocks=2))
    found = json.loads(json.dumps(plain(asdict(one)), allow_nan=False))
    assert found["status"] == "too_few_blocks"
    assert found["recommended"] is None
    assert {case["slower_high"] for case in found["cases"]} == {None}
    assert found["question"]["run_id"] == RUN_ID
