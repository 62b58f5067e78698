"""The contract of an executor: it runs a function over a group of records and says when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

# Any, in this file: records and results of every type.
# A group that takes so many hand-overs is worth its own; longer ones only delay results.
HANDOVERS = 10
# A group that turns out so much longer than planned goes back after the record it is at.
OVERTIME = 4


@dataclass(frozen=True)
class Outcome:
    """What became of a group: the results of its first records, and how it ended.

    With an `error` the record after them failed; without one the rest has not begun. `is_lost`
    says that the executor failed, and no record.
    """

    values: list[Any]
    error: BaseException | None = None
    seconds: float = 0.0
    is_lost: bool = False


# Called once for each group that was not cancelled, from whatever thread.
Done: TypeAlias = Callable[[Outcome], None]


class Runner(Protocol):
    """A function on its workers; nothing is started before the first group."""

    @property
    def workers(self) -> int:
        """How many groups may run at once."""
        ...

    @property
    def handover_s(self) -> float:
        """What handing a group over costs; 0 where records go one by one."""
        ...

    def submit(self, records: list[Any], done: Done) -> None:
        """Begins a group on a free worker, and calls `done` when it has ended."""
        ...

    def cancel(self) -> None:
        """Forgets what has not begun."""
        ...

    def check(self) -> None:
        """Raises where no result can come any more."""
        ...

    def close(self, seconds: float) -> None:
        """Ends what the runner has started, in about `seconds`; a caller's executor stays."""
        ...


def run(fn: Callable[[Any], Any], records: list[Any], slice_s: float) -> Outcome:
    """Calls `fn` with one record after the other, until one fails or `slice_s` are over."""
    began = time.perf_counter()
    values: list[Any] = []
    try:
        for record in records:
            values.append(fn(record))
            if time.perf_counter() - began > slice_s:
                break
    except BaseException as error:
        return Outcome(values, error, time.perf_counter() - began)
    return Outcome(values, None, time.perf_counter() - began)
