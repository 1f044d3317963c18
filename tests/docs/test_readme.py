"""The figures of the README and of the page about 16 CPUs are those of the committed reference runs."""

from dataclasses import replace

import pytest
from pages import marks


@pytest.mark.long  # it simulates all that the pages say of many workers, and draws each picture: one test, since figures stand in both
def test_every_figure_and_every_picture_of_a_page_is_of_its_reference_run(update_readme):
    pages = update_readme.pages()
    assert {page.name for page in pages} == {
        "README.md", "sixteen-cores.md", "many-workers.md", "cluster.md", "tutorial.md", "my-function.md", "two-machines.md",
    }  # fmt: skip
    for page, contents in pages.items():
        text = page.read_text(encoding="utf-8")
        assert update_readme.updated(text, contents) == text
    tutorial = update_readme.TUTORIAL.read_text(encoding="utf-8")
    of_tutorial = update_readme.tutorial_pictures()
    assert all(f"(images/{name}.svg)" in tutorial for name in of_tutorial)
    for name, chart in {**update_readme.pictures(), **of_tutorial}.items():
        file = update_readme.IMAGES / f"{name}.svg"
        assert file.stat().st_size < 150_000, name
        found = marks(file.read_text(encoding="utf-8"))
        assert found == marks(update_readme.svg(chart)), name
        assert len(found) == chart.marks, name


def test_the_tasks_of_the_run_of_16_cpus_add_up_to_what_its_rounds_say(update_readme):
    """Their times are rounded to 2^-20 s, which makes the file a third as large."""
    result = update_readme.reference("intel-xeon-16cpu")
    of_round = ["case_id", "block", "attempt", "round"]
    lasted = result.tasks.assign(lasted_s=result.tasks["stop_s"] - result.tasks["start_s"])
    tasks = lasted.groupby(of_round)["lasted_s"].agg(lasted_s="sum", recorded="size")
    counted = result.rounds[~result.rounds["warmup"]]  # the tasks of a warm-up are not kept
    rounds = counted[counted["busy_s"].notna()].set_index(of_round)
    both = rounds.join(tasks, how="inner")
    assert len(both) == len(rounds) > 1000
    assert ((both["lasted_s"] - both["busy_s"]).abs() <= both["recorded"] * 2**-20).all()


def test_what_a_page_says_of_the_machine_is_what_its_run_says(update_readme):
    run = update_readme.reference()
    quiet, busy = (replace(run, about={**run.about, "findings": found}) for found in ([], [{"code": "SB121", "text": "others"}]))
    assert "was quiet" in update_readme.mood(quiet)
    assert "was not quiet" in update_readme.mood(busy, "../")
    assert "(../findings/SB121.md)" in update_readme.mood(busy, "../")


def test_the_time_that_the_reference_run_took_is_within_one_and_a_half_of_the_estimate(update_readme):
    about = update_readme.reference().about
    assert 1 / 1.5 < about["actual_s"] / about["estimate_s"] < 1.5


def test_the_suites_of_the_readme_are_those_of_the_default_study(update_readme):
    assert update_readme.reference().about["study"]["name"] == "default"
