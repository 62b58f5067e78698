"""torchdata's MapDataPipes over headrace: records by index."""

from __future__ import annotations

from headrace.compat.torchdata.datapipes.base import MapDataPipe
from headrace.compat.torchdata.datapipes.iter.converting import IterToMapConverter
from headrace.compat.torchdata.datapipes.iter.converting import MapShuffler as Shuffler
from headrace.compat.torchdata.datapipes.map.records import (
    Batcher,
    Concater,
    InMemoryCacheHolder,
    Mapper,
    SequenceWrapper,
    UnZipper,
    Zipper,
)

__all__ = [
    "Batcher",
    "Concater",
    "InMemoryCacheHolder",
    "IterToMapConverter",
    "MapDataPipe",
    "Mapper",
    "SequenceWrapper",
    "Shuffler",
    "UnZipper",
    "Zipper",
]
