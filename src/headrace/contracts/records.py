"""The contract of random access: a length and `read(indices)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from headrace.contracts.block import Block
from headrace.contracts.errors import RecordError
from headrace.contracts.order import Indices

T = TypeVar("T")


@runtime_checkable
class Records(Protocol[T]):
    """Records by index. A class with these two methods is all that a DataRef needs.

    Some attributes are optional. `identity: str` names the data in saved states (its type and
    length otherwise). `read_ahead: int` says how many records beyond those asked for may be
    read at once because nobody can tell: 0 otherwise, so that each read has been asked for.
    `task_positions: int` bounds the records of a task: else those that read in some milliseconds.

    Records that fetch from afar may ask to be told what comes: `ahead(indices, *, left)` is called
    from time to time with the next indices that are read, in their order, of `left` in the epoch.
    `ahead_positions: int` says how many they want to know, 0 if none.
    """

    def __len__(self) -> int:
        """How many records there are."""
        ...

    def read(self, indices: Indices) -> Block[T]:
        """The records at `indices`, in that order; repeats are allowed.

        Called from several threads at once where a backend has threads.
        """
        ...


def read_exactly(records: Records[T], indices: Indices) -> Block[T]:
    """The records at `indices`, one for each.

    Raises:
        RecordError: `read` gave more or fewer.
    """
    block = records.read(indices)
    # Where several datasets are zipped, each position has a column of indices.
    asked = indices.shape[-1]
    if len(block) != asked:
        raise RecordError(
            f"{type(records).__name__}.read gave {len(block)} records for {asked} indices. "
            "It must give one for each, in their order."
        )
    return block


# One gather takes at most so many records and bytes: more would leave the processor's cache
# (W2 as bytes ran at 0.8 of LMDB with 8 MiB, and level with it with 2 MiB).
GATHER_RECORDS = 1_024
GATHER_BYTES = 2 * 2**20


def gather_ahead(size_bytes: int, count: int) -> int:
    """How many of `count` records of `size_bytes` in all one gather takes; at least one."""
    mean_bytes = max(1, size_bytes // max(1, count))
    return max(1, min(GATHER_RECORDS, GATHER_BYTES // mean_bytes))


def read_ahead_of(records: Records[Any]) -> int:
    """How many records may be read before they are asked for."""
    return int(getattr(records, "read_ahead", 0))


def task_positions_of(records: Records[Any]) -> int:
    """How many positions a task may hold at most; 0 where the records do not say."""
    return int(getattr(records, "task_positions", 0))


def ahead_positions_of(records: Records[Any]) -> int:
    """How many of the indices that come the records want to be told; 0 of those that ask none."""
    return int(getattr(records, "ahead_positions", 0))


def tell_ahead(records: Records[Any], indices: Indices, *, left: int) -> None:
    """Tells records that ask for it which indices come, of `left` in the epoch."""
    # It is an optional method, of which no type checker knows.
    ahead: Callable[..., None] | None = getattr(records, "ahead", None)
    if ahead is not None and ahead_positions_of(records) and indices.size:
        ahead(indices, left=left)


def identity_of(records: Records[Any]) -> str:
    """The name of the data in saved states."""
    named = getattr(records, "identity", None)
    return str(named) if named else f"{type(records).__name__}[{len(records)}]"
