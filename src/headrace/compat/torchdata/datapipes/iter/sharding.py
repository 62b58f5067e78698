"""Where the records are shared out among ranks and workers."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError, RankError

# Any, in this file: records of every type.


class SHARDING_PRIORITIES(IntEnum):  # noqa: N801 - the original's name
    """What a sharding is for: ranks vary slowest, workers fastest."""

    DEFAULT = 1
    DISTRIBUTED = 2
    MULTIPROCESSING = 3


@functional_datapipe("sharding_filter")
class ShardingFilter(IterDataPipe[Any]):
    """`stream.shard(rank, world_size)`, once these are said; until then all.

    A reading service or `apply_sharding` says them. Where each record before it comes from one
    position, nothing is read for the others.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        sharding_group_filter: SHARDING_PRIORITIES | None = None,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.sharding_group_filter = sharding_group_filter
        self.groups: dict[int, tuple[int, int]] = {}
        self.num_of_instances = 1
        self.instance_id = 0

    def is_shardable(self) -> bool:
        """That it can be told its share."""
        return True

    def apply_sharding(
        self,
        num_of_instances: int,
        instance_id: int,
        sharding_group: SHARDING_PRIORITIES = SHARDING_PRIORITIES.DEFAULT,
    ) -> None:
        """Says which of how many shares this is.

        Raises:
            ArgumentError: there is no such share.
            RankError: it was shared out as DEFAULT and is to be so as another, or the reverse.
        """
        if not 0 <= instance_id < num_of_instances:
            raise ArgumentError(
                f"instance_id({instance_id}) should be smaller than num_of_instances"
                f"({num_of_instances}), and not below 0. Count the shares from 0."
            )
        default = SHARDING_PRIORITIES.DEFAULT
        if self.groups and (sharding_group == default) != (default in self.groups):
            raise RankError(
                "ShardingFilter cannot mix DEFAULT and non DEFAULT groups: it has "
                f"{sorted(self.groups)}, and {int(sharding_group)} was to be added. "
                "Share it out by DISTRIBUTED and MULTIPROCESSING alone."
            )
        self.groups[sharding_group] = num_of_instances, instance_id
        self._update()

    def _update(self) -> None:
        total, place = 1, 0
        for group in sorted(self.groups, reverse=True):
            if self.sharding_group_filter in (None, group):
                instances, instance = self.groups[group]
                place += total * instance
                total *= instances
        self.num_of_instances, self.instance_id = total, place

    def stream(self) -> hr.Stream[Any]:
        """`stream.shard`."""
        source = stream_of(self.source_datapipe)
        if self.num_of_instances == 1:
            return source
        return source.shard(self.instance_id, self.num_of_instances)


@functional_datapipe("sharding_round_robin_dispatch")
class ShardingRoundRobinDispatcher(IterDataPipe[Any]):
    """Marks where records are dealt out to workers; what is before runs once.

    headrace's tasks do that by themselves, so that the stream is the one before.

    Raises:
        NotImplementedError: a group other than MULTIPROCESSING.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        sharding_group_filter: SHARDING_PRIORITIES | None = None,
    ) -> None:
        if sharding_group_filter != SHARDING_PRIORITIES.MULTIPROCESSING:
            raise NotImplementedError(
                "`sharding_round_robin_dispatch` currently only supports "
                "`SHARDING_PRIORITIES.MULTIPROCESSING`, got "
                f"{sharding_group_filter!r}. Ranks share by .sharding_filter()."
            )
        self.source_datapipe = source_datapipe
        self.sharding_group_filter = sharding_group_filter

    def stream(self) -> hr.Stream[Any]:
        """The stream before."""
        return stream_of(self.source_datapipe)
