"""What there is to report of a loader that takes times."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.timing import EpochTime, Span, Timing, Turn
from headrace.engine import Stats
from headrace.watching import machine_here


@dataclass(frozen=True)
class Facts:
    """The stages, the epochs, and when which worker did what.

    `tasks` are those of this machine, `far_tasks` counts those of others, whose clocks cannot be
    compared. `notes` are lines on restarts and on what was tuned.
    """

    backend: str
    stats: Stats
    epochs: tuple[EpochTime, ...]
    tasks: tuple[Span, ...]
    turns: tuple[Turn, ...]
    far_tasks: int = 0
    notes: tuple[str, ...] = ()

    @property
    def begin_s(self) -> float:
        """When the oldest of what is kept began."""
        begins = [*(task.begin_s for task in self.tasks), *(turn.begin_s for turn in self.turns)]
        return min(begins, default=0.0)

    @property
    def end_s(self) -> float:
        """When the newest of what is kept ended."""
        ends = [*(task.end_s for task in self.tasks), *(turn.end_s for turn in self.turns)]
        return max(ends, default=0.0)

    def name(self, number: int) -> str:
        """What a stage is called."""
        found = (stage.name for stage in self.stats.stages if stage.number == number)
        return next(found, f"stage {number}")


def facts_of(
    backend: str,
    stats: Stats,
    timing: Timing,
    *,
    restarts: int | None = None,
    tuned: list[int] | None = None,
) -> Facts:
    """What was written down, and what is known beside it."""
    here = machine_here()
    # A copy: a generator that is dropped elsewhere may write at any time.
    spans = list(timing.tasks)
    near = tuple(span for span in spans if span.worker.machine == here)
    return Facts(
        backend,
        stats,
        tuple(timing.epochs.values()),
        near,
        tuple(timing.turns),
        far_tasks=len(spans) - len(near),
        notes=tuple(_notes(restarts, tuned)),
    )


def _notes(restarts: int | None, tuned: list[int] | None) -> list[str]:
    notes = []
    if restarts is not None:
        notes.append(f"restarts: {restarts} workers ended and were replaced")
    if tuned:
        notes.append(f"autotune: {' -> '.join(map(str, tuned))} workers")
    return notes
