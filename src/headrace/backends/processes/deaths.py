"""How processes end, in words, and what follows from it."""

from __future__ import annotations

import signal

from headrace.backends.processes.launch import KILL
from headrace.contracts.errors import WorkerError

# Between two starts of a worker that has finished nothing: none at first, then doubled.
FIRST_DELAY_SECONDS = 0.05
MOST_DELAY_SECONDS = 3.0
# A worker that cannot begin so often in a row never will. Who is killed may be in want of memory,
# which others may give back meanwhile.
MOST_STARTS, MOST_KILLED_STARTS = 3, 10


def cause_of(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "an unknown cause, since its fork server is gone"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def delay_after(deaths: int) -> float:
    """How many seconds to wait before a worker is started again that died so often in a row."""
    if deaths < 2:
        return 0.0
    # Doubled no further than it counts: a float has an end.
    return min(MOST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(deaths - 2, 10))


def most_starts(code: int | None) -> int:
    """How often in a row a worker may end in this way before it has begun."""
    return MOST_KILLED_STARTS if code == -KILL else MOST_STARTS


def never_begun(worker_id: int, starts: int, cause: str) -> WorkerError:
    """The error for a worker that cannot begin."""
    return WorkerError(
        f"worker {worker_id} ended {starts} times in a row before it had begun, "
        f"the last time by {cause}. A worker is a Python of its own that imports headrace, the "
        "modules of `preload`, and calls worker_init_fn: what it printed above says why it ended."
    )


def deadly(task: object, deaths: int, cause: str) -> WorkerError:
    """The error of a task that ends its workers."""
    return WorkerError(
        f"{task} ended {deaths} workers, the last by {cause}: a crash in native "
        "code, or too little memory. Run these records with hr.Inline() to find which one it is; "
        "or take fewer workers, or smaller batches."
    )
