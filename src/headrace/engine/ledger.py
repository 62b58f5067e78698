"""The failures that guards have covered: counted, listed, and held against their budgets."""

from __future__ import annotations

import traceback
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts import Guard, Kernel
from headrace.engine.feed import AddressedFeed, Feed
from headrace.engine.notes import Origin
from headrace.engine.passes import Failure
from headrace.engine.quarantine import Quarantine

# A share is one of so many records at least, where nobody knows how many there will be.
LEAST_KNOWN = 1000


@dataclass
class Account:
    """The failures of one guard: those before a resume, and the units of those since, rising."""

    kernel: Kernel
    guard: Guard
    before: int
    units: list[int] = field(default_factory=list)
    quarantine: Quarantine | None = None

    @property
    def total(self) -> int:
        return self.before + len(self.units)

    def until(self, unit: int) -> int:
        """How many failures lie before a unit."""
        return self.before + bisect_left(self.units, unit)


class Ledger:
    """The accounts of a run of guards in one epoch. Failures are reported in order, by one thread.

    `before` are the counts of the state that the epoch goes on from.
    """

    def __init__(
        self, guards: tuple[Kernel, ...], before: list[int], *, origin: Origin, feed: Feed | None
    ) -> None:
        counts = before or [0] * len(guards)
        self._accounts = {
            kernel.number: Account(kernel, kernel.guard, count)
            for kernel, count in zip(guards, counts, strict=True)
            if kernel.guard is not None
        }
        for account in self._accounts.values():
            if account.guard.quarantine is not None:
                account.quarantine = Quarantine(account.guard.quarantine)
        self._origin = origin
        self._feed = feed

    def counts(self, unit: int) -> tuple[int, ...]:
        """How many failures each guard has covered before a unit; empty while there is none."""
        found = tuple(account.until(unit) for account in self._accounts.values())
        return found if any(found) else ()

    def report(self, failure: Failure) -> None:
        """Counts and lists a failure.

        Raises:
            Exception: the failure's own error, where the budget is used up.
            OSError: it cannot be listed.
        """
        account = self._accounts[failure.guard]
        account.units.append(failure.unit)
        self._list(failure, account)
        allowed = self._allowed(account.guard, failure)
        if allowed is not None and account.total > allowed:
            self._note(failure.error, failure.stage, failure)
            failure.error.add_note(
                f"headrace: {account.kernel.name} allows {allowed} failures in an epoch, and this "
                f"is number {account.total}. Mend the records, or raise the budget."
            )
            raise failure.error

    def _list(self, failure: Failure, account: Account) -> None:
        if account.quarantine is None:
            return
        try:
            account.quarantine.add(self._line(failure, account))
        except OSError as error:
            self._note(error, account.kernel.name, failure)
            error.add_note(
                f"headrace: the quarantine {account.guard.quarantine} must list each failure, and "
                "takes no line. Make room, or name another file, and resume."
            )
            raise

    def _note(self, error: Exception, stage: str, failure: Failure) -> None:
        if failure.places is None:
            self._origin.note(error, stage)
            return
        start, stop = failure.places
        unit = self._origin.segment.unit
        self._origin.note(error, stage, self._feed, (start // unit, -(-stop // unit)))

    def _allowed(self, guard: Guard, failure: Failure) -> int | None:
        if not isinstance(guard.budget, float):
            return guard.budget
        count = self._origin.lengths.get(failure.guard)
        if count is None and self._feed is not None:
            count = self._feed.count
        if count is None:
            so_far = failure.unit + 1 if failure.places is None else failure.places[1]
            count = max(LEAST_KNOWN, so_far)
        return int(guard.budget * count)

    def _line(self, failure: Failure, account: Account) -> dict[str, Any]:  # Any: JSON
        error = failure.error
        # What is stored is named dataset@version#digest.
        dataset, _, rest = self._origin.identity.partition("@")
        return {
            "data": self._origin.identity,
            "dataset": dataset,
            "version": rest.partition("#")[0] or None,
            "epoch": self._origin.run.epoch,
            "rank": self._origin.run.rank,
            "at": [failure.unit, account.total - account.until(failure.unit) - 1],
            "position": self._position(failure.places),
            "index": self._index(failure.places),
            "stage": failure.stage,
            "on_error": account.kernel.name,
            "error": f"{type(error).__name__}: {error}",
            "traceback": "".join(traceback.format_exception(error)),
        }

    def _position(self, places: tuple[int, int] | None) -> Any:  # Any: a number, or several
        return places[0] if places is not None and places[1] - places[0] == 1 else places

    def _index(self, places: tuple[int, int] | None) -> Any:  # Any: a number, or several
        if places is None or not isinstance(self._feed, AddressedFeed):
            return None
        indices = self._feed.indices(*places).tolist()
        return indices[0] if len(indices) == 1 else indices
