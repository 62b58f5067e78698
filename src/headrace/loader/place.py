"""A place among batches that needs more than the position of a chain."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts import Mark, State


@dataclass(frozen=True)
class Place:
    """A mark, and what is to be added to its state."""

    mark: Mark
    added: dict[str, int]

    def state(self) -> State:
        """The state at the mark, with what is added."""
        return {**self.mark.state(), **self.added}
