"""The report on a terminal of 80 columns."""

import pytest
from factories import make_result, make_rounds, sweep_rows

from scalebench.report.terminal import report_text

PROCESSES = {"backend": "processes", "start_method": "fork"}
FINDINGS = [
    {
        "code": "SB104",
        "text": "crunch-processes-w4: 4 threads on 2 CPUs: times include waiting for a CPU; fewer --workers would not",
    },
    {"code": "SB104", "text": "crunch-processes-w8: 8 threads on 2 CPUs"},
]


def noisy(spread, wall_s=1.0, *, blocks=5, workers=(1, 2, 4, 8, 16, 128), **common):
    """Blocks whose walls differ by ``spread``, on a backend that scales up to 16 workers, oversubscribed beyond 2."""
    rows = []
    for block in range(blocks):
        mood = wall_s * (1 + spread * ((-1) ** block) * (block + 1) / blocks)
        rows.append({"block": block, "wall_s": mood, "startup_s": 0.1 + wall_s / 3, **common})
        for count in workers:
            rows.append({
                "block": block, "wall_s": mood / min(count, 16) * (1 + spread * (block % 3)), "startup_s": 0.05 * count,
                "workers": count, "oversubscribed": count > 2, **PROCESSES, **common,
            })  # fmt: skip
    return rows


def lines(*rows, **about):
    """All but the last line, which names a path of any length."""
    return report_text(make_result(make_rounds(*rows), **about)).splitlines()[:-1]


class TestLines:
    @pytest.mark.parametrize("wall_s", [0.02, 0.5, 4.0, 12.0, 1500.0])
    @pytest.mark.parametrize("spread", [0.01, 0.3])
    def test_of_strong_scaling_are_not_longer_than_80_columns(self, wall_s, spread):
        blas = {"kind": "blas", "size": "400x4"}
        rows = [row for threads in (1, 16) for row in noisy(spread, wall_s, blas_threads=threads, **blas)]
        assert [line for line in lines(*rows) if len(line) > 80] == []

    def test_of_cases_without_cpu_factors_are_not_longer_than_80_columns(self):
        assert [line for line in lines(*noisy(0.3, cpu_s=None)) if len(line) > 80] == []

    @pytest.mark.parametrize("wall_s", [0.02, 0.5, 12.0])
    @pytest.mark.parametrize("spread", [0.01, 0.3])
    def test_of_weak_scaling_are_not_longer_than_80_columns(self, wall_s, spread):
        rows = [{**row, "scaling": "weak", "tasks": 24 * (count := row.get("workers", 1)), "work_units": 100 * count,
                 "wall_s": row["wall_s"] * count} for row in noisy(spread, wall_s)]  # fmt: skip
        assert [line for line in lines(*rows) if len(line) > 80] == []

    def test_with_long_titles_notes_and_findings_are_folded(self):
        message = "mpi4py is not installed: python -m pip install mpi4py mpich " + "x" * 200
        rows = [
            *noisy(0.1, suite="a-suite-with-quite-a-long-name", size="1_000_000_000"),
            {"workers": 3, "status": "unavailable", "message": message},
        ]
        told = lines(*rows, findings=FINDINGS)
        assert [line for line in told if len(line) > 80] == []
        assert "x" * 200 in "".join(told)

    def test_have_nothing_at_their_end(self):
        assert [line for line in lines(*noisy(0.1)) if line.startswith(" ") and line != line.rstrip()] == []


class TestTheReport:
    def test_of_a_small_run_reads_like_this(self):
        rounds = [{**row, **({"oversubscribed": True, "runnable_threads": 4} if row.get("workers") == 4 else {})}
                  for row in sweep_rows(blocks=1)]  # fmt: skip
        result = make_result(make_rounds(*rounds), findings=FINDINGS, estimate_s=3.0, actual_s=4.4)
        assert [line.rstrip() for line in report_text(result).splitlines()] == [
            "strong: strong scaling of crunch 50000, 24 tasks",
            "                        relative",
            "workers wall ms speedup  speedup efficiency % flags",
            "serial",
            "      1    1000    1.00     1.00          100",
            "processes",
            "      1    1000    1.00     1.00          100",
            "      2     500    2.00     2.00          100",
            "      4     500    2.00     2.00           50 o",
            "Baselines, of the same block: serial; of the relative speedup one worker of the",
            "same backend. Median round, geometric mean of 1 block; no intervals: they need 3",
            "blocks.",
            "o  oversubscribed: more threads wanted a CPU than there are",
            "",
            "strong: account of strong scaling of crunch 50000, 24 tasks",
            "                   baseline          CPU  CPU    load   dispatch start pays",
            "workers efficiency overhead availability cost balance efficiency    ms after",
            "processes",
            "      1        100      100          100  100     100        100   125 never",
            "      2        100      100          100  100     100        100   125 6",
            "      4         50      100           50  100     100        100   125 6",
            "processes:",
            "4 workers: 50% efficient; 50 points lost waiting for a CPU (2.0x",
            "oversubscribed); of 1 block, no interval",
            "",
            "Accounts are in %: efficiency = baseline overhead x CPU availability x CPU cost",
            "x load balance x dispatch efficiency, against serial with as many BLAS threads",
            "in the same block. CPU availability x CPU cost = computation scalability. A",
            "loss's points are its share of what is missing to 100, by logarithms.",
            "pays after: tasks that make up for the start, by what each saves against serial",
            "with one BLAS thread.",
            "",
            "SB104  crunch-processes-w4: 4 threads on 2 CPUs: times include waiting for a",
            "CPU; fewer --workers would not (and 1 more)",
            "What a doubt means: scalebench help SB104",
            "Took 4 s, estimated 3 s.",
            "Results: results/20260131T120000-1f3a9c   Next: scalebench recommend results/20260131T120000-1f3a9c",
        ]

    def test_has_columns_that_are_aligned_to_the_right(self):
        told = lines(*noisy(0.1, 12.0))
        head = next(line for line in told if line.startswith("workers"))
        end = head.index("efficiency %") + len("efficiency %")
        rows = [line for line in told[: told.index("")] if line.startswith(" ") and "relative" not in line]
        assert len(rows) == 7
        assert all(len(row[:end].rstrip()) == end for row in rows)

    def test_of_a_markup_like_message_shows_it_as_it_is(self):
        told = lines({"status": "failed", "message": "[bold]no[/bold] :smile: [red]"})
        assert "serial, 1 worker: failed: [bold]no[/bold] :smile: [red]" in told

    def test_of_a_message_with_control_characters_leaves_the_terminal_alone(self):
        told = "".join(
            lines(
                {"suite": "\x1b[2J", "status": "failed", "message": "\x1b[2J\x1b[31mred\x07\x08\x9b2J\u202e"},
                findings=[{"code": "SB1", "text": "\x1b[2J"}],
            )
        )
        assert [character for character in told if not character.isprintable()] == []

    def test_has_no_colour_when_piped(self):
        assert "\x1b" not in report_text(make_result(make_rounds(*sweep_rows()), findings=FINDINGS))

    def test_of_no_rounds_names_the_run_still(self):
        assert report_text(make_result(make_rounds())).startswith("Results: results")
