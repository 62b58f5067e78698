"""The state of a stage beside the consumer: its parent's state and one small value."""

from __future__ import annotations

from typing import Any

from headrace.contracts.node import State


def with_memo(parent: State, memo: Any) -> State:  # Any: whatever JSON can hold
    """The parent's state with this stage's value added to its "stages"."""
    return {**parent, "stages": [*parent["stages"], memo]}
