"""What Squirrel's chains need on torch's ranks and workers. torch is imported by what uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from headrace.compat.squirrel.iterstream.base import Composable, TorchIterable
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker
from headrace.compat.squirrel.iterstream.torch_reading import PyTorchSplittingException

__all__ = [
    "PyTorchSplittingException",
    "SplitByRank",
    "SplitByWorker",
    "TorchIterable",
    "skip_k",
]

# Any, in this file: records pass through untyped, and torch is optional.


class SplitByRank(Composable):
    """The part of this rank: every `world_size`-th record. It is `Stream.shard`.

    The rank is that of the moment of reading, as `hr.Ranks.detect` finds it, or that in a group.
    What stands before it runs for this rank's records only, where each record comes of one
    position: behind a filter all ranks make all records and keep theirs.

    Raises:
        ArgumentError: the group is text.
        RankError: when it is read, this process is not in the group.
    """

    def __init__(self, torch_dist_group: Any = None) -> None:
        super().__init__()
        self.chain_steps = (ByRank(torch_dist_group),)


class SplitByWorker(Composable):
    """The part of this worker of torch's DataLoader; outside of one all records.

    What stands before it runs for this worker's records only, also behind a filter or `flatten`:
    the parts of the workers are all records, each once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.chain_steps = (ByWorker(),)


def skip_k(rank: int, world_size: int) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A function that gives every `world_size`-th of its records, from number `rank` on.

    Example:
        >>> list(skip_k(1, 3)(range(7)))
        [1, 4]
    """
    return partial(_every, rank, world_size)


def _every(rank: int, world_size: int, records: Iterable[Any]) -> Iterator[Any]:
    # Of one rank alone all records, whatever its number.
    return islice(records, rank, None, world_size) if world_size > 1 else iter(records)
