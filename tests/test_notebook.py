"""scalebench in a real Jupyter kernel: functions of the notebook, what is shown, interruption, errors."""

import re
import time

import psutil
import pytest
from kernels import kernel

from scalebench import load

TINY = "items=range(8), blocks=1, rounds=2, workers=2"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "beside.py").write_text("def cube(n):\n    return n**3\n")
    with kernel(folder) as started:
        started.folder = folder
        assert not started.run(_FIRST_CELLS).traceback
        yield started


_FIRST_CELLS = """
import math
import numpy as np
import beside
import scalebench as sb

OFFSET = 5

class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return self.x == other.x
    def __call__(self, n):
        return self.x + n

def helper(n):
    return math.sqrt(n) + OFFSET

def plain(n): return n * n
def of_the_notebook(n): return helper(n) + float(np.ones(2).sum())
def of_a_module_beside_it(n): return beside.cube(n)
def of_a_class(n): return Point(n).x
def make(k):
    def closure(n): return n + k
    return closure
a_lambda = lambda n: n + 1
"""


@pytest.mark.parametrize(
    "function",
    ["plain", "of_a_module_beside_it"]
    + [pytest.param(one, marks=pytest.mark.long) for one in ("a_lambda", "make(7)", "of_the_notebook", "of_a_class", "Point(3)")],
)
def test_a_function_of_the_notebook_is_measured_and_gives_the_right_answers(notebook, function):
    told = notebook.run(f"""
result = sb.run(sb.Study(workload={function}, backend="processes,joblib,threads", baselines=False, {TINY}))
sorted(set(result.rounds["backend"])), sorted(set(result.rounds["status"])), sorted(set(result.rounds["answers"]))
""")
    assert told.traceback == ""
    assert told.text == "(['joblib', 'processes', 'threads'], ['ok'], ['same'])"


def test_a_function_that_was_changed_in_the_notebook_is_measured_as_it_is_now(notebook):
    told = notebook.run(f"""
def changing(n): return 1
first = sb.run(sb.Study(workload=changing, backend="threads", {TINY}))
def changing(n): return 2
second = sb.run(sb.Study(workload=changing, backend="threads", {TINY}))
len(set(first.rounds["answers_digest"]) | set(second.rounds["answers_digest"]))
""")
    assert told.text == "2"


def test_items_of_a_class_of_the_notebook_are_refused_since_no_other_process_knows_it(notebook):
    told = notebook.run("sb.run(sb.Study(workload=plain, items=[Point(2), Point(3)], backend='processes'))")
    assert "Point is defined in this notebook" in told.traceback
    assert "define it in a module" in told.traceback


@pytest.fixture(scope="module")
def shown(notebook):
    """A result as the last line of a cell."""
    assert not notebook.run(f"shown = sb.run(sb.Study(workload=plain, backend='threads', {TINY}))").traceback
    return notebook.run("shown")


class TestWhatIsShown:
    def test_a_result_shows_its_tables(self, shown):
        assert "strong scaling of __main__:plain, 8 tasks" in shown.value["text/html"]
        assert "<td>" in shown.value["text/html"]

    def test_a_result_is_its_report_where_only_text_can_be_shown(self, shown):
        assert "strong scaling of __main__:plain, 8 tasks" in shown.text

    def test_a_recommendation_and_a_law_show_themselves(self, notebook, shown):
        for method in ("recommend", "laws"):
            assert "<table>" in notebook.run(f"shown.{method}()").value["text/html"]

    def test_the_bar_counts_launches_and_ends_as_one_line(self, notebook):
        told = notebook.run(f"_ = sb.run(sb.Study(workload=plain, backend='threads', {TINY}))")
        texts = [one["text/plain"] for one in told.shown]
        assert texts[0].startswith("0/3 launches, about")
        assert [text.partition(" ")[0] for text in texts[1:4]] == ["1/3", "2/3", "3/3"]
        assert '<progress value="2" max="3"' in told.shown[2]["text/html"]
        assert re.fullmatch(r"3 launches, \d+ s", texts[4])
        assert len(texts) == 5
        assert told.printed == ""

    def test_no_bar_is_drawn_where_it_is_not_wanted(self, notebook):
        told = notebook.run(f"_ = sb.run(sb.Study(workload=plain, backend='threads', {TINY}), progress=False)")
        assert told.shown == []


