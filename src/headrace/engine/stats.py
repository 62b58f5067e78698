"""What each stage of a timed run did, and which of them holds the run up."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from headrace.contracts import Node, Run, iterate
from headrace.contracts.timing import SOURCE, Account, Timing
from headrace.engine.chain import Chain
from headrace.engine.explain import title_of
from headrace.engine.fuse import Fused
from headrace.watching import size_of

T = TypeVar("T")

# A start that takes more than this share of a run is told apart.
SLOW_START = 0.3


@dataclass(frozen=True)
class StageStats:
    """What one stage did so far. `busy_s` adds up its workers' seconds.

    `waiting_for_input_s` is what the stages before it took while it waited for them,
    `waiting_for_output_s` what passed while nobody asked it for records. `size_bytes` is what
    its records have, measured on a share of them.
    """

    name: str
    where: str
    records: int
    size_bytes: int
    busy_s: float
    waiting_for_input_s: float
    waiting_for_output_s: float
    num_workers: int

    @property
    def ceiling(self) -> float:
        """The records a second that it would give if all else took no time."""
        return self.records * self.num_workers / self.busy_s if self.busy_s else float("inf")


@dataclass(frozen=True)
class Stats:
    """What the stages of a run did so far, the source first.

    `wall_s` is the time since the run began; in `held_s` of it the loop that reads held a record.
    `first_s` passed before the first one came: pools and clusters start in it.

    Example:
        >>> import headrace as hr
        >>> with hr.DataLoader(hr.stream(range(50)).map(str).batch(10), stats=True) as loader:
        ...     batches = list(loader)
        >>> [(stage.name, stage.records) for stage in loader.stats().stages]
        [('range(50)', 50), ('map(str)', 50), ('batch(10, drop_last=False, collate=stack)', 5)]
    """

    stages: tuple[StageStats, ...]
    records: int
    wall_s: float
    held_s: float
    first_s: float = 0.0

    @property
    def bottleneck(self) -> str:
        """One sentence: what holds the run up, and what it can give at most."""
        if not self.records or not self.stages:
            return "Nothing was read yet."
        places = {"task": 0.0, "consumer": 0.0}
        slowest = max(self.stages, key=lambda stage: stage.busy_s / stage.num_workers)
        for stage in self.stages:
            if stage.where in places:
                places[stage.where] += stage.busy_s / stage.num_workers
        made = max(*places.values(), slowest.busy_s / slowest.num_workers)
        rate = self.records / self.wall_s if self.wall_s else 0.0
        if self.held_s > made:
            return (
                f"The loop that reads is the bottleneck: it holds a record "
                f"{duration(self.held_s / self.records)}, and the stream makes one in "
                f"{duration(made / self.records)}; {rate:,.0f} outputs/s now."
            )
        if not slowest.busy_s:
            return "No stage has taken any time yet."
        ceiling = self.records * slowest.num_workers / slowest.busy_s
        share = slowest.busy_s / slowest.num_workers / self.wall_s if self.wall_s else 0.0
        workers = f" on {slowest.num_workers} workers" if slowest.num_workers > 1 else ""
        return (
            f"{slowest.name} is the bottleneck: it is busy {share:.0%} of the time{workers}, and "
            f"allows {ceiling:,.0f} outputs/s at most; {rate:,.0f} outputs/s now."
        )

    def __str__(self) -> str:
        titles = ("stage", "where", "records", "MB", "busy", "waits in", "waits out", "ceiling/s")
        rows = [titles, *(_cells(stage) for stage in self.stages)]
        wide = [max(len(row[at]) for row in rows) for at in range(len(titles))]
        lines = [
            "  ".join(
                f"{cell:<{width}}" if at < 2 else f"{cell:>{width}}"
                for at, (cell, width) in enumerate(zip(row, wide, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, "", self.bottleneck, *self._start()])

    def _start(self) -> list[str]:
        """A line about the start, where it hides the rate that follows."""
        if self.records < 2 or self.first_s < SLOW_START * self.wall_s:
            return []
        rate = (self.records - 1) / max(self.wall_s - self.first_s, 1e-9)
        return [f"The first output took {duration(self.first_s)}; {rate:,.0f} outputs/s since."]

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _cells(stage: StageStats) -> tuple[str, ...]:
    seconds = (stage.busy_s, stage.waiting_for_input_s, stage.waiting_for_output_s)
    ceiling = f"{stage.ceiling:,.0f}" if stage.busy_s else "-"
    numbers = f"{stage.records:,}", f"{stage.size_bytes / 1e6:,.1f}", *map(duration, seconds)
    return (stage.name, stage.where, *numbers, ceiling)


def duration(seconds: float) -> str:
    """A time as a person reads it: 1.5 s, 20 ms, 3.1 us."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns" if seconds else "0"


def stats_of(chain: Chain, timing: Timing) -> Stats:
    """What a timed run of a chain has written down."""
    timing.weigh(size_of)
    stages = tuple(_stages(chain, timing))
    records = stages[-1].records if stages else 0
    return Stats(stages, records, timing.wall_s, timing.held_s, timing.first_s)


def held(records: Iterator[T], timing: Timing) -> Iterator[T]:
    """The records as they are, with the times at which they are asked for and let go."""
    clock = time.perf_counter
    asked = clock()
    for record in records:
        given = clock()
        timing.first_s = timing.first_s or given - asked
        timing.wall_s += given - asked
        yield record
        asked = clock()
        timing.held_s += asked - given
        timing.wall_s += asked - given
    timing.wall_s += clock() - asked


def profiled(chain: Chain, run: Run, *, seconds: float) -> Stats:
    """What the stages do in the first seconds of an epoch, or in all of it where it is shorter."""
    timing = Timing(chain)
    cursor = chain.open(replace(run, timing=timing))
    until = time.perf_counter() + seconds
    try:
        for _ in held(iterate(cursor), timing):
            if time.perf_counter() > until:
                break
    finally:
        cursor.close()
    return stats_of(chain, timing)


def _stages(chain: Chain, timing: Timing) -> Iterator[StageStats]:
    in_tasks = timing.num_workers > 0
    # Seconds until a record leaves the stage before: inside tasks, and beside the consumer.
    before = 0.0
    is_beside = False
    for number in sorted({*timing.accounts, *timing.waits}):
        where = _where(chain, number)
        if where == "order":
            continue
        account = timing.accounts.get(number, Account())
        workers = timing.num_workers if in_tasks and where == "task" else 1
        if where == "consumer" and in_tasks and not is_beside:
            before = timing.waits.get(_base_of(chain), 0.0)
        is_beside = where == "consumer"
        busy, waited = account.seconds, before
        if number in timing.apart:
            busy, workers = timing.apart[number]
            before = timing.waits[number]
        elif number in timing.waits and not _is_timed_itself(chain, number):
            busy = max(0.0, timing.waits[number] - before)
            before = timing.waits[number]
        else:
            before += busy
        yield StageStats(
            name=_name(chain, number),
            where=where,
            records=account.given,
            size_bytes=int(account.size_bytes / max(1, account.weighed) * account.given),
            busy_s=busy,
            waiting_for_input_s=waited,
            waiting_for_output_s=max(0.0, workers * timing.wall_s - waited - busy),
            num_workers=workers,
        )


def _name(chain: Chain, number: int) -> str:
    return chain.source_text if number == SOURCE else title_of(chain.stages[number])


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
