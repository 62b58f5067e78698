"""torchdata's DataPipes over headrace: each stands for a `headrace.Stream`."""

from __future__ import annotations

from headrace.compat.torchdata.datapipes import iter, map, utils  # noqa: A004 - the original's names
from headrace.compat.torchdata.datapipes.base import IterDataPipe, MapDataPipe
from headrace.compat.torchdata.datapipes.chunk import DataChunk
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.opened import StreamWrapper

__all__ = [
    "DataChunk",
    "IterDataPipe",
    "MapDataPipe",
    "StreamWrapper",
    "functional_datapipe",
    "iter",
    "map",
    "utils",
]