def test_a_wrong_study_is_told_in_a_sentence_and_not_as_a_traceback(notebook):
    told = notebook.run("sb.run(sb.Study(workload=plain, workers=0))")
    assert told.traceback.startswith("StudyError: workers = ")
    assert "File " not in told.traceback
    assert "Cell" not in told.traceback


def test_a_function_that_raises_is_told_with_its_own_traceback(notebook):
    told = notebook.run("""
def raises(n): raise ValueError(f"no {n} today")
sb.run(sb.Study(workload=raises, items=range(4), backend="processes", workers=2, blocks=1))
""")
    assert told.traceback.startswith("WorkloadError: workload = '__main__:raises': raised on item 0 (0)")
    assert told.traceback.count("no 0 today") == 1
    assert "scalebench/" not in told.traceback


@pytest.fixture(scope="module")
def interrupted(notebook):
    """A study of minutes, stopped after its second launch."""
    stopped = []

    def stop(told):
        if not stopped and any(one["text/plain"].startswith("2/") for one in told.shown):
            stopped.append(True)
            notebook.interrupt()

    study = "sb.Study(kind='sleep', size='20', tasks=8, backend='processes,joblib', workers='1,2', rounds=5, blocks=50)"
    return notebook.run(f"kept = sb.run({study}, results='interrupted')", watch=stop)


def hosts(notebook):
    """The measured processes that the kernel has started and that still run."""
    below = psutil.Process(notebook.pid).children(recursive=True)
    return [one for one in below if one.status() == psutil.STATUS_ZOMBIE or "scalebench.host" in one.cmdline()]


class TestInterruption:
    def test_the_cell_ends_and_says_where_the_rows_are(self, interrupted):
        assert "KeyboardInterrupt" in interrupted.traceback
        assert re.search(r"What was measured is in .*: scalebench\.load\('interrupted", interrupted.traceback)

    def test_what_was_measured_is_kept(self, notebook, interrupted):
        (run,) = (notebook.folder / "interrupted").iterdir()
        kept = load(run)
        assert kept.about["status"] == "interrupted"
        assert kept.rounds.groupby(["case_id", "block"]).ngroups >= 2
        assert "strong scaling of sleep" in str(kept)

    def test_the_bar_says_how_far_it_got(self, interrupted):
        assert re.fullmatch(r"ended after \d of 250 launches, .*", interrupted.shown[-1]["text/plain"])

    def test_no_process_is_left(self, notebook, interrupted):
        assert hosts(notebook) == []

    def test_the_kernel_measures_on(self, notebook, interrupted):
        after = notebook.run(f"len(sb.run(sb.Study(workload=plain, backend='processes', {TINY})).rounds)")
        assert after.text == "9"


def test_a_task_without_end_is_interrupted_before_anything_was_measured(notebook):
    stopped = []

    def stop(told):
        give_up = time.monotonic() + 60
        while "begun" in told.printed and not stopped and time.monotonic() < give_up:
            if hosts(notebook):
                stopped.append(True)
                notebook.interrupt()
            time.sleep(0.05)

    told = notebook.run("""
import time
print("begun", flush=True)
sb.run(sb.Study(workload=time.sleep, items=[1000], backend="threads", workers=1), results="endless")
""", watch=stop)  # fmt: skip
    assert "KeyboardInterrupt" in told.traceback
    assert hosts(notebook) == []
    assert not (notebook.folder / "endless").exists()
