"""What a timed run writes down about each stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# The source of a chain, which stands before stage 0.
SOURCE = -1


@dataclass
class Account:
    """What a stage did: records given, and the seconds that its own work took."""

    seconds: float = 0.0
    given: int = 0
    size_bytes: float = 0.0
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
    # The seconds since the run began, and those in which its reader held a record.
    wall_s: float = 0.0
    held_s: float = 0.0
    # The seconds until the first record of all came.
    first_s: float = 0.0

    def account(self, number: int) -> Account:
        """The account of a stage, opened where it has none."""
        return self.accounts.setdefault(number, Account())

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
        self.tasks_s += other.tasks_s
