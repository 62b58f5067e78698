"""torchdata's DataLoader2 over headrace: a graph of pipes, run by a `headrace.DataLoader`."""

from __future__ import annotations

from headrace.compat.torchdata.dataloader2.dataloader2 import DataLoader2
from headrace.compat.torchdata.dataloader2.error import PauseIteration
from headrace.compat.torchdata.dataloader2.iterator import DataLoader2Iterator
from headrace.compat.torchdata.dataloader2.reading_service import (
    CheckpointableReadingServiceInterface,
    DistributedReadingService,
    InProcessReadingService,
    MultiProcessingReadingService,
    PrototypeMultiProcessingReadingService,
    ReadingServiceInterface,
    SequentialReadingService,
)
from headrace.compat.torchdata.dataloader2.shuffle_spec import ShuffleSpec

__all__ = [
    "CheckpointableReadingServiceInterface",
    "DataLoader2",
    "DataLoader2Iterator",
    "DistributedReadingService",
    "InProcessReadingService",
    "MultiProcessingReadingService",
    "PauseIteration",
    "PrototypeMultiProcessingReadingService",
    "ReadingServiceInterface",
    "SequentialReadingService",
    "ShuffleSpec",
]
