"""Records over anything with a length and `[index]`."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from headrace.contracts.block import Block
from headrace.contracts.collate import columns_of
from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices

T_co = TypeVar("T_co", covariant=True)

# Reading these runs nobody's code, so nobody can tell how far ahead they were read.
IN_MEMORY = (list, tuple, range, np.ndarray)
# As many as an order computes at once.
READ_AHEAD = 16384


class Indexable(Sized, Protocol[T_co]):
    """A length and `[index]`: lists, arrays, map-style datasets."""

    def __getitem__(self, index: int, /) -> T_co:
        """The record at `index`."""
        ...


@dataclass(frozen=True)
class SequenceRecords(Generic[T_co]):
    """The records of a sequence.

    A sequence of the user's own is asked for exactly the indices that are read, in their order,
    each once; one that has `__getitems__(indices)` is asked for all at once.

    Raises:
        ArgumentError: it has no length or no `[index]`.

    Example:
        >>> SequenceRecords("abcd").read(np.array([3, 0]))
        ['d', 'a']
    """

    sequence: Indexable[T_co]

    def __post_init__(self) -> None:
        kind: type = type(self.sequence)
        if hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and kind is not dict:
            return
        raise ArgumentError(
            f"a sequence needs __len__ and __getitem__ by number, got {kind.__name__}. Pass a "
            "list, an array or a map-style dataset, or submit an iterable to storage first."
        )

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def identity(self) -> str:
        """The sequence's type and length."""
        return f"{type(self.sequence).__name__}[{len(self)}]"

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        return READ_AHEAD if type(self.sequence) in IN_MEMORY else 0

    def read(self, indices: Indices) -> Block[T_co]:
        """The records at `indices`, in that order."""
        sequence: Any = self.sequence  # Any: what it offers is looked up below
        if type(sequence) is np.ndarray:
            return columns_of(np.take(sequence, indices, axis=0))
        if type(sequence) in IN_MEMORY and _are_consecutive(indices):
            part = sequence[int(indices[0]) : int(indices[-1]) + 1]
            # A range is a list that is not written out: its numbers are made when they are used.
            return part if type(part) in (list, range) else list(part)
        asked = indices.tolist()
        # torch allows None in its place, for a class that has it in some states only.
        together = getattr(sequence, "__getitems__", None)
        if together is not None:
            return list(together(asked))
        return [sequence[index] for index in asked]


def _are_consecutive(indices: Indices) -> bool:
    if len(indices) == 0 or indices[-1] - indices[0] != len(indices) - 1:
        return False
    return bool((np.diff(indices) == 1).all())
