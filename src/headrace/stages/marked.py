"""A place in the records of a stage beside the consumer."""

from __future__ import annotations

from typing import Any

from headrace.contracts import Mark, State, with_memo


class Marked:
    """The parent's place and this stage's value: as cheap as the parent's mark."""

    __slots__ = ("_before", "_memo")

    def __init__(self, before: Mark, memo: Any = None) -> None:  # Any: whatever JSON can hold
        self._before = before
        self._memo = memo

    def state(self) -> State:
        return with_memo(self._before.state(), self._memo)
