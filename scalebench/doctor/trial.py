"""One small launch of a backend, as a run would make it; and the line of an error that tells the cause."""

import re

from scalebench.launch import Launch, launch
from scalebench.study import Study
from scalebench.sweep import expand

_LIMIT_S = 20.0
_TELLING = re.compile(r"error|fail|cannot|can't|could not|unable|denied|refused|detected|no such|not (?:found|permitted|enough|allowed|installed)",
                      re.IGNORECASE)  # fmt: skip
_LONGEST = 240  # characters of a cause


def trial(backend: str, workers: int) -> Launch:
    """Start the host of a backend, let its workers do a little, end it."""
    study = Study(name="doctor", kind="crunch", size=1000, tasks=2 * workers, backend=backend, workers=workers, timeout=_LIMIT_S,
                  baselines=False)  # fmt: skip
    sweep = expand(study)
    (case,) = [entry.case for entry in sweep.entries if entry.case.backend == backend and entry.case.workers == workers]
    identity = {"run_id": "doctor", "machine_id": None, "study": "doctor", "suite": "doctor", "block": 0, "attempt": 0}
    return launch(case, identity, sweep, study, None, rounds=1)


def cause(message: str | None) -> str:
    """The one line of what a host and its launcher printed that says why: the end of a traceback, of MPICH's stack, of a paragraph.

    >>> cause("the host ended with exit status 1 during 'open'\\nIt printed last:\\n---\\nmpiexec has detected an\\nattempt to run as root.\\n---")
    'mpiexec has detected an attempt to run as root.'
    """
    text = (message or "").strip()
    if "Traceback (most recent call last)" in text:
        return _cut([line for line in text.splitlines() if line.strip()][-1])
    if "error stack:" in text:
        stack = [line.strip() for line in text.partition("error stack:")[2].splitlines() if line.strip()]
        return _cut(stack[-1]) if stack else "an MPI error"
    first, *paragraphs = _paragraphs(text)
    return _cut(next((one for one in paragraphs if _TELLING.search(one)), (paragraphs or [first])[0]))


def _paragraphs(text: str) -> list[str]:
    """Lines that belong together, as one each; a blank or a ruler stands between, and the first line stands alone."""
    head, _, rest = text.partition("\n")
    rest = rest.removeprefix("It printed last:\n")
    parts = re.split(r"\n[\s\-=*_]*\n", "\n" + rest + "\n")
    joined = [" ".join(line.strip(" -=*") for line in part.splitlines()).strip() for part in parts]
    return [head, *(one for one in joined if one)]


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= _LONGEST else whole[:_LONGEST].rsplit(" ", 1)[0] + " ..."
