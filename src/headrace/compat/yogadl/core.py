"""The two contracts of YogaDL, for classes of the user's own: DataRef and Storage."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, TypeAlias

from headrace.compat.yogadl.stream import Stream

# Any: a tf.data.Dataset, or any other source that `headrace.Storage.submit` takes.
Submittable: TypeAlias = Any


class DataRef(abc.ABC):
    """A reference to records, wherever they are: a length, and streams over them.

    Subclasses need not inherit anything else. Those that this package gives stand on a
    `headrace.DataRef`, which is their `native`.
    """

    @abc.abstractmethod
    def stream(
        self,
        start_offset: int = 0,
        shuffle: bool = False,
        skip_shuffle_at_epoch_end: bool = False,
        shuffle_seed: int | None = None,
        shard_rank: int = 0,
        num_shards: int = 1,
        drop_shard_remainder: bool = False,
    ) -> Stream:
        """Gives the records of one shard in an order, from an offset on."""

    @abc.abstractmethod
    def __len__(self) -> int: ...


class Storage(abc.ABC):
    """A cache of datasets by id and version.

    Those that this package gives stand on a `headrace.Storage`, which is their `native`.
    """

    @abc.abstractmethod
    def submit(self, data: Submittable, dataset_id: str, dataset_version: str) -> None:
        """Stores the records of `data`, over those that were there."""

    @abc.abstractmethod
    def fetch(self, dataset_id: str, dataset_version: str) -> DataRef:
        """Gives the records that were stored."""

    @abc.abstractmethod
    def cacheable(
        self, dataset_id: str, dataset_version: str
    ) -> Callable[[Callable[..., Submittable]], Callable[..., DataRef]]:
        """Makes a function that returns a dataset give what its first call stored."""
