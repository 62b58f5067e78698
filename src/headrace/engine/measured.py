"""What each stage of a timed run took, found from what was written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.contracts import Node
from headrace.contracts.timing import SOURCE, Account, Timing
from headrace.engine.chain import Chain
from headrace.engine.fuse import Fused


@dataclass(frozen=True)
class Measured:
    """One stage: its own seconds on all its workers, and those of all before it.

    It `is_apart` where it has workers of its own, beside those of the backend.
    """

    number: int
    where: str
    busy_s: float
    waited_s: float
    workers: int
    is_apart: bool


def measured(chain: Chain, timing: Timing) -> Iterator[Measured]:
    """The stages that records pass, the source first."""
    in_tasks = timing.num_workers > 0
    # Seconds until a record leaves the stage before: inside tasks, and beside the consumer.
    before = 0.0
    is_beside = False
    for number in sorted({*timing.accounts, *timing.waits}):
        where = _where(chain, number)
        if where == "order":
            continue
        workers = timing.num_workers if in_tasks and where == "task" else 1
        if where == "consumer" and in_tasks and not is_beside:
            before = timing.waits.get(_base_of(chain), 0.0)
        is_beside = where == "consumer"
        busy, waited = timing.accounts.get(number, Account()).seconds, before
        if number in timing.apart:
            busy, workers = timing.apart[number]
            before = timing.waits[number]
        elif number in timing.waits and not _is_timed_itself(chain, number):
            busy = max(0.0, timing.waits[number] - before)
            before = timing.waits[number]
        else:
            before += busy
        yield Measured(number, where, busy, waited, workers, number in timing.apart)


def beside(chain: Chain, timing: Timing) -> dict[int, float]:
    """The seconds so far of the stages that no task of a backend runs, by number."""
    in_tasks = timing.num_workers > 0
    return {
        one.number: one.busy_s
        for one in measured(chain, timing)
        if one.where != "task" or not in_tasks
    }


def _where(chain: Chain, number: int) -> str:
    if number == SOURCE:
        return "task"
    where = chain.plan.wheres[number]
    return "consumer" if where == "chains" else where


def _base_of(chain: Chain) -> int:
    numbers = chain.plan.late_numbers
    return (numbers[0] if numbers else len(chain.stages)) - 1


def _is_timed_itself(chain: Chain, number: int) -> bool:
    """Whether the stage's own calls are timed, not only how long it is read."""
    if isinstance(chain.plan.source, Node) and number == _base_of(chain):
        return False
    late = dict(zip(chain.plan.late_numbers, chain.plan.late, strict=True))
    return number not in late or isinstance(late[number], Fused)
