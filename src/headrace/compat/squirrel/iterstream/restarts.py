"""A chain that is read again and again, each time in its next epoch."""

from __future__ import annotations

from typing import Any, Final

from headrace.compat.squirrel.iterstream.chaining import parts_of
from headrace.orders.mix import pass_epoch

# Any, in this file: records pass through untyped.
END: Final = object()


class Restarting:
    """Gives records one by one; `reinits` says how often it began again."""

    def __init__(self, source: Any, epoch: int) -> None:
        self._parts = parts_of(source)
        self._epoch = epoch
        self._records = self._parts.read(epoch)
        self._is_empty = True
        self.has_ended = False
        self.reinits = 0

    def next(self) -> Any:
        """The next record; END after the last."""
        record = next(self._records, END)
        if record is END:
            self.has_ended = True
        else:
            self._is_empty = False
        return record

    def begin_again(self) -> bool:
        """Begins its next epoch, once it has ended; False where it has nothing to give.

        A generator is used up by its first pass: what is empty then is counted once.
        """
        if self._is_empty and self.reinits:
            return False
        self.reinits += 1
        self._records = self._parts.read(pass_epoch(self._epoch, self.reinits))
        self._is_empty, self.has_ended = True, False
        return True

    def close(self) -> None:
        """Ends the pass that runs."""
        self._records.close()
