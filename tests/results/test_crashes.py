"""Any sequence of launches, resumes and crashes: no stored launch is lost, shown by half or shown twice."""

import contextlib
import itertools
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from factories import make_row, make_tasks
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scalebench.results.load import load, read_about
from scalebench.results.schema import ROUNDS, to_frame
from scalebench.results.store import Store


def steps(most):
    """Changes of the disk until the power is cut, in an action that makes so many; None: it is not cut."""
    return st.sampled_from([None, *range(most)] + [None] * (most // 2))


#: a launch's rows, but for its block and its tag, which both of its rounds and all of its tasks hold
ROUNDS_OF = [make_row(round=number) for number in range(2)]
TASKS_OF = make_tasks(to_frame(ROUNDS_OF, ROUNDS))


class PowerCutError(BaseException):
    """Nothing reaches the disk from here on, no tidying up either."""


@contextlib.contextmanager
def power_for(steps):
    left = itertools.count() if steps is None else iter(range(steps))

    def until_cut(change):
        def changed(*arguments, **options):
            if next(left, None) is None:
                if change is sync:  # of what was written some reached the disk
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                raise PowerCutError
            return change(*arguments, **options)

        return changed

    sync = os.fsync
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_own", lambda store: None)  # the lock of a process that died is free
        for name in ("fsync", "replace", "unlink", "mkdir", "rmdir"):
            patch.setattr(os, name, until_cut(getattr(os, name)))
        yield


class Run(RuleBasedStateMachine):
    """One run: launches are written block after block, whatever becomes of the controller."""

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.tags = itertools.count(1)  # each launch that is made, stored or not, has other times
        self.stored = {}  # block -> tag and number of tasks
        with power_for(None):
            self.store = Store.create(self.place.name, {"schema_version": 1, "status": "running"})
        self.folder = Path(self.store.folder)

    def teardown(self):
        self.place.cleanup()

    def shown(self):
        found, launches = load(self.folder), {}
        assert found.findings == []
        for block, rounds in found.rounds.groupby("block"):
            assert rounds["round"].tolist() == [0, 1], "each round of a launch once"
            tasks = found.tasks[found.tasks["block"] == block]
            assert set(tasks["work_units"]) <= set(rounds["work_units"]), "rounds and tasks are of one launch"
            (tag,) = set(rounds["work_units"])
            launches[block] = tag, len(tasks)
        assert set(found.tasks["block"]) <= set(launches)
        return launches

    def do(self, action, steps):
        """Whether it came to its end; else there is no controller any more."""
        try:
            with power_for(steps):
                action()
        except PowerCutError:
            self.store = None
            return False
        return True

    @precondition(lambda self: self.store)
    @rule(steps=steps(4), has_tasks=st.booleans())
    def write_a_launch(self, steps, has_tasks):
        block = next(one for one in itertools.count() if one not in self.stored)
        tag = next(self.tags)
        rows = [{**row, "block": block, "work_units": tag} for row in ROUNDS_OF]
        frame = TASKS_OF.assign(block=block, work_units=tag)
        tasks = pa.Table.from_pandas(frame, preserve_index=False) if has_tasks else None
        whole = {**self.stored, block: (tag, 4 if has_tasks else 0)}
        if self.do(lambda: self.store.write_launch(f"{block:04}-x-0", rows, tasks), steps):
            self.stored = whole
        elif (shown := self.shown()) != self.stored:  # the last step was done, and nobody heard of it
            assert shown == whole
            self.stored = shown

    @precondition(lambda self: self.store)
    @rule(steps=steps(2), status=st.sampled_from(["running", "interrupted"]))
    def save(self, steps, status):
        before = read_about(self.folder)
        done = self.do(lambda: self.store.save(status=status), steps)
        now = read_about(self.folder)
        assert now == {**before, "status": status} or (not done and now == before)

    @precondition(lambda self: self.store)
    @rule(steps=steps(8))
    def end(self, steps):
        self.do(self.store.compact, steps)
        self.store = None

    @precondition(lambda self: not self.store)
    @rule(steps=steps(6))
    def resume(self, steps):
        def reopen():
            self.store = Store.reopen(self.folder, read_about(self.folder))

        self.do(reopen, steps)

    @invariant()
    def a_reader_sees_what_was_stored(self):
        assert self.shown() == self.stored


Run.TestCase.settings = settings(max_examples=12, stateful_step_count=10)


class TestARun(Run.TestCase):
    """That is written, cut off, read and resumed in any order."""
