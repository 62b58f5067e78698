"""The part of a rank or worker: a shard of headrace, whose numbers are known when it is read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import ArgumentError, RankError
from headrace.ranks import Ranks
from headrace.stages import Shard

# Any, in this file: torch is optional.


@dataclass(frozen=True)
class ByRank:
    """The part of one rank; `sent` is (rank, world_size) of the process that it was sent from."""

    group: Any = None
    sent: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.group, str):
            raise ArgumentError(
                f"torch_dist_group must be a process group, got the text {self.group!r}. Pass what "
                "torch.distributed.new_group(...) gave, or leave it out for all ranks."
            )

    def world(self) -> tuple[int, int]:
        """The rank, and how many there are, at this moment.

        Raises:
            RankError: this process is in no such group.
        """
        if self.sent is not None and self.sent[1] > 1:
            # A worker does not know the ranks that its main process is one of.
            return self.sent
        if self.group is None:
            ranks = Ranks.detect()
            return ranks.rank, ranks.world_size
        distributed = sys.modules["torch"].distributed
        rank = distributed.get_rank(self.group)
        if rank < 0:
            raise RankError(
                "a stream was split over a process group that this process is not in. One with "
                "all ranks that read the stream was expected. Make the group of all of them."
            )
        return rank, distributed.get_world_size(self.group)

    def shard(self) -> Shard | None:
        """The shard of this rank; None where it is alone."""
        rank, world_size = self.world()
        return Shard(rank, world_size) if world_size > 1 else None

    def __reduce__(self) -> tuple[type[ByRank], tuple[None, tuple[int, int]]]:
        return ByRank, (None, self.world())


@dataclass(frozen=True)
class ByWorker:
    """The part of one worker of torch's DataLoader."""

    def shard(self) -> Shard | None:
        """The shard of this worker; None outside of one."""
        worker = worker_of_torch()
        return None if worker is None else Shard(worker.id, worker.num_workers)


def worker_of_torch() -> Any:
    """What torch says of the worker that this process is; None where it is none."""
    # A worker of torch's has imported it.
    utils = getattr(sys.modules.get("torch"), "utils", None)
    data = getattr(utils, "data", None)
    return None if data is None else data.get_worker_info()
