"""TensorPack DataFlow as a source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.records import Records
from headrace.contracts.source import Drawn

# Any, in this file: a DataFlow is known by its shape, and its datapoints are of every type.


@dataclass(frozen=True)
class TensorpackSource:
    """The datapoints of a DataFlow as they come: lists or dicts of components.

    `reset_state` is called once in each process, before its first pass, as TensorPack asks.

    Example:
        >>> class Flow:
        ...     def reset_state(self): self.ready = True
        ...     def __iter__(self): return iter([[1, 2], [3, 4]]) if self.ready else None
        >>> list(TensorpackSource(Flow()).draw(0))
        [[1, 2], [3, 4]]
    """

    flow: Any
    # The processes in which it was reset: flows that fork refuse a second time.
    _reset_in: set[int] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """The type's name."""
        return f"drawn from {type(self.flow).__name__}"

    @property
    def size(self) -> None:
        """Not known: a DataFlow's length is rough by its own contract."""
        return None

    @property
    def is_endless(self) -> bool:
        """Whether a RepeatedData without an end is among the flows that it is made of."""
        flow = self.flow
        while flow is not None:
            if type(flow).__name__ == "RepeatedData" and getattr(flow, "num", None) == -1:
                return True
            flow = getattr(flow, "ds", None)
        return False

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        if os.getpid() not in self._reset_in:
            self.flow.reset_state()
            self._reset_in.add(os.getpid())
        return iter(self.flow)


def tensorpack_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind.

    A DataFlow is known by `reset_state` and `__iter__`, whatever package it comes from.
    """
    kind = type(source)
    is_flow = hasattr(kind, "reset_state") and hasattr(kind, "__iter__")
    return TensorpackSource(source) if is_flow and not isinstance(source, type) else None
