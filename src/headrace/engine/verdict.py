"""One sentence about a run: what holds it up, how fast it could be, and what to set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

# A stage that computes for less than this share of its time mostly waits.
WAITS = 0.5
# Threads that together compute so much of one core, and no more, share the interpreter's lock.
LOCKED = (0.5, 1.25)
# What gains less than a tenth is not worth a setting.
WORTH = 1.1
# So near to the best, fewer workers do as well.
NEAR = 1.05
# Beyond this many workers a machine waits for other things first.
MOST_WORKERS = 32

Kind = Literal["waits", "locked", "computes"]


@dataclass(frozen=True)
class Load:
    """What one stage takes: seconds an output, added up over its `workers`.

    `cpu_share` is the part of them in which it computes, None where nobody knows.
    """

    name: str
    where: str
    seconds: float
    workers: int = 1
    cpu_share: float | None = None
    # Whether it runs on workers of its own, beside those of the backend.
    is_apart: bool = False


@dataclass(frozen=True)
class Loads:
    """What all stages of a run take for one output, and where it runs.

    `held_s` is what the loop that reads takes for one, `wall_s` what passes for one in all.
    `num_workers` 0 says that everything runs beside the consumer.
    """

    stages: tuple[Load, ...]
    held_s: float
    wall_s: float
    backend: str
    num_workers: int
    shares_lock: bool
    cores: int

    @property
    def tasks_s(self) -> float:
        """The seconds of all stages in tasks."""
        return sum(one.seconds for one in self.stages if one.where == "task" and not one.is_apart)

    @property
    def beside_s(self) -> float:
        """The seconds of the stages in the consumer's thread."""
        return sum(one.seconds for one in self.stages if one.where != "task" and not one.is_apart)

    @property
    def apart_s(self) -> float:
        """The seconds of the slowest stage with workers of its own."""
        return max((one.seconds / one.workers for one in self.stages if one.is_apart), default=0.0)

    @property
    def made_s(self) -> float:
        """How fast the stream makes one, if nobody else works."""
        slowest = max(one.seconds / one.workers for one in self.stages)
        return max(slowest, self.tasks_s / max(1, self.num_workers), self.beside_s, self.apart_s)

    def period_s(self, workers: int, share: float = 1.0) -> float:
        """How fast outputs come with so many workers, each task taking `share` of now."""
        beside = self.beside_s + self.held_s
        tasks = self.tasks_s * share
        if workers == 0:
            return max(self.apart_s, tasks + beside)
        return max(self.apart_s, tasks / workers, beside)


def sentence(loads: Loads) -> str:
    """What holds the run up, and what to set."""
    slowest = max(loads.stages, key=lambda one: one.seconds / one.workers)
    rate = 1 / loads.wall_s if loads.wall_s else 0.0
    if loads.held_s > loads.made_s:
        return (
            f"The loop that reads is the bottleneck: it holds a record {duration(loads.held_s)}, "
            f"and the stream makes one in {duration(loads.made_s)}; {rate:,.0f} outputs/s "
            f"now{_beside_the_loop(loads)}."
        )
    if not slowest.seconds:
        return "No stage has taken any time yet."
    busy = slowest.seconds / slowest.workers
    share = min(1.0, busy / loads.wall_s) if loads.wall_s else 0.0
    workers = f" on {slowest.workers} workers" if slowest.workers > 1 else ""
    return (
        f"{slowest.name} is the bottleneck: it is busy {share:.0%} of the time{workers}, and "
        f"allows {1 / busy:,.0f} outputs/s at most; {rate:,.0f} outputs/s now; "
        f"{_cure(loads, slowest)}."
    )


def duration(seconds: float) -> str:
    """A time as a person reads it: 1.5 s, 20 ms, 3.1 us."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns" if seconds else "0"


def _beside_the_loop(loads: Loads) -> str:
    """How much the loader waits; where it has no worker, what one would gain."""
    if loads.num_workers:
        held = min(1.0, loads.held_s / loads.wall_s) if loads.wall_s else 1.0
        return f", and the loader waits for it {held:.0%} of the time"
    gain = loads.period_s(0) / loads.period_s(1)
    if gain < WORTH:
        return "; nothing in the loader would make it faster"
    return f"; a worker beside it would allow up to {gain:.1f}x: hr.Threads(1)"


def _cure(loads: Loads, slowest: Load) -> str:
    if slowest.is_apart:
        more = min(2 * slowest.workers, MOST_WORKERS)
        return f"give it more workers of its own: max_workers={more}"
    if slowest.where != "task":
        return (
            "it runs beside the consumer, one record after the other: make it an async_map, or put "
            "it before the stage that takes it off the workers (explain() shows which)"
        )
    return _workers_for(loads, _kind(loads, slowest), slowest.cpu_share)


def _kind(loads: Loads, slowest: Load) -> Kind:
    share = slowest.cpu_share
    if share is None:
        return "computes"
    least, most = LOCKED
    if loads.shares_lock and slowest.workers > 1 and least <= share * slowest.workers <= most:
        return "locked"
    return "waits" if share < WAITS else "computes"


def _workers_for(loads: Loads, kind: Kind, cpu_share: float | None) -> str:
    """The backend and the number of workers that would help, and how far."""
    most = MOST_WORKERS if kind == "waits" else loads.cores
    # Freed of the lock, a task takes what it computes.
    share = (cpu_share or 1.0) if kind == "locked" else 1.0
    now, best = loads.period_s(loads.num_workers), loads.period_s(most, share)
    enough = (n for n in range(1, most + 1) if loads.period_s(n, share) <= best * NEAR)
    workers = next(enough, most)
    gain = now / best if best else math.inf
    last = _last_bound(loads)
    if gain < WORTH and loads.tasks_s * share / most < loads.beside_s + loads.held_s:
        return f"more workers would not make it faster: {last} bounds you next"
    if gain < WORTH or (workers <= loads.num_workers and kind != "locked"):
        return f"{_exhausted(loads, kind)}, or keep what it makes with cache"
    why = {
        "waits": "it mostly waits",
        "locked": "its threads wait for one another's interpreter lock",
        "computes": "it computes",
    }[kind]
    is_last = loads.tasks_s * share / workers < NEAR * (loads.beside_s + loads.held_s)
    then = f", then {last} bounds you" if is_last else ""
    backend = _backend(loads, kind)
    return f"{why}: {backend.format(workers)} would allow up to {gain:.1f}x{then}"


def _last_bound(loads: Loads) -> str:
    """What is left when tasks take no time."""
    return "the loop that reads" if loads.held_s >= loads.beside_s else "the consumer's own work"


def _exhausted(loads: Loads, kind: Kind) -> str:
    """What is in use already, and what to change then."""
    if kind == "waits":
        return f"it mostly waits, on {loads.num_workers} workers side by side: let it wait less"
    cores = "the one core is" if loads.cores == 1 else f"all {loads.cores} cores are"
    return f"{cores} busy: make it cheaper"


def _backend(loads: Loads, kind: Kind) -> str:
    """What to set, with a place for the number of workers."""
    if loads.num_workers and loads.backend not in ("Threads", "Processes"):
        return "{} workers"
    if kind == "computes" and loads.backend == "Threads":
        return "backend=hr.Threads({})"
    # A thread that waits costs next to nothing, a process its memory.
    return "backend=hr.Threads({})" if kind == "waits" else "backend=hr.Processes({})"
