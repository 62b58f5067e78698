"""What a timed run writes down about each stage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# The source of a chain, which stands before stage 0.
SOURCE = -1
# Each so many tasks and passes are timed by the clock of their thread too: it takes half a
# microsecond to read.
CPU_EVERY = 8
# Tasks and turns take milliseconds at least: so many are a minute, in some MB.
KEPT_SPANS = 10_000
# More than anybody reads.
KEPT_EPOCHS = 1_000


class Worker(NamedTuple):
    """Which worker ran a task. Clocks are the same within a `machine`."""

    machine: str
    process: int
    thread: str


class Span(NamedTuple):
    """When a task ran, by `time.perf_counter`, which all processes of a machine share.

    It made the positions [start, stop) of an epoch; `busy` holds the seconds of each stage.
    """

    worker: Worker
    begin_s: float
    end_s: float
    epoch: int
    start: int
    stop: int
    busy: tuple[tuple[int, float], ...]


class CoreTime(NamedTuple):
    """The seconds in which a thread had a core, and those in which it wanted one, so far."""

    ran_s: float
    queued_s: float


class Turn(NamedTuple):
    """What the consumer did for some outputs that came one after the other.

    It waited for them, in which time the stages beside it were `busy`, and then held them.
    """

    begin_s: float
    waited_s: float
    held_s: float
    outputs: int
    busy: tuple[tuple[int, float], ...]

    @property
    def end_s(self) -> float:
        """When the last output was let go."""
        return self.begin_s + self.waited_s + self.held_s


@dataclass
class EpochTime:
    """How long the consumer waited in an epoch, how long it held, and for how many outputs."""

    epoch: int
    outputs: int = 0
    waited_s: float = 0.0
    held_s: float = 0.0


@dataclass
class Account:
    """What a stage did: records given, and the seconds that its own work took.

    In `watched_s` of these its thread computed for `cpu_s`.
    """

    seconds: float = 0.0
    given: int = 0
    size_bytes: float = 0.0
    cpu_s: float = 0.0
    watched_s: float = 0.0
    # The newest record, and how many are in `size_bytes` already.
    last: Any = None  # Any: records of every type
    weighed: int = 0


@dataclass
class Timing:
    """The accounts of the stages of one chain, by their ordinals.

    `waits` holds, for a stage beside the consumer, the seconds in which the consumer was inside
    it: its own work and that of all before it.
    """

    # What the ordinals are of: the chain that is timed.
    chain: Any = None  # Any: the engine's chain, which contracts do not know
    accounts: dict[int, Account] = field(default_factory=dict)
    waits: dict[int, float] = field(default_factory=dict)
    # Stages that work on threads of their own: the seconds and how many there are.
    apart: dict[int, tuple[float, int]] = field(default_factory=dict)
    # The seconds that tasks took, and how many workers there are for them; 0 for none.
    tasks_s: float = 0.0
    num_workers: int = 0
    # The backend's name, and whether its workers share an interpreter.
    backend: str = "Inline"
    shares_lock: bool = False
    # How long threads had a core while they were watched, and how long they wanted one.
    ran_s: float = 0.0
    queued_s: float = 0.0
    # Whether the loops that are opened now also read the clock of their thread.
    counts_cpu: bool = False
    # The newest tasks and turns of the consumer, oldest first, and the epochs by their numbers.
    tasks: deque[Span] = field(default_factory=lambda: deque(maxlen=KEPT_SPANS))
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=KEPT_SPANS))
    epochs: dict[int, EpochTime] = field(default_factory=dict)
    # The seconds since the run began, and those in which its reader held a record.
    wall_s: float = 0.0
    held_s: float = 0.0
    # The seconds until the first record of all came.
    first_s: float = 0.0

    def account(self, number: int) -> Account:
        """The account of a stage, opened where it has none."""
        return self.accounts.setdefault(number, Account())

    def epoch(self, number: int) -> EpochTime:
        """The times of an epoch, opened where it has none."""
        found = self.epochs.setdefault(number, EpochTime(number))
        if len(self.epochs) > KEPT_EPOCHS:
            del self.epochs[next(iter(self.epochs))]
        return found

    @property
    def stretch(self) -> float:
        """How much longer computing took because the cores had other work, too."""
        return 1 + self.queued_s / self.ran_s if self.ran_s > 0 else 1.0

    def queued(self, before: CoreTime, after: CoreTime) -> None:
        """Adds what passed of a thread between two looks."""
        if after.ran_s > before.ran_s:
            self.ran_s += after.ran_s - before.ran_s
            self.queued_s += max(0.0, after.queued_s - before.queued_s)

    def weigh(self, size_of: Callable[[Any], int]) -> None:
        """Weighs the newest record of each stage for those given since the last time."""
        # A list: threads that draw ahead open accounts of their own.
        for account in list(self.accounts.values()):
            if account.given > account.weighed:
                account.size_bytes += size_of(account.last) * (account.given - account.weighed)
                account.weighed = account.given
                account.last = None

    def merge(self, other: Timing) -> None:
        """Adds what a task wrote down."""
        for number, one in other.accounts.items():
            account = self.account(number)
            account.seconds += one.seconds
            account.given += one.given
            account.size_bytes += one.size_bytes
            account.weighed += one.weighed
            account.cpu_s += one.cpu_s
            account.watched_s += one.watched_s
        self.tasks_s += other.tasks_s
        self.ran_s += other.ran_s
        self.queued_s += other.queued_s
        self.tasks.extend(other.tasks)
