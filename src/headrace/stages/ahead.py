"""The running form of the stages that look ahead: `async_map` and `prefetch`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Mark, State, with_memo
from headrace.executors import Ahead

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class AheadMark:
    """A place between two delivered records."""

    before: Mark
    # Bit i: the i-th record after `before` is delivered.
    mask: int

    def state(self) -> State:
        """The parent's state before the oldest undelivered record, with the mask in hex."""
        return with_memo(self.before.state(), f"{self.mask:x}" if self.mask else None)


class AheadCursor:
    """Delivers what was made ahead; its state says the oldest record that is not delivered."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead

    def read(self, n: int) -> list[Any]:
        return self._ahead.take(n)

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        while found := self._ahead.take(1):
            yield found[0]

    def mark(self) -> AheadMark:
        return AheadMark(*self._ahead.where())

    def state(self) -> State:
        return self.mark().state()

    def failed_between(self, error: BaseException) -> tuple[State, State] | None:
        """Where the parent stood before and after the record that gave this error."""
        at = self._ahead.failed_at(error)
        return None if at is None else (at[0].state(), at[1].state())

    def worked(self) -> tuple[float, int]:
        """The seconds that the function took on all workers, and how many workers there are."""
        return self._ahead.worked()

    def close(self) -> None:
        self._ahead.close()
