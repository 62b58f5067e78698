"""What each stage of a timed run did, and which of them holds the run up."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headrace.contracts import Run, iterate
from headrace.contracts.timing import SOURCE, Account, Timing
from headrace.engine.chain import Chain
from headrace.engine.lint import title_of
from headrace.engine.measured import measured
from headrace.engine.turns import held
from headrace.engine.verdict import Load, Loads, duration, sentence
from headrace.watching import cores, size_of

# A start that takes more than this share of a run is told apart.
SLOW_START = 0.3


@dataclass(frozen=True)
class StageStats:
    """What one stage did so far. `busy_s` adds up its workers' seconds.

    `waiting_for_input_s` is what the stages before it took while it waited for them,
    `waiting_for_output_s` what passed while nobody asked it for records. `size_bytes` is what
    its records have, measured on a share of them. In `cpu_share` of its time it computes, in the
    rest it waits; None where that is not known. `number` is its place in the chain, -1 that of
    the source; a stage that `is_apart` has workers of its own.
    """

    name: str
    where: str
    records: int
    size_bytes: int
    busy_s: float
    waiting_for_input_s: float
    waiting_for_output_s: float
    num_workers: int
    cpu_share: float | None = None
    number: int = 0
    is_apart: bool = False

    @property
    def ceiling(self) -> float:
        """The records a second that it would give if all else took no time."""
        return self.records * self.num_workers / self.busy_s if self.busy_s else float("inf")


@dataclass(frozen=True)
class Stats:
    """What the stages of a run did so far, the source first.

    `wall_s` is the time since the run began; in `held_s` of it the loop that reads held a record.
    `first_s` passed before the first one came: pools and clusters start in it. Tasks ran on the
    `num_workers` of a `backend` (0: on none), which may share one interpreter's lock.

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
    backend: str = "Inline"
    num_workers: int = 0
    shares_lock: bool = False
    cores: int = 1
    # Batches that were left out, so that the epochs of all ranks end together.
    dropped: int = 0

    @property
    def bottleneck(self) -> str:
        """One sentence: what holds the run up, what it can give at most, and what to set.

        Whether a stage waits or computes is told by the clock of its thread; on Linux, to want a
        core that others have counts as computing. Tasks that wait gain by more workers than there
        are cores, threads that share the interpreter's lock only by processes. A slow start is no
        part of the rate.
        """
        if not self.records or not self.stages:
            return "Nothing was read yet."
        return sentence(
            Loads(
                tuple(self._load(stage) for stage in self.stages),
                held_s=self.held_s / self.records,
                wall_s=self._period_s,
                backend=self.backend,
                num_workers=self.num_workers,
                shares_lock=self.shares_lock,
                cores=self.cores,
            )
        )

    @property
    def _starts_slowly(self) -> bool:
        return self.records > 1 and self.first_s >= SLOW_START * self.wall_s

    @property
    def _period_s(self) -> float:
        """What passes for one output, a slow start left out."""
        if self._starts_slowly:
            return (self.wall_s - self.first_s) / (self.records - 1)
        return self.wall_s / self.records

    def _load(self, stage: StageStats) -> Load:
        return Load(
            stage.name,
            stage.where,
            stage.busy_s / self.records,
            workers=stage.num_workers,
            cpu_share=stage.cpu_share,
            is_apart=stage.is_apart,
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
        if not self._starts_slowly:
            return []
        rate = 1 / max(self._period_s, 1e-9)
        return [f"The first output took {duration(self.first_s)}; {rate:,.0f} outputs/s since."]

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _cells(stage: StageStats) -> tuple[str, ...]:
    seconds = (stage.busy_s, stage.waiting_for_input_s, stage.waiting_for_output_s)
    ceiling = f"{stage.ceiling:,.0f}" if stage.busy_s else "-"
    numbers = f"{stage.records:,}", f"{stage.size_bytes / 1e6:,.1f}", *map(duration, seconds)
    return (stage.name, stage.where, *numbers, ceiling)


def stats_of(chain: Chain, timing: Timing) -> Stats:
    """What a timed run of a chain has written down."""
    timing.weigh(size_of)
    stages = tuple(_stages(chain, timing))
    records = stages[-1].records if stages else 0
    return Stats(
        stages,
        records,
        timing.wall_s,
        timing.held_s,
        timing.first_s,
        backend=timing.backend,
        num_workers=timing.num_workers,
        shares_lock=timing.shares_lock,
        cores=cores(),
    )


def profiled(chain: Chain, run: Run, *, seconds: float) -> Stats:
    """What the stages do in the first seconds of an epoch, or in all of it where it is shorter."""
    timing = Timing(chain)
    cursor = chain.open(replace(run, timing=timing))
    until = time.perf_counter() + seconds
    try:
        for _ in held(iterate(cursor), timing, lambda: run.epoch):
            if time.perf_counter() > until:
                break
    finally:
        cursor.close()
    return stats_of(chain, timing)


def _stages(chain: Chain, timing: Timing) -> Iterator[StageStats]:
    for one in measured(chain, timing):
        account = timing.accounts.get(one.number, Account())
        yield StageStats(
            name=_name(chain, one.number),
            where=one.where,
            records=account.given,
            size_bytes=int(account.size_bytes / max(1, account.weighed) * account.given),
            busy_s=one.busy_s,
            waiting_for_input_s=one.waited_s,
            waiting_for_output_s=max(0.0, one.workers * timing.wall_s - one.waited_s - one.busy_s),
            num_workers=one.workers,
            cpu_share=_cpu_share(account, timing),
            number=one.number,
            is_apart=one.is_apart,
        )


def _cpu_share(account: Account, timing: Timing) -> float | None:
    """The share of its time in which it computes, or would if it had a core."""
    if not account.watched_s:
        return None
    return min(1.0, account.cpu_s * timing.stretch / account.watched_s)


def _name(chain: Chain, number: int) -> str:
    return chain.source_text if number == SOURCE else title_of(chain.stages[number])
